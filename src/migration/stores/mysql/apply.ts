/**
 * Journal entries into a store, many at once.
 *
 * The guards that there are get locked first, in their order; then rows are written; the guards come last. A guard that another
 * transaction made in the meantime shows then, as a duplicate, and all of it is begun again: so nobody writes over what is newer.
 */
import { CrossfadeError } from '../../errors.ts';
import type { Apply, ApplyResult } from '../store.ts';
import type { Connection } from './connection.ts';
import { unlessOvertaken } from './database.ts';
import { keyId } from './keys.ts';
import { refusalOf, refused } from './refusal.ts';
import { upsertRows, type Candidate } from './rows.ts';
import { batches } from './statements.ts';
import { bytesOf, toCells, type TableFacts } from './types.ts';
import type { Parts } from './writer.ts';

export type Refused = ApplyResult['refused'][number];

/** A key once in each round, its entries in their order. */
export function inRounds(entries: readonly Apply[]): readonly (readonly Apply[])[] {
  const rounds: Apply[][] = [];
  const met = new Map<string, number>();
  for (const entry of entries) {
    const round = met.get(entry.key) ?? 0;
    met.set(entry.key, round + 1);
    (rounds[round] ??= []).push(entry);
  }
  return rounds;
}

/** The refusals, in the order of the entries. */
export async function applyRound(
  c: Connection,
  parts: Parts,
  entries: readonly Apply[],
  facts: TableFacts,
): Promise<readonly Refused[]> {
  const { role, reader, quarantine } = parts;
  const guards = await reader.guardsOn(
    c,
    entries.map(({ key }) => key),
    'for update',
  );
  const newer = entries.filter(({ key, seq }) => seq > (guards.get(key) ?? -1));
  if (newer.length === 0) return [];
  const reasons = await writeRows(c, parts, newer, facts);
  const refusals = newer.filter(({ key }) => reasons.has(key));
  const written = newer.filter(({ key }) => !reasons.has(key));
  if (role === 'NEW') {
    await removeRows(c, parts, refusals);
    await quarantine.removeMany(
      c,
      written.map(({ key }) => key),
    );
    const kept = refusals.map(({ key, row, old }) => ({
      key,
      reason: reasons.get(key) ?? '',
      row: JSON.stringify(old ?? row),
    }));
    await quarantine.putMany(c, kept, facts);
  }
  await setGuards(c, parts, role === 'NEW' ? newer : written, guards, facts);
  return refusals.map(({ key, seq }) => ({ key, seq, reason: reasons.get(key) ?? '' }));
}

async function writeRows(
  c: Connection,
  parts: Parts,
  entries: readonly Apply[],
  facts: TableFacts,
): Promise<ReadonlyMap<string, string>> {
  const { dataset, sql } = parts;
  const reasons = new Map<string, string>();
  const rows = new Map<string, Candidate>();
  for (const { key, row } of entries) {
    if (!row) continue;
    try {
      rows.set(key, { key, cells: toCells(sql.table, row, facts) });
    } catch (error) {
      const reason = refusalOf(error);
      if (reason === null) throw error;
      reasons.set(key, reason);
      continue;
    }
    if (dataset.keyOf(row) !== key) {
      throw new CrossfadeError('INTERNAL', { message: `A row of ${dataset.name} was written under another key.` });
    }
  }
  const tombstones = entries.filter(({ row }) => !row);
  if (facts.onlyKeyIsUnique) {
    for (const [key, reason] of await upsertRows(c, sql, inKeyOrder([...rows.values()]), facts))
      reasons.set(key, reason);
    for (const [key, reason] of await removed(c, parts, tombstones)) reasons.set(key, reason);
    return reasons;
  }
  // What one entry takes another may have given up before: one by one, in their order.
  for (const entry of entries) {
    const candidate = rows.get(entry.key);
    if (!candidate && entry.row) continue;
    const reason = await refused(() => (candidate ? upsertOne(c, parts, candidate) : removeRows(c, parts, [entry])));
    if (reason !== null) reasons.set(entry.key, reason);
  }
  return reasons;
}

async function upsertOne(c: Connection, { sql }: Parts, { key, cells }: Candidate): Promise<void> {
  const changed = await c.run(sql.replaceByKey, [...sql.rest(cells), ...sql.keyIs(key).cells]);
  if (changed > 0) return;
  const insert = sql.insert([cells]);
  await c.run(insert.sql, insert.cells);
}

/** A row that something else refers to can't be removed. */
async function removed(c: Connection, parts: Parts, entries: readonly Apply[]): Promise<ReadonlyMap<string, string>> {
  const reasons = new Map<string, string>();
  if ((await refused(() => removeRows(c, parts, entries))) === null) return reasons;
  for (const entry of entries) {
    const reason = await refused(() => removeRows(c, parts, [entry]));
    if (reason !== null) reasons.set(entry.key, reason);
  }
  return reasons;
}

async function removeRows(c: Connection, { sql }: Parts, entries: readonly Apply[]): Promise<void> {
  if (entries.length === 0) return;
  const { sql: these, cells } = sql.among(entries.map(({ key }) => key));
  await c.run(`delete from ${sql.name} where ${these}`, cells);
}

async function setGuards(
  c: Connection,
  { dataset, role }: Parts,
  entries: readonly Apply[],
  stand: ReadonlyMap<string, number>,
  facts: TableFacts,
): Promise<void> {
  const values = (these: readonly Apply[]) =>
    inKeyOrder(these).map(({ key, seq }) => [dataset.name, role, keyId(key), BigInt(seq)] as const);
  const write = async (these: readonly Apply[], otherwise: string) => {
    for (const batch of batches(values(these), bytesOf, facts.statementBytes)) {
      const places = batch.map(() => '(?, ?, ?, ?)').join(', ');
      await c.run(
        `insert into crossfade_guard (dataset, role, key_id, seq) values ${places} ${otherwise}`,
        batch.flat(),
      );
    }
  };
  await write(
    entries.filter(({ key }) => stand.has(key)),
    'on duplicate key update seq = values(seq)',
  );
  try {
    await write(
      entries.filter(({ key }) => !stand.has(key)),
      '',
    );
  } catch (error) {
    throw unlessOvertaken(error);
  }
}

/** As the tables beside the dataset's are ordered; transactions that meet take their locks in one order. */
function inKeyOrder<T extends { readonly key: string }>(items: readonly T[]): readonly T[] {
  const ids = new Map(items.map((item) => [item, keyId(item.key)]));
  return items.toSorted((a, b) => Buffer.compare(ids.get(a) ?? EMPTY, ids.get(b) ?? EMPTY));
}

const EMPTY = Buffer.alloc(0);
