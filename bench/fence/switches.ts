/** Writers that never stop, and a fence that is raised again and again: how long each waits for the other, and whether a row is late. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Fence, Store } from '../../src/migration/stores/store.ts';
import type { Measured } from '../lib/rounds.ts';
import { percentile } from '../lib/rounds.ts';
import { dataset, type Server } from './servers.ts';

export const WRITERS = 32;
/** Connections of one store. */
export const PER_STORE = 8;
const PAUSE_MS = 20;
const TIMEOUT_MS = 5000;
const WARM_UPS = 20;

export interface Switches extends Measured {
  /** The 99th percentile of the switches' waits, milliseconds. */
  readonly value: number;
  readonly waitP50Ms: number;
  readonly waitMaxMs: number;
  /** The longest from the first try of a write to its commit, refusals included, milliseconds. */
  readonly longestWriteMs: number;
  readonly writes: number;
  readonly late: number;
}

export function fenceAt(epoch: number): Fence {
  return { epoch, step: 0, mode: 'DIRECT', run: null, deployment: 'bench' };
}

/** Returns the outcome. Every row's id begins with the epoch that its writer believed in. */
export function insert(store: Store, epoch: number, id: string): ReturnType<Store['writer']['direct']> {
  const row = { id: `${epoch}-${id}`, value: 'v' };
  return store.writer.direct({ epoch, key: dataset.keyOf(row), expect: null, next: row });
}

/** As many writes at a time as there are connections, until all are made, and know the statement: a server that runs has that behind it. */
async function warmUp(stores: readonly Store[], epoch: number): Promise<void> {
  const writers = stores.flatMap((store, s) =>
    Array.from({ length: PER_STORE }, (_, c) => [store, `${s}-${c}`] as const),
  );
  for (let i = 0; i < WARM_UPS; i++) {
    await Promise.all(writers.map(([store, name]) => insert(store, epoch, `warm-${name}-${i}`)));
  }
}

export async function switches(server: Server, first: number, count: number): Promise<Switches> {
  const stores = Array.from({ length: WRITERS / PER_STORE }, () => server.open());
  const switching = server.open();
  const counter = await server.connect();
  await switching.fence.raise(fenceAt(first), { timeoutMs: TIMEOUT_MS });
  await warmUp(stores, first);
  const state = { epoch: first, over: false };
  let raising = Promise.resolve();
  const took: number[] = [];
  const write = async (store: Store, writer: number): Promise<void> => {
    for (let i = 0; !state.over; i++) {
      const began = performance.now();
      while ((await insert(store, state.epoch, `${writer}-${i}`)) !== 'WRITTEN') await raising;
      took.push(performance.now() - began);
    }
  };
  const writing = Array.from({ length: WRITERS }, (_, i) => write(stores[i % stores.length] ?? switching, i));
  const waits: number[] = [];
  const counts: (readonly [epoch: number, inTime: Promise<number>])[] = [];
  for (let i = 0; i < count; i++) {
    await delay(PAUSE_MS);
    const next = state.epoch + 1;
    raising = (async () => {
      const began = performance.now();
      await switching.fence.raise(fenceAt(next), { timeoutMs: TIMEOUT_MS });
      waits.push(performance.now() - began);
      // Asked before any writer goes on, and nobody waits for it: what comes after is late.
      counts.push([state.epoch, counter.count(`${state.epoch}`)]);
      state.epoch = next;
    })();
    await raising;
  }
  state.over = true;
  await Promise.all(writing);
  let late = 0;
  for (const [epoch, inTime] of counts) late += (await counter.count(`${epoch}`)) - (await inTime);
  await counter.end();
  await Promise.all([...stores, switching].map((store) => store.close()));
  return {
    value: percentile(waits, 0.99),
    waitP50Ms: percentile(waits, 0.5),
    waitMaxMs: Math.max(...waits),
    longestWriteMs: took.reduce((longest, ms) => Math.max(longest, ms), 0),
    writes: took.length,
    late,
  };
}
