/** Rows as they come and lines as they go, over one connection of the driver. */
import { Readable } from 'node:stream';
import type { Connection as Driver } from 'mysql2';
import type { Cell } from './connection.ts';

/** Parts that are read ahead, and bytes that are sent at once. */
const PARTS_AHEAD = 8;
const PACKET_BYTES = 1 << 16;

export interface RowQuery {
  readonly sql: string;
  readonly values: NonNullable<Parameters<Driver['execute']>[1]>;
  readonly partRows: number;
}

/** The rows of a query as arrays, in parts; the connection is paused while enough of them wait. */
export function streamRows(connection: object, { sql, values, partRows }: RowQuery): AsyncIterable<Cell[][]> {
  const driver = driverOf(connection);
  let part: Cell[][] = [];
  const parts = new Readable({ objectMode: true, highWaterMark: PARTS_AHEAD, read: () => driver.resume() });
  const found = driver.execute({ sql, rowsAsArray: true }, values);
  found.on('result', (row) => {
    if (!Array.isArray(row) || parts.destroyed) return;
    part.push(row as Cell[]);
    if (part.length < partRows) return;
    if (!parts.push(part)) driver.pause();
    part = [];
  });
  found.on('end', () => {
    if (parts.destroyed) return;
    if (part.length > 0) parts.push(part);
    parts.push(null);
  });
  found.on('error', (error) => parts.destroy(error));
  return parts;
}

/** Under the driver's promises, which have no way to stream, is the connection itself; its types do not tell. */
function driverOf(connection: object): Driver {
  if (isDriver(connection)) return connection;
  throw new TypeError('this is no connection of the driver');
}

function isDriver(connection: object): connection is Driver {
  return 'pause' in connection && 'resume' in connection && 'execute' in connection && !('then' in connection);
}

/** Lines that the server reads as if they were a file of the client. */
export class LineFile {
  readonly #lines: AsyncIterable<string>;
  /** What the lines threw. */
  failure: { readonly error: unknown } | null = null;

  constructor(lines: AsyncIterable<string>) {
    this.#lines = lines;
  }

  open(): Readable {
    return Readable.from(this.#packets(), { highWaterMark: 2 });
  }

  async *#packets(): AsyncGenerator<Buffer> {
    let waiting = '';
    try {
      for await (const some of this.#lines) {
        waiting += some;
        if (waiting.length < PACKET_BYTES) continue;
        yield Buffer.from(waiting);
        waiting = '';
      }
    } catch (error) {
      this.failure = { error };
      throw error;
    }
    if (waiting !== '') yield Buffer.from(waiting);
  }
}
