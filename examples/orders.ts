import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createEngine, Dataset, systemClock, text, Unmappable, type MigrationState, type RowOf } from 'crossfade';
import { sqlControl, type ControlTables } from 'crossfade/control/sql';
import { sqlJournal, type JournalTables } from 'crossfade/journal/sql';
import { openSqliteFile, sqliteStore } from 'crossfade/stores/sqlite';

// 1. The dataset: two tables, a key, and a mapping both ways.
const oldColumns = { customer: text('customer'), number: text('number'), state: text('state') };
const newColumns = { customer: text('customer'), number: text('number'), phase: text('phase_code') };
type OldOrder = RowOf<typeof oldColumns>;
type NewOrder = RowOf<typeof newColumns>;

const PAIRS = [
  { state: 'open', phase: 'P1' },
  { state: 'paid', phase: 'P2' },
];
function counterpart(by: 'state' | 'phase', value: string): (typeof PAIRS)[number] {
  const pair = PAIRS.find((candidate) => candidate[by] === value);
  if (!pair) throw new Unmappable(`the ${by} ${value} has no counterpart`);
  return pair;
}

const orders = new Dataset<OldOrder, NewOrder>({
  name: 'orders',
  key: ['customer', 'number'],
  partitionBy: 'customer', // the journal is split by it; lists by it are cheapest
  listBy: ['customer'],
  old: { name: 'orders_old', columns: oldColumns },
  new: { name: 'orders_new', columns: newColumns },
  mapper: async () => ({
    toNew: ({ state, ...key }) => ({ ...key, phase: counterpart('state', state).phase }),
    toOld: ({ phase, ...key }) => ({ ...key, state: counterpart('phase', phase).state }),
  }),
});

// 2. The devices: two stores, and a database for control record and journal.
const dir = await mkdtemp(join(tmpdir(), 'orders-'));
const file = (name: string): string => join(dir, `${name}.sqlite`);
const stores = {
  OLD: sqliteStore({ file: file('old'), role: 'OLD', dataset: orders, create: true }),
  NEW: sqliteStore({ file: file('new'), role: 'NEW', dataset: orders, create: true }),
};
const database = openSqliteFile<ControlTables & JournalTables>(file('control'));
const control = sqlControl({ database, clock: systemClock });
const journal = sqlJournal({ database, dataset: orders, clock: systemClock });

const engine = createEngine({ dataset: orders, stores, journal, control });
await engine.start();
const soon = (): number => performance.now() + 5000;

// 3. Write: `decide` is pure, and is asked again when the row or the state has changed meanwhile.
async function place(customer: string, number: string, state: string): Promise<string> {
  const written = await engine.mutate(
    { customer, number },
    (current) => (current ? { refuse: 'EXISTS' } : { write: { old: { customer, number, state } } }),
    soon(),
  );
  return written.outcome === 'REFUSED' ? written.refusal : written.outcome;
}

// 4. Read: one operation, one state. Begin again when it throws `OperationExpired`.
async function read(customer: string, number: string): Promise<string> {
  const operation = await engine.begin(soon());
  try {
    const faces = await operation.load({ customer, number });
    return `${operation.place.state}: ${faces?.old?.state} is ${faces?.new?.phase}, one of ${await operation.count()}`;
  } finally {
    operation.end();
  }
}

// 5. Operate.
async function switchTo(to: MigrationState, readNewPercent: number | null = null): Promise<void> {
  const why = { expectedEpoch: null, reason: 'an example', dryRun: false, acceptRisk: [], actor: 'me' };
  const result = await engine.operator.switchTo({ to, readNewPercent, ...why });
  if (result.outcome !== 'SWITCHED') throw new Error(JSON.stringify(result));
}

console.log(await place('c1', '7', 'paid'));
await switchTo('MIGRATING');
console.log(await place('c1', '8', 'open'), await read('c1', '8'));
while (!(await engine.operator.copyProgress())?.complete) await delay(50);
await switchTo('CATCHING_UP');
while ((await engine.operator.journalStatus()).pending.OLD > 0) await delay(50);
await switchTo('DUAL', 0);
await switchTo('DUAL', 100);
await engine.operator.verify();
while ((await engine.operator.verification())?.running) await delay(50);
await switchTo('NEW');
console.log(await place('c1', '8', 'paid'), await read('c1', '7'));

// 6. The engine closes nothing it was given.
await engine.stop();
await Promise.all([stores.OLD.close(), stores.NEW.close(), journal.stop()]);
await control.close();
await rm(dir, { recursive: true });
