/**
 * One statement on its way to the server and back.
 *
 * The driver's own query asks the server to describe the rows each time, makes a parser for each column, copies its settings and writes
 * four messages one by one; here cells are text, their order is that of the statement, and all there is to say is one write. The driver
 * still has the connection: whose turn it is, timeouts, and what has been prepared.
 */
import type { Client, ClientBase, Connection as Wire } from 'pg';

declare module 'pg' {
  // The driver has them, its types do not: texts by the names under which they are prepared, and are being prepared.
  interface Connection {
    readonly parsedStatements: Record<string, string | undefined>;
    readonly submittedNamedStatements: Record<string, string | undefined>;
  }
}

/** What is bound and what comes out: every value in the server's text form. */
export type Cell = string | null;

/** Of the protocol: a Bind, then Execute of all rows, then Sync. */
const BIND = 'B'.charCodeAt(0);
const EXECUTE_AND_SYNC = Buffer.from('E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04', 'latin1');
const NULL = -1;

export class Asked {
  /** For the driver, which reads and sets these by their names. */
  readonly name: string;
  readonly text: string;
  readonly query_timeout: number;
  callback: (error: unknown) => void = () => {};
  readonly rows: (readonly Cell[])[] = [];
  readonly #cells: readonly Cell[];
  #tag = '';

  /** `name`: under which the text is prepared; empty: it is prepared for this once. `timeoutMs`: of the driver, not of the server. */
  constructor(name: string, text: string, cells: readonly Cell[], timeoutMs: number) {
    this.name = name;
    this.text = text;
    this.#cells = cells;
    this.query_timeout = timeoutMs;
  }

  /** Resolves when all rows are there and the connection is free again; throws what the driver throws. */
  on(client: Client | ClientBase): Promise<void> {
    return new Promise((resolve, reject) => {
      this.callback = (error) => (error ? reject(error) : resolve());
      client.query(this);
    });
  }

  /** How many rows the statement changed, or found; null: it is none of those that count. */
  get count(): number | null {
    const last = this.#tag.slice(this.#tag.lastIndexOf(' ') + 1);
    return /^\d+$/.test(last) ? Number(last) : null;
  }

  submit(wire: Wire): void {
    const { stream } = wire;
    // The driver hears of a connection that ends, and tells the statement that waits for it.
    if (!stream.writable) return;
    const known = wire.parsedStatements[this.name] ?? wire.submittedNamedStatements[this.name];
    if (this.name !== '' && known !== undefined) {
      stream.write(this.#message());
      return;
    }
    stream.cork();
    wire.parse({ name: this.name, text: this.text, types: [] }, true);
    if (this.name !== '') wire.submittedNamedStatements[this.name] = this.text;
    stream.write(this.#message());
    stream.uncork();
  }

  handleDataRow({ fields }: { readonly fields: readonly Cell[] }): void {
    this.rows.push(fields);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#tag = text;
  }

  handleReadyForQuery(): void {
    this.callback(null);
  }

  handleError(error: unknown): void {
    this.callback(error);
  }

  /** Nothing was asked of it, and nothing comes: the server says so instead of how many rows there are. */
  handleEmptyQuery(): void {}

  /** All values, there and back, are text. */
  #message(): Buffer {
    const lengths = this.#cells.map((cell) => (cell === null ? NULL : Buffer.byteLength(cell)));
    let size = 4 + 1 + this.name.length + 1 + 2 + 2 + 2;
    for (const length of lengths) size += 4 + Math.max(0, length);
    const message = Buffer.allocUnsafe(1 + size + EXECUTE_AND_SYNC.length);
    message[0] = BIND;
    let at = message.writeInt32BE(size, 1);
    message[at++] = 0;
    at += message.write(this.name, at, 'latin1');
    message[at++] = 0;
    at = message.writeInt16BE(0, at);
    at = message.writeUInt16BE(this.#cells.length, at);
    for (const [i, cell] of this.#cells.entries()) {
      at = message.writeInt32BE(lengths[i] ?? NULL, at);
      if (cell !== null) at += message.write(cell, at, 'utf8');
    }
    at = message.writeInt16BE(0, at);
    EXECUTE_AND_SYNC.copy(message, at);
    return message;
  }
}
