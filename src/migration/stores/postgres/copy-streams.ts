/** COPY over one connection: rows out of a query and into a table, as fast as the slower side takes them. */
import { once } from 'node:events';
import type { ClientBase } from 'pg';
import { from, to } from 'pg-copy-streams';

/** Bytes that are taken from the socket at once, and that wait for it at most. */
const PACKET_BYTES = 1 << 16;
const AHEAD_BYTES = 1 << 18;

/** The driver's timeout is for a whole statement, and is cleared by calling this back; here each wait has its own. */
const untimed = (longestMs: number) => ({ query_timeout: longestMs, callback: (): void => {} });

export interface Patience {
  /** How long the other side may be silent while it is waited for, milliseconds. */
  readonly answerMs: number;
  /** How long a statement may take, milliseconds. */
  readonly longestMs: number;
}

/** What `copy … to stdout` sends, as it comes. The connection is of no use any more if this is not read to its end. */
export async function* copyOut(client: ClientBase, sql: string, patience: Patience): AsyncGenerator<Buffer> {
  const stream = Object.assign(to(sql, { highWaterMark: PACKET_BYTES }), untimed(patience.longestMs));
  // Whoever left early does not hear of the connection's end.
  stream.on('error', () => {});
  client.query(stream);
  try {
    const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await answered(chunks.next(), patience.answerMs);
      if (done) return;
      yield value;
    }
  } finally {
    stream.callback();
  }
}

/** Sends the lines into `copy … from stdin`; how many rows the server took. What `lines` throws is thrown on, nothing having been copied. */
export async function copyIn(
  client: ClientBase,
  sql: string,
  lines: AsyncIterable<Buffer>,
  patience: Patience,
): Promise<number> {
  const stream = Object.assign(from(sql, { highWaterMark: AHEAD_BYTES }), untimed(patience.longestMs));
  const failure = new AbortController();
  const over = new Promise<void>((resolve, reject) => {
    stream.once('finish', resolve);
    stream.on('error', (error) => {
      failure.abort(error);
      reject(error);
    });
  });
  // It is looked at further down; until then a failure shows in the signal.
  over.catch(() => undefined);
  client.query(stream);
  try {
    for await (const packet of lines) {
      failure.signal.throwIfAborted();
      if (!stream.write(packet)) await answered(Promise.race([once(stream, 'drain'), over]), patience.answerMs);
    }
    failure.signal.throwIfAborted();
    stream.end();
    await answered(over, patience.answerMs);
    return stream.rowCount;
  } catch (error) {
    // The server hears that there is no more to come, and forgets what came.
    if (!failure.signal.aborted) stream.destroy(new Error('the copy was broken off'));
    throw error;
  } finally {
    stream.callback();
  }
}

async function answered<T>(answer: Promise<T>, ms: number): Promise<T> {
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`the server was silent for ${ms} ms`)), ms);
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
  }
}
