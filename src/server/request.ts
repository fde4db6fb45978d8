/**
 * One request, and its attempts.
 *
 *   Request   what outlives a lease: the deadline, and the effects that mutations already had
 *   Attempt   one execution of the GraphQL operation, and what it has begun in the engine; it is thrown away when the lease runs out
 *             under it, and the next attempt finds the effects done
 */
import type { GraphQLResolveInfo } from 'graphql';
import { OperationExpired, type Operation } from '../migration/api.ts';
import { CrossfadeError } from '../migration/errors.ts';
import type { NewParticipation, OldParticipation } from '../activity/dataset.ts';
import type { Authenticator } from '../auth.ts';
import type { ActivityOperation, RequestContext, Scope } from '../resolvers/context.ts';

/** After the deadline the engine has this long to say itself what became of the request, milliseconds. */
const MARGIN_MS = 250;

export interface RequestOptions extends Pick<
  RequestContext,
  'engine' | 'catalogue' | 'audit' | 'requestId' | 'maxPageSize'
> {
  readonly authenticator: Authenticator;
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  readonly requestTimeoutMs: number;
  readonly operatorTimeoutMs: number;
}

export class Request {
  readonly options: RequestOptions;
  readonly #effects = new Map<string, Promise<unknown>>();
  /** Set once a request and taken back with its answer: an `AbortController` for it took longer than the whole of the routing. */
  #timer: NodeJS.Timeout | undefined;
  #deadline: number;

  constructor(options: RequestOptions) {
    this.options = options;
    this.#deadline = performance.now() + options.requestTimeoutMs;
  }

  get deadline(): number {
    return this.#deadline;
  }

  /** An operator's command waits for others: it gets its own time, from now on. */
  extendDeadline(): void {
    this.#deadline = Math.max(this.#deadline, performance.now() + this.options.operatorTimeoutMs);
  }

  /** Resolves when the deadline and the margin have passed; never after `answered`. */
  overdue(): Promise<'OVERDUE'> {
    return new Promise((resolve) => {
      const look = (): void => {
        const left = this.#left();
        // The deadline may have been moved since.
        if (left > 0) this.#timer = setTimeout(look, left);
        else resolve('OVERDUE');
      };
      look();
    });
  }

  answered(): void {
    clearTimeout(this.#timer);
  }

  once<T>(name: string, effect: () => Promise<T>): Promise<T> {
    // The promise under a name was made by the field of that name, whose effect has this type.
    const before = this.#effects.get(name) as Promise<T> | undefined;
    if (before) return before;
    const made = effect();
    this.#effects.set(name, made);
    made.catch((error: unknown) => {
      // Nothing happened: the next attempt asks again.
      if (error instanceof OperationExpired) this.#effects.delete(name);
    });
    return made;
  }

  /** What is true of a request that gets no answer of its own in time. */
  get overdueCode(): 'OUTCOME_UNKNOWN' | 'DEADLINE_EXCEEDED' {
    return this.#effects.size > 0 ? 'OUTCOME_UNKNOWN' : 'DEADLINE_EXCEEDED';
  }

  #left(): number {
    return this.#deadline + MARGIN_MS - performance.now();
  }
}

interface Begun {
  readonly operation: Promise<ActivityOperation>;
  end(): void;
}

export class Attempt {
  readonly request: Request;
  /** For the resolvers. Apollo Server clones it, so it holds nothing that changes. */
  readonly context: Context;
  /** The request carries a GraphQL document, whatever is wrong with that. */
  wellFormed = false;
  /** Which kind of operation the document asks for; `none` until that is known. */
  kind: 'query' | 'mutation' | 'none' = 'none';
  /** Of the first error in the answer; null without one. */
  code: string | null = null;
  readonly #begun = new Map<string, Begun>();
  #expired = false;
  #ended = false;

  constructor(request: Request) {
    this.request = request;
    this.context = new Context(this);
  }

  /** The lease ran out under one of its reads: the whole operation has to be executed again. */
  get expired(): boolean {
    return this.#expired;
  }

  operation(info: GraphQLResolveInfo): Promise<ActivityOperation> {
    const name = this.#enter(info);
    let begun = this.#begun.get(name);
    if (!begun) {
      begun = this.#begin();
      this.#begun.set(name, begun);
    }
    return begun.operation;
  }

  async once<T>(info: GraphQLResolveInfo, effect: () => Promise<T>): Promise<T> {
    const name = this.#enter(info);
    return this.#noting(this.request.once(name, effect));
  }

  /** Ends all that was begun: also what a resolver is still waiting for whose siblings have failed. */
  end(): void {
    this.#ended = true;
    for (const begun of this.#begun.values()) begun.end();
  }

  /**
   * The top-level field of a mutation that this resolver belongs to; one name for a whole query. Mutation fields run one after the
   * other, so what an earlier one began is over: a switch in the same request must not wait for it.
   */
  #enter(info: GraphQLResolveInfo): string {
    if (info.operation.operation !== 'mutation') return '';
    let path = info.path;
    while (path.prev) path = path.prev;
    const name = String(path.key);
    for (const [other, begun] of this.#begun) if (other !== name) begun.end();
    return name;
  }

  #begin(): Begun {
    let over = this.#ended;
    let running: Operation<OldParticipation, NewParticipation> | null = null;
    const begin = async (): Promise<ActivityOperation> => {
      if (over) throw new CrossfadeError('DEADLINE_EXCEEDED');
      const operation = await this.request.options.engine.begin(this.request.deadline);
      if (over) operation.end();
      running = operation;
      return this.#watched(operation);
    };
    return {
      operation: this.#noting(begin()),
      end: () => {
        over = true;
        running?.end();
      },
    };
  }

  #watched(operation: ActivityOperation): ActivityOperation {
    return {
      place: operation.place,
      logic: operation.logic,
      load: (key) => this.#noting(operation.load(key)),
      page: (query) => this.#noting(operation.page(query)),
      count: (filter) => this.#noting(operation.count(filter)),
      end: () => operation.end(),
    };
  }

  /** Remembers an expiry, whatever a resolver makes of the error. */
  async #noting<T>(result: Promise<T>): Promise<T> {
    try {
      return await result;
    } catch (error) {
      if (error instanceof OperationExpired) this.#expired = true;
      throw error;
    }
  }
}

export class Context implements RequestContext {
  readonly attempt: Attempt;
  readonly engine: RequestContext['engine'];
  readonly catalogue: RequestContext['catalogue'];
  readonly audit: RequestContext['audit'];
  readonly requestId: string;
  readonly maxPageSize: number;

  constructor(attempt: Attempt) {
    this.attempt = attempt;
    this.engine = attempt.request.options.engine;
    this.catalogue = attempt.request.options.catalogue;
    this.audit = attempt.request.options.audit;
    this.requestId = attempt.request.options.requestId;
    this.maxPageSize = attempt.request.options.maxPageSize;
  }

  get deadline(): number {
    return this.attempt.request.deadline;
  }
  operation(info: GraphQLResolveInfo): Promise<ActivityOperation> {
    return this.attempt.operation(info);
  }
  once<T>(info: GraphQLResolveInfo, effect: () => Promise<T>): Promise<T> {
    return this.attempt.once(info, effect);
  }
  extendDeadline(): void {
    this.attempt.request.extendDeadline();
  }
  async authorize(scope: Scope): Promise<string> {
    const { authenticator, authorization, requestId } = this.attempt.request.options;
    return authenticator.authorize(authorization, scope, requestId);
  }
}
