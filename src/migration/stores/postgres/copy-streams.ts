/**
 * COPY over one connection: rows out of a query and into a table, as fast as the slower side takes them.
 *
 * What the protocol (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY) calls CopyData goes past the driver, which
 * would look at every row: the other messages are its own. It is kept busy by the statement's object meanwhile.
 */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Connection as Wire, Submittable } from 'pg';
import { Intercepted } from '../intercepted.ts';

/** Bytes that wait at most for the server. */
const AHEAD_BYTES = 1 << 18;

const [COPY_DATA, COPY_DONE, ERROR] = [0x64, 0x63, 0x45];
const LENGTH_BYTES = 4;
const HEADER_BYTES = 1 + LENGTH_BYTES;
/** CopyDone of a client. */
const DONE = Buffer.from([COPY_DONE, 0, 0, 0, LENGTH_BYTES]);
/** CopyFail, which has a reason behind its length. */
const BROKEN_OFF = Buffer.concat([Buffer.from([0x66, 0, 0, 0, LENGTH_BYTES + 15]), Buffer.from('was broken off\0')]);

export interface Patience {
  /** How long the other side may be silent while it is waited for, milliseconds. */
  readonly answerMs: number;
  /** How long a statement may take, milliseconds. */
  readonly longestMs: number;
}

/** What is asked of the driver. */
export interface Client {
  query(statement: Submittable): unknown;
}

/** What the driver asks of the object of a statement. */
export abstract class Statement {
  readonly #sql: string;
  /** The driver's timeout is for a whole statement, and is cleared by calling this back; here each wait has its own. */
  readonly query_timeout: number;
  callback = (): void => {};
  readonly #over = Promise.withResolvers<void>();
  /** When the server is ready for the next statement; rejects with what it says, or because it is gone. */
  readonly over = this.#over.promise;
  rows = 0;

  constructor(sql: string, longestMs: number) {
    this.#sql = sql;
    this.query_timeout = longestMs;
    // Looked at later, or by nobody who left early.
    this.over.catch(() => undefined);
  }

  submit(wire: Wire): void {
    this.begin(wire.stream);
    wire.query(this.#sql);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.rows = Number(/^COPY (\d+)/.exec(text)?.[1] ?? 0);
  }

  handleReadyForQuery(): void {
    this.#over.resolve();
  }

  handleError(error: unknown): void {
    this.#over.reject(error);
  }

  protected abstract begin(stream: Duplex): void;
}

/**
 * What `copy … to stdout` sends: CopyData messages, whole, one or more at a time, as they come. They may be written to. The connection
 * is of no use any more if this is not read to its end.
 */
export async function* copyOut(client: Client, sql: string, patience: Patience): AsyncGenerator<Buffer> {
  const statement = new Out(sql, patience.longestMs);
  client.query(statement);
  try {
    for (;;) {
      const messages = await answered(statement.next(), patience.answerMs);
      if (messages === null) break;
      yield messages;
    }
    await answered(statement.over, patience.answerMs);
  } finally {
    statement.callback();
  }
}

class Out extends Statement {
  readonly #rows = new Intercepted({
    // Length is told behind the kind, and counts itself.
    endOf: (bytes, at) => (at + HEADER_BYTES > bytes.length ? at + HEADER_BYTES : at + 1 + bytes.readInt32BE(at + 1)),
    ownerOf: (bytes, at) => {
      const kind = bytes[at];
      if (kind === COPY_DATA) return 'READER';
      return kind === COPY_DONE || kind === ERROR ? 'LAST' : 'DRIVER';
    },
  });

  next(): Promise<Buffer | null> {
    return this.#rows.next();
  }

  protected override begin(stream: Duplex): void {
    this.#rows.begin(stream);
    this.over.catch(() => this.#rows.giveBack());
  }
}

/** Sends the CopyData messages into `copy … from stdin`; how many rows the server took. What `packets` throws is thrown on, nothing having been copied. */
export async function copyIn(
  client: Client,
  sql: string,
  packets: AsyncIterable<Buffer>,
  patience: Patience,
): Promise<number> {
  const statement = new In(sql, patience.longestMs);
  const failure = new AbortController();
  statement.over.catch((error: unknown) => failure.abort(error));
  client.query(statement);
  try {
    const stream = await answered(statement.ready, patience.answerMs);
    for await (const packet of packets) {
      failure.signal.throwIfAborted();
      stream.write(packet);
      if (stream.writableLength < AHEAD_BYTES) continue;
      await answered(Promise.race([once(stream, 'drain'), statement.over]), patience.answerMs);
    }
    failure.signal.throwIfAborted();
    stream.write(DONE);
    await answered(statement.over, patience.answerMs);
    return statement.rows;
  } catch (error) {
    // The server hears that there is no more to come, and forgets what came.
    if (!failure.signal.aborted) statement.breakOff();
    throw error;
  } finally {
    statement.callback();
  }
}

class In extends Statement {
  #wire: Wire | null = null;
  readonly #ready = Promise.withResolvers<Duplex>();
  /** When the server takes rows: where they go. */
  readonly ready = Promise.race([this.#ready.promise, this.over.then((): never => this.#tooSoon())]);

  override submit(wire: Wire): void {
    this.#wire = wire;
    this.ready.catch(() => undefined);
    super.submit(wire);
  }

  handleCopyInResponse(): void {
    if (this.#wire) this.#ready.resolve(this.#wire.stream);
  }

  breakOff(): void {
    this.#wire?.stream.write(BROKEN_OFF);
  }

  protected override begin(): void {}

  #tooSoon(): never {
    throw new Error('the server takes no rows');
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
