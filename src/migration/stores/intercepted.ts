/**
 * Rows past a driver: messages of a server that are rows go to whoever reads them, as the bytes that have come; a driver would make objects
 * of each. All other messages are the driver's, in their order, and so is the connection when the last row has come.
 */
import type { Duplex } from 'node:stream';

/** Bytes that wait at most for whoever reads rows. */
const AHEAD_BYTES = 1 << 18;

/** How a protocol cuts its bytes into messages. */
export interface Framing {
  /** Where the message ends that begins there; if that is not told yet, where it will be: beyond the bytes, that is. */
  endOf(bytes: Buffer, at: number): number;
  /** Whose it is. `LAST`: the driver's, as all that follows. */
  ownerOf(bytes: Buffer, at: number, end: number): 'READER' | 'DRIVER' | 'LAST';
}

export class Intercepted {
  readonly #framing: Framing;
  #stream: Duplex | null = null;
  /** The driver's own listener, which it gets back as it was. */
  #listener: ReturnType<Duplex['listeners']>[number] = () => {};
  /** Of a message that has not come to its end. */
  #begun: Buffer[] = [];
  #begunBytes = 0;
  /** So many bytes of it have to be there before it is looked at again. */
  #needed = 0;
  readonly #waiting: Buffer[] = [];
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(framing: Framing) {
    this.#framing = framing;
  }

  /** From here on messages are sorted. */
  begin(stream: Duplex): void {
    const [driver, ...others] = stream.listeners('data');
    if (!driver || others.length > 0) throw new TypeError('the driver does not listen to its connection alone');
    this.#stream = stream;
    this.#listener = driver;
    stream.removeAllListeners('data');
    stream.on('data', this.#take);
  }

  /** Whole messages of rows, one or more; they may be written to. null: there are no more. */
  async next(): Promise<Buffer | null> {
    for (;;) {
      const messages = this.#waiting.shift();
      if (messages) {
        this.#bytes -= messages.length;
        if (this.#bytes < AHEAD_BYTES / 2 && !this.#ended) this.#stream?.resume();
        return messages;
      }
      if (this.#ended) return null;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  /** No more rows come. */
  giveBack(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stream?.off('data', this.#take);
    if (this.#stream) Reflect.apply(this.#stream.on, this.#stream, ['data', this.#listener]);
    this.#stream?.resume();
    this.#wake?.();
  }

  readonly #take = (bytes: Buffer): void => {
    let from = 0;
    // Only a message that lies across pieces is copied.
    while (this.#begunBytes > 0 && from < bytes.length) {
      const some = bytes.subarray(from, from + this.#needed - this.#begunBytes);
      this.#begun.push(some);
      this.#begunBytes += some.length;
      from += some.length;
      if (this.#begunBytes < this.#needed) break;
      const joined = Buffer.concat(this.#begun);
      this.#begunBytes = 0;
      if (!this.#sort(joined)) return this.#rest(bytes.subarray(from));
    }
    if (from < bytes.length && !this.#sort(bytes.subarray(from))) return;
    if (this.#bytes >= AHEAD_BYTES) this.#stream?.pause();
  };

  /** False: the driver has its connection back. */
  #sort(bytes: Buffer): boolean {
    const framing = this.#framing;
    let [from, at] = [0, 0];
    while (at < bytes.length) {
      const end = framing.endOf(bytes, at);
      if (end > bytes.length) {
        this.#begun = [bytes.subarray(at)];
        this.#begunBytes = bytes.length - at;
        this.#needed = end - at;
        break;
      }
      const owner = framing.ownerOf(bytes, at, end);
      if (owner !== 'READER') {
        this.#give(bytes.subarray(from, at));
        from = end;
        if (owner === 'LAST') {
          this.#rest(bytes.subarray(at));
          return false;
        }
        this.#driver(bytes.subarray(at, end));
      }
      at = end;
    }
    this.#give(bytes.subarray(from, at));
    return true;
  }

  #give(messages: Buffer): void {
    if (messages.length === 0) return;
    this.#waiting.push(messages);
    this.#bytes += messages.length;
    this.#wake?.();
  }

  #driver(bytes: Buffer): void {
    Reflect.apply(this.#listener, this.#stream, [bytes]);
  }

  #rest(bytes: Buffer): void {
    this.giveBack();
    if (bytes.length > 0) this.#driver(bytes);
  }
}
