/** An engine that holds no data: for tests of what the server does around operations. */
import type { AuditTrail } from '../../src/audit.ts';
import { OperationExpired } from '../../src/migration/api.ts';
import { CrossfadeError } from '../../src/migration/errors.ts';
import type { Catalogue } from '../../src/activity/catalogue.ts';
import type { ActivityEngine } from '../../src/resolvers/context.ts';

export interface FakeEngine extends ActivityEngine {
  /** Operations begun so far, and those not ended yet. */
  readonly begun: number;
  readonly running: number;
  readiness: () => Promise<void>;
}

const refuse = (): never => {
  throw new CrossfadeError('INTERNAL', { message: 'the fake has no data' });
};

/** `expiries`: in so many operations, the first ones, every read finds the lease run out. */
export function fakeEngine({ expiries = 0 }: { expiries?: number } = {}): FakeEngine {
  let begun = 0;
  const running = new Set<number>();
  return {
    get begun() {
      return begun;
    },
    get running() {
      return running.size;
    },
    readiness: () => Promise.resolve(),
    begin: async () => {
      begun += 1;
      const number = begun;
      running.add(number);
      const read = async <T>(result: T): Promise<T> => {
        if (number <= expiries) throw new OperationExpired();
        return result;
      };
      return {
        place: { state: 'OLD', percent: 0 },
        logic: 'OLD',
        load: () => read(null),
        page: () => read({ rows: [], hasNextPage: false }),
        count: () => read(0),
        end: () => void running.delete(number),
      };
    },
    mutate: async () => refuse(),
    get operator() {
      return refuse();
    },
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    ready() {
      return this.readiness();
    },
    onPlace: () => () => {},
  };
}

export function fakeCatalogue(): Catalogue {
  return {
    get: async () => null,
    getMany: async () => new Map(),
    page: async () => ({ events: [], hasNextPage: false }),
    count: async () => 0,
    define: async () => refuse(),
    seed: async () => 0,
    forget: () => {},
  };
}

/** A trail that keeps nothing. */
export const noAudit: AuditTrail = { record: (_, effect) => effect() };
