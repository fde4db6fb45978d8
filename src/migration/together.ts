/**
 * Questions to a server that come while others are under way, put together: those that are asked in the same turn of the event loop, or
 * while as many are under way as do any good, become one. For requests at work at the same time this is what `Gathered` is for the
 * fields of one: a question costs the server and the sockets about the same for one key as for some.
 *
 * Nothing is added to a question that was sent, so that everybody is told what is there after he has asked. Who asks while nothing is
 * under way does not wait.
 */
interface Waiting<Q, A> {
  readonly asked: readonly Q[];
  readonly resolve: (answer: A) => void;
  readonly reject: (error: unknown) => void;
}

export interface TogetherOptions<Q, A> {
  /** What it throws, all are told who asked. */
  readonly ask: (asked: readonly Q[]) => Promise<A>;
  /** Of the answer for several who asked, what one of them has asked for. */
  readonly pick: (answer: A, asked: readonly Q[]) => A;
}

/** What one question asks for at most, unless somebody alone asks for more: from a disk, one after the other, more would take a while. */
const MOST = 64;
/** Questions under way at the same time, beside those that ask for as much as `MOST`; pools have more connections. */
const ABREAST = 4;

export class Together<Q, A> {
  readonly #options: TogetherOptions<Q, A>;
  #waiting: Waiting<Q, A>[] = [];
  #underWay = 0;
  #scheduled = false;

  constructor(options: TogetherOptions<Q, A>) {
    this.#options = options;
  }

  ask(asked: readonly Q[]): Promise<A> {
    if (asked.length >= MOST) return this.#options.ask(asked);
    if (this.#underWay === 0 && this.#waiting.length === 0) return this.#alone(asked);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ asked, resolve, reject });
      this.#schedule();
    });
  }

  async #alone(asked: readonly Q[]): Promise<A> {
    this.#underWay++;
    try {
      return await this.#options.ask(asked);
    } finally {
      this.#ended();
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#underWay >= ABREAST) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#waiting.length > 0 && this.#underWay < ABREAST) void this.#send(this.#next());
    });
  }

  /** Of those that wait, in their order, as many as one question has room for. */
  #next(): readonly Waiting<Q, A>[] {
    let size = 0;
    let count = 0;
    for (const { asked } of this.#waiting) {
      size += asked.length;
      if (size > MOST) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** Never rejects. */
  async #send(batch: readonly Waiting<Q, A>[]): Promise<void> {
    this.#underWay++;
    try {
      const answer = await this.#options.ask(batch.flatMap(({ asked }) => asked));
      for (const { asked, resolve } of batch) {
        resolve(batch.length === 1 ? answer : this.#options.pick(answer, asked));
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#ended();
    }
  }

  #ended(): void {
    this.#underWay--;
    if (this.#waiting.length > 0) this.#schedule();
  }
}
