/**
 * Stalls: a test holds a named call of a device at a gate, loses its answer, or lets it fail, and does something else meanwhile.
 *
 * A call is held before it is made or before its answer is handed over; `gate.reached` resolves when somebody stands at the gate, and
 * `gate.open()` lets everybody through. Nothing here waits for time.
 */
import { CrossfadeError, type ErrorCode } from '../../src/migration/errors.ts';
import { request, type Interceptor } from './intercept.ts';

export interface Gate {
  readonly reached: Promise<void>;
  open(): void;
}

export interface HoldOptions {
  /** Let this many matching calls pass first. */
  readonly skip?: number;
  /** Hold every matching call until the gate is opened, not only the first. */
  readonly all?: boolean;
}

export interface AnswerOptions extends HoldOptions {
  /** Which answers count as matching. */
  readonly when?: (answer: unknown) => boolean;
}

class Barrier implements Gate {
  readonly #pattern: string;
  readonly #all: boolean;
  #skip: number;
  readonly #reached = Promise.withResolvers<void>();
  readonly #opened = Promise.withResolvers<void>();
  readonly reached = this.#reached.promise;

  constructor(pattern: string, { skip = 0, all = false }: HoldOptions) {
    this.#pattern = pattern;
    this.#skip = skip;
    this.#all = all;
    // A gate that is cut with nobody at it is no fault.
    this.#opened.promise.catch(() => {});
  }

  open(): void {
    this.#skip = Infinity;
    this.#opened.resolve();
  }

  /** Whoever stands at the gate never gets an answer. */
  cut(): void {
    this.#skip = Infinity;
    this.#opened.reject(unavailable(this.#pattern));
  }

  async pass(call: string): Promise<void> {
    if (!matches(this.#pattern, call)) return;
    if (this.#skip > 0) {
      this.#skip--;
      return;
    }
    if (!this.#all) this.#skip = Infinity;
    this.#reached.resolve();
    await this.#opened.promise;
  }
}

/** Calls are named as in intercept.ts; a name that ends in `*` stands for all that begin so. */
export class Stalls {
  readonly #calls: Barrier[] = [];
  readonly #answers: { readonly barrier: Barrier; readonly when: (answer: unknown) => boolean }[] = [];
  readonly #failing = new Set<string>();
  readonly #losing = new Set<string>();
  readonly #seen: { readonly pattern: string; readonly resolve: () => void; left: number }[] = [];

  readonly through: Interceptor = async (call, run) => {
    for (const barrier of this.#calls) await barrier.pass(call);
    if ([...this.#failing].some((pattern) => matches(pattern, call))) throw unavailable(call);
    const answer = await run();
    this.#saw(call);
    for (const { barrier, when } of this.#answers) if (when(answer)) await barrier.pass(call);
    for (const pattern of this.#losing) {
      if (matches(pattern, call) && this.#losing.delete(pattern)) throw unavailable(call);
    }
    return answer;
  };

  /** Whatever this work asks of devices of an instance that is wrapped with `ofRequest` meets these stalls. */
  run<T>(work: () => Promise<T>): Promise<T> {
    return request.run(this.through, work);
  }

  /** Holds the next such call before it is made. */
  hold(pattern: string, options: HoldOptions = {}): Gate {
    const barrier = new Barrier(pattern, options);
    this.#calls.push(barrier);
    return barrier;
  }

  /** The call is made; its answer is held. */
  holdAnswer(pattern: string, { when = () => true, ...options }: AnswerOptions = {}): Gate {
    const barrier = new Barrier(pattern, options);
    this.#answers.push({ barrier, when });
    return barrier;
  }

  /** Such calls fail, as those of a device that does not answer, until the returned function is called. */
  fail(pattern: string): () => void {
    this.#failing.add(pattern);
    return () => this.#failing.delete(pattern);
  }

  /** The next such call is made, and its answer is lost. */
  loseAnswer(pattern: string): void {
    this.#losing.add(pattern);
  }

  /** Resolves when this many such calls from now on have been answered. */
  answered(pattern: string, times = 1): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#seen.push({ pattern, resolve, left: times });
    return promise;
  }

  /** All gates open, nothing fails. */
  openAll(): void {
    this.#failing.clear();
    for (const barrier of this.#calls) barrier.open();
    for (const { barrier } of this.#answers) barrier.open();
  }

  /** From now on no call gets through, and those that are held never come back: what a killed process sees. */
  cutOff(): void {
    this.#failing.add('*');
    for (const barrier of this.#calls) barrier.cut();
    for (const { barrier } of this.#answers) barrier.cut();
  }

  #saw(call: string): void {
    for (const seen of this.#seen) if (matches(seen.pattern, call) && --seen.left === 0) seen.resolve();
  }
}

function matches(pattern: string, call: string): boolean {
  return pattern.endsWith('*') ? call.startsWith(pattern.slice(0, -1)) : call === pattern;
}

function unavailable(call: string): CrossfadeError {
  const device = call.split('.')[0] ?? '';
  const codes: Readonly<Record<string, ErrorCode>> = { journal: 'JOURNAL_UNAVAILABLE', control: 'CONTROL_UNAVAILABLE' };
  return new CrossfadeError(codes[device] ?? 'STORE_UNAVAILABLE', { message: `${call} was cut off by a test` });
}
