/**
 * Puts a test between an engine instance and its devices: every call of a port that answers later goes through one function, which
 * may hold it, fail it or only count it. Give it to a deployment's `wrap`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Change, ControlStore } from '../../src/migration/control/control.ts';
import type { Store } from '../../src/migration/stores/store.ts';
import type { Devices } from './deployment.ts';

/** `call`: `journal.append`, `control.renew`, `OLD.writer.direct`, `NEW.fence.raise` … */
export type Interceptor = (call: string, run: () => Promise<unknown>) => Promise<unknown>;

/** These answer at once, or end the port. */
const PASSED_ON = new Set(['expect', 'onChange', 'hears', 'close', 'stop']);

export function intercept({ stores, journal, control, clock }: Devices, through: Interceptor): Devices {
  return {
    stores: { OLD: interceptStore(stores.OLD, through), NEW: interceptStore(stores.NEW, through) },
    journal: interceptPort(journal, 'journal', through),
    control: interceptPort(control, 'control', through),
    clock,
  };
}

function interceptStore(store: Store, through: Interceptor): Store {
  const { role } = store;
  const parts = {
    reader: interceptPort(store.reader, `${role}.reader`, through),
    writer: interceptPort(store.writer, `${role}.writer`, through),
    fence: interceptPort(store.fence, `${role}.fence`, through),
    quarantine: interceptPort(store.quarantine, `${role}.quarantine`, through),
  };
  const whole = interceptPort(store, role, through);
  return new Proxy(whole, { get: (target, name) => Reflect.get(parts, name) ?? Reflect.get(target, name) });
}

function interceptPort<P extends object>(port: P, name: string, through: Interceptor): P {
  return new Proxy(port, {
    get: (target, method) => {
      const value: unknown = Reflect.get(target, method, target);
      if (typeof value !== 'function' || typeof method !== 'string') return value;
      const call = (args: readonly unknown[]): unknown => Reflect.apply(value, target, args);
      if (PASSED_ON.has(method)) return (...args: readonly unknown[]) => call(args);
      return (...args: readonly unknown[]) => through(`${name}.${method}`, async () => call(args));
    },
  });
}

/**
 * A request under test, as its calls see it: what is done in here, and what that sets off, is told apart from background work.
 * The function takes the place of the interceptor for calls of this request alone.
 */
export const request = new AsyncLocalStorage<Interceptor>();

export const ofRequest: Interceptor = (call, run) => {
  const through = request.getStore();
  return through ? through(call, run) : run();
};

/** Instances of one process that hear of each other's changes of the control record at once, as over a notification channel. */
export class Bell {
  readonly #listeners = new Set<(change: Change | null) => void>();

  wrap(devices: Devices): Devices {
    const { control } = devices;
    const rung: Pick<ControlStore, 'compareAndSet' | 'onChange'> = {
      compareAndSet: async (revision, next, transition) => {
        const result = await control.compareAndSet(revision, next, transition);
        if (result) for (const listener of this.#listeners) listener(next);
        return result;
      },
      onChange: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
    return { ...devices, control: { ...control, ...rung } };
  }
}
