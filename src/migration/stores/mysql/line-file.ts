import { Readable } from 'node:stream';

/** Bytes that are sent at once. */
const PACKET_BYTES = 1 << 16;

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
