/**
 * Where a process kills itself: between two calls of its devices, which is where what it leaves behind differs.
 *
 * A call is named by its port and what tells its occasions apart: `journal.append`, `NEW.fence.raise COPY`, `control.compareAndSet FLIP`,
 * `OLD.writer.apply MANY`. The process writes down what it was about to do, or had done, and then sends itself SIGKILL: nothing is
 * flushed, closed or answered any more.
 */
import { linkSync, writeFileSync } from 'node:fs';
import type { Devices } from '../../../src/app.ts';
import type { ControlRecord } from '../../../src/migration/control/control.ts';
import type { StoreRole } from '../../../src/migration/dataset.ts';
import type { Append, Applied } from '../../../src/migration/journal/journal.ts';
import type { Apply, Fence, Store } from '../../../src/migration/stores/store.ts';

export interface Trap {
  readonly call: string;
  /** `AFTER` counts only calls that did something: an append that was made, a batch that was not fenced off. */
  readonly when: 'BEFORE' | 'AFTER';
  /** The how-many-eth such call, from the moment the trap was set. */
  readonly nth: number;
  /** Calls that are never made from that moment on, as if the device hung: what comes after them has not happened at the kill. */
  readonly hold: readonly string[];
  /** The file that tells that the process got there. Of several processes with one marker the first that gets there is meant, and no other. */
  readonly marker: string;
  /** SIGSTOP: it stands still there, and goes on at SIGCONT as if no time had passed. */
  readonly signal?: 'SIGKILL' | 'SIGSTOP';
}

/** What the marker holds. */
export interface Sprung {
  readonly call: string;
  readonly when: Trap['when'];
  readonly args: readonly unknown[];
  /** null: before the call. */
  readonly result: unknown;
  readonly pid: number;
}

export class Traps {
  #trap: Trap | null = null;
  #calls = 0;

  set(trap: Trap): void {
    this.#trap = trap;
    this.#calls = 0;
  }

  /** For `wrap` of an application. */
  readonly wrap = ({ stores, journal, control }: Devices): Devices => ({
    stores: { OLD: this.#store(stores.OLD), NEW: this.#store(stores.NEW) },
    journal: this.#port(journal, 'journal'),
    control: this.#port(control, 'control'),
  });

  #store(store: Store): Store {
    const { role } = store;
    const parts = {
      writer: this.#port(store.writer, `${role}.writer`),
      fence: this.#port(store.fence, `${role}.fence`),
    };
    return new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(parts, name) ?? Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  #port<P extends object>(port: P, name: string): P {
    return new Proxy(port, {
      get: (target, method) => {
        const value: unknown = Reflect.get(target, method, target);
        if (typeof value !== 'function') return value;
        return (...args: readonly unknown[]): unknown => {
          const call = nameOf(`${name}.${String(method)}`, args);
          return this.#pass(call, args, () => Reflect.apply(value, target, args));
        };
      },
    });
  }

  #pass(call: string, args: readonly unknown[], run: () => unknown): unknown {
    const trap = this.#trap;
    if (trap?.hold.includes(call)) return new Promise(() => {});
    if (trap?.call !== call) return run();
    if (trap.when === 'BEFORE') {
      this.#count(trap, { call, when: 'BEFORE', args, result: null });
      return run();
    }
    return Promise.resolve(run()).then((result: unknown) => {
      if (didSomething(result)) this.#count(trap, { call, when: 'AFTER', args, result });
      return result;
    });
  }

  #count(trap: Trap, sprung: Omit<Sprung, 'pid'>): void {
    this.#calls++;
    if (this.#calls !== trap.nth || trap !== this.#trap) return;
    this.#trap = null;
    if (!isFirst(trap.marker, { ...sprung, pid: process.pid })) return;
    const signal = trap.signal ?? 'SIGKILL';
    process.kill(process.pid, signal);
    // The signal is on its way; nothing more happens here, or not before the process goes on.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, signal === 'SIGSTOP' ? STOPPED_MS : Infinity);
  }
}

/** Long enough for a signal to arrive, milliseconds. */
const STOPPED_MS = 50;

function isFirst(marker: string, sprung: Sprung): boolean {
  const own = `${marker}.${process.pid}`;
  writeFileSync(own, JSON.stringify(sprung), { flush: true });
  try {
    // There at once and whole, or not at all.
    linkSync(own, marker);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** The first arguments of the calls that have occasions. */
export interface Arguments {
  readonly 'fence.raise': readonly [Fence];
  readonly 'writer.apply': readonly [number, readonly Apply[]];
  readonly 'control.compareAndSet': readonly [number, ControlRecord];
  readonly 'journal.append': readonly [Append];
  readonly 'journal.applied': readonly [readonly Applied[]];
}

export function argumentsOf<C extends keyof Arguments>(_: C, args: readonly unknown[]): Arguments[C] {
  return args as Arguments[C];
}

function nameOf(call: string, args: readonly unknown[]): string {
  if (call.endsWith('.fence.raise')) return `${call} ${argumentsOf('fence.raise', args)[0].mode}`;
  if (call.endsWith('.writer.apply'))
    return `${call} ${argumentsOf('writer.apply', args)[1].length > 1 ? 'MANY' : 'ONE'}`;
  if (call === 'control.compareAndSet')
    return `${call} ${argumentsOf('control.compareAndSet', args)[1].switching?.phase ?? 'CLEAR'}`;
  return call;
}

const NOTHING: readonly unknown[] = ['FENCED', 'CHANGED', 'MOVED', null, false];

function didSomething(result: unknown): boolean {
  const outcome = typeof result === 'object' && result !== null && 'outcome' in result ? result.outcome : result;
  return !NOTHING.includes(outcome);
}

export function roleOf(call: string): StoreRole {
  return call.startsWith('NEW') ? 'NEW' : 'OLD';
}
