/**
 * Questions to a server that come while others are under way, put together: those that are asked in the same turn of the event loop, or
 * while as many are under way as do any good, become one. For requests at work at the same time this is what `Gathered` is for the
 * fields of one: a question costs the server and the sockets about the same for one key as for some.
 *
 * Nothing is added to a question that was sent, so that everybody is told what is there after he has asked. Who asks while nothing is
 * under way does not wait. What asks for many keys gains nothing by others and goes by itself. One that hangs, on a connection that has
 * gone silent, holds up nobody for long: after a while it is not counted any more. And one that fails at once is asked again by each by
 * himself: who shares it would otherwise share a connection's end.
 */
interface Waiting<Q, A> {
  readonly asked: readonly Q[];
  readonly resolve: (answer: A | Promise<A>) => void;
  readonly reject: (error: unknown) => void;
}

export interface TogetherOptions<Q, A> {
  /** What it throws later than at once, all are told who asked. */
  readonly ask: (asked: readonly Q[]) => Promise<A>;
  /** Of the answer for several who asked, what one of them has asked for. */
  readonly pick: (answer: A, asked: readonly Q[]) => A;
}

/** What one question asks for at most, unless somebody alone asks for more: from a disk, one after the other, more would take a while. */
const MOST = 64;
/** Who asks for so much asks alone. */
const LONE = 16;
/** How long a question counts as under way at most, and how soon it must have failed to be asked again, milliseconds. */
const PATIENCE_MS = 250;
/** Questions under way at the same time, beside those that are asked alone; pools have more connections. */
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
    if (asked.length >= LONE) return this.#options.ask(asked);
    if (this.#underWay === 0 && this.#waiting.length === 0) return this.#alone(asked);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ asked, resolve, reject });
      this.#schedule();
    });
  }

  async #alone(asked: readonly Q[]): Promise<A> {
    const over = this.#begin();
    try {
      return await this.#options.ask(asked);
    } finally {
      over();
    }
  }

  /** Returns what to call when it is over. */
  #begin(): () => void {
    this.#underWay++;
    let counts = true;
    const end = (): void => {
      if (!counts) return;
      counts = false;
      this.#underWay--;
      if (this.#waiting.length > 0) this.#schedule();
    };
    const patience = setTimeout(end, PATIENCE_MS);
    return () => {
      clearTimeout(patience);
      end();
    };
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
    const over = this.#begin();
    const began = performance.now();
    try {
      const answer = await this.#options.ask(batch.flatMap(({ asked }) => asked));
      for (const { asked, resolve } of batch) {
        resolve(batch.length === 1 ? answer : this.#options.pick(answer, asked));
      }
    } catch (error) {
      if (batch.length > 1 && performance.now() - began < PATIENCE_MS) {
        for (const { asked, resolve } of batch) resolve(this.#options.ask(asked));
      } else for (const { reject } of batch) reject(error);
    } finally {
      over();
    }
  }
}
