/** `/metrics`: what one process measures of itself, its devices and the migration, for Prometheus. docs/metrics.md explains each. */
import { collectDefaultMetrics } from 'prom-client';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import type { Authenticator } from '../auth.ts';
import { CrossfadeError, ERRORS } from '../migration/errors.ts';
import { COMPARISON_RESULTS, type Observer } from '../migration/observer.ts';
import { STATES } from '../migration/states.ts';
import type { ActivityEngine } from '../resolvers/context.ts';
import type { RequestObserver } from '../server/observer.ts';
import { watchDevices, type WatchedDevices, type Whereabouts } from './devices.ts';
import { Instruments } from './instruments.ts';
import { questions, type Answering } from './questions.ts';
import { Asked } from './scrape.ts';

/** Codes of failed requests that have a name of their own on the page; any other is OTHER, so that labels stay a short list. */
const CODES: ReadonlySet<string> = new Set([...Object.keys(ERRORS), ...Object.values(ApolloServerErrorCode)]);

export class Metrics {
  readonly #instruments = new Instruments();
  readonly #here: Whereabouts = { state: 'OLD' };
  readonly requests: RequestObserver;
  readonly engine: Observer;
  #asked: readonly Asked[] = [];

  constructor(facts: { readonly dataset: string; readonly label: string }) {
    collectDefaultMetrics({ register: this.#instruments.registry });
    this.#instruments.set('crossfade_info', facts, 1);
    this.requests = this.#requests();
    const compared = this.#instruments.counter('crossfade_compared_rows_total');
    for (const result of COMPARISON_RESULTS) compared.inc({ result }, 0);
    this.engine = { compared: (result, rows) => compared.inc({ result }, rows) };
  }

  /** The same devices, watched. */
  watch(devices: WatchedDevices): WatchedDevices {
    return watchDevices(devices, this.#instruments, this.#here);
  }

  /**
   * From now on the page shows what this engine says, once it runs. `devices` are asked past the watch, so that scraping does not count
   * as work. Returns a function that ends it.
   */
  follow(engine: ActivityEngine, devices: Omit<Answering, 'engine'>): () => void {
    this.#asked = questions({ ...devices, engine }).map((question) => new Asked(question));
    return engine.onPlace(({ place, epoch }) => {
      this.#here.state = place.state;
      for (const state of STATES) this.#instruments.set('crossfade_state', { state }, state === place.state ? 1 : 0);
      this.#instruments.set('crossfade_epoch', {}, epoch);
      this.#instruments.set('crossfade_read_new_ratio', {}, place.percent / 100);
    });
  }

  /** The same authenticator, its refusals counted. */
  guard(authenticator: Authenticator): Authenticator {
    const refusals = this.#instruments.counter('crossfade_admin_refusals_total');
    return {
      authorize: async (...asked) => {
        try {
          return await authenticator.authorize(...asked);
        } catch (error) {
          if (error instanceof CrossfadeError) refusals.inc({ code: error.code });
          throw error;
        }
      },
    };
  }

  get contentType(): string {
    return this.#instruments.registry.contentType;
  }

  /** The page. Within a moment, whatever is down. */
  async text(): Promise<string> {
    await Promise.all(this.#asked.map((asked) => asked.show(this.#instruments)));
    return this.#instruments.registry.metrics();
  }

  #requests(): RequestObserver {
    const answers = this.#instruments.counter('crossfade_graphql_requests_total');
    const repeated = this.#instruments.counter('crossfade_graphql_repeated_total');
    const durations = this.#instruments.histogram('crossfade_graphql_request_duration_seconds');
    const tallies = {
      query: durations.tally({ operation: 'query' }),
      mutation: durations.tally({ operation: 'mutation' }),
      none: durations.tally({ operation: 'none' }),
    };
    return {
      answered: ({ operation, code, ms }) => {
        tallies[operation].observe(ms / 1000);
        answers.inc({ operation, code: code === null ? 'OK' : CODES.has(code) ? code : 'OTHER' });
      },
      repeated: () => repeated.inc(),
    };
  }
}
