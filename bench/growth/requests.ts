/** What is asked of a deployment, one request after the other, and what one takes. */
import { percentile } from '../lib/rounds.ts';
import { EVENT, phoneOf } from '../serve/facts.ts';
import type { System } from './system.ts';

export const REQUESTS = ['read', 'page', 'count', 'write'] as const;
export type RequestKind = (typeof REQUESTS)[number];

export const TITLES: Readonly<Record<RequestKind, string>> = {
  read: 'read by key',
  page: 'page of 20',
  count: 'count of a phone',
  write: 'write',
};

const DEADLINE_MS = 30_000;
const PAGE = 20;

/** The median of so many, microseconds. */
export async function measure(system: System, kind: RequestKind, operations: number): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < operations; i++) {
    const row = Math.floor(((i * 0.618_033_988_75 + 0.1) % 1) * system.rows);
    const began = performance.now();
    await ASK[kind](system, row);
    took.push((performance.now() - began) * 1000);
  }
  return percentile(took, 0.5);
}

const ASK: Readonly<Record<RequestKind, (system: System, row: number) => Promise<void>>> = {
  read: (system, row) =>
    reading(system, async (operation) => {
      if (!(await operation.load({ phone: phoneOf(row), event: EVENT.name }))) throw new Error('the row is not there');
    }),
  page: (system, row) =>
    reading(system, async (operation) => {
      // From where 20 more rows follow.
      const after = system.app.dataset.keyOf({ phone: phoneOf(Math.max(0, row - PAGE - 1)), event: EVENT.name });
      const { rows } = await operation.page({ filter: { field: 'event', value: EVENT.name }, after, first: PAGE });
      if (rows.length < PAGE) throw new Error(`a page of ${rows.length}`);
    }),
  count: (system, row) =>
    reading(system, async (operation) => {
      if ((await operation.count({ field: 'phone', value: phoneOf(row) })) !== 1)
        throw new Error('one row was to be counted');
    }),
  write: async ({ app }, row) => {
    const key = { phone: phoneOf(row), event: EVENT.name };
    const { outcome } = await app.engine.mutate(
      key,
      (current) =>
        current?.old
          ? { write: { old: { ...current.old, answer: current.old.answer === 'A' ? 'B' : 'A' } } }
          : { refuse: null },
      performance.now() + DEADLINE_MS,
    );
    if (outcome !== 'WRITTEN') throw new Error('a write was refused');
  },
};

type Reads = Awaited<ReturnType<System['app']['engine']['begin']>>;

async function reading({ app }: System, read: (operation: Reads) => Promise<void>): Promise<void> {
  const operation = await app.engine.begin(performance.now() + DEADLINE_MS);
  try {
    await read(operation);
  } finally {
    operation.end();
  }
}
