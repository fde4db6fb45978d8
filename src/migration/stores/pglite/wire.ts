/**
 * A connection of the PostgreSQL driver to the PostgreSQL that runs in this process: the stream that would be its socket.
 *
 * What the driver sends goes into `execProtocolRaw`, what that answers comes out. So everything above it, statements, types, errors and
 * what they mean, is the same as with a server. There is one backend and it keeps its session, so a new connection clears that first.
 */
import { Duplex } from 'node:stream';

/** What is used of a PGlite. */
export interface Backend {
  runExclusive<T>(work: () => Promise<T>): Promise<T>;
  execProtocolRaw(message: Uint8Array): Promise<Uint8Array>;
  exec(sql: string): Promise<unknown>;
}

type Done = (error?: Error | null) => void;

/** AuthenticationOk, then ReadyForQuery (idle): https://www.postgresql.org/docs/current/protocol-message-formats.html */
const WELCOME = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);
const TERMINATE = 0x58;

/** One at a time for a backend. */
export class Wire extends Duplex {
  readonly #backend: Backend;
  #greeted = false;

  constructor(backend: Backend) {
    super();
    this.#backend = backend;
  }

  // What the driver asks of a socket.
  connect(): this {
    queueMicrotask(() => this.emit('connect'));
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  override _read(): void {}

  override _write(message: Buffer, _encoding: BufferEncoding, done: Done): void {
    void this.#pass(message, done);
  }

  override _writev(messages: readonly { readonly chunk: Buffer }[], done: Done): void {
    void this.#pass(Buffer.concat(messages.map(({ chunk }) => chunk)), done);
  }

  async #pass(message: Buffer, done: Done): Promise<void> {
    let failure: unknown = null;
    try {
      await this.#answer(message);
    } catch (error) {
      failure = error;
    }
    // A program that has ended throws something that is no error.
    done(failure === null || failure instanceof Error ? failure : new Error('the database in this process has ended'));
  }

  async #answer(message: Buffer): Promise<void> {
    if (!this.#greeted) return this.#greet();
    if (message[0] === TERMINATE) {
      this.push(null);
      return;
    }
    const answer = await this.#backend.runExclusive(() => this.#backend.execProtocolRaw(message));
    if (answer.length > 0) this.push(Buffer.from(answer));
  }

  /** The startup message, whose user and database mean nothing here. */
  async #greet(): Promise<void> {
    this.#greeted = true;
    await this.#backend.exec('rollback');
    await this.#backend.exec('discard all');
    this.push(WELCOME);
  }
}
