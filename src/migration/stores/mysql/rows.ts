/** Many rows at once into the dataset's table. What the table refuses is found by halving: a statement that fails leaves nothing. */
import type { Cell, Connection } from './connection.ts';
import { refused } from './refusal.ts';
import { batches, type Part, type Statements } from './statements.ts';
import { bytesOf, type TableFacts } from './types.ts';

/** A row that may be refused. */
export interface Candidate {
  readonly key: string;
  readonly cells: readonly Cell[];
}

/** Why, by key, for the rows that were refused; the others are there. */
export type Reasons = ReadonlyMap<string, string>;

type Make = (rows: readonly (readonly Cell[])[]) => Part;

export function insertRows(
  c: Connection,
  sql: Statements,
  rows: readonly Candidate[],
  facts: TableFacts,
): Promise<Reasons> {
  return writeAll(c, rows, facts, (cells) => sql.insert(cells));
}

/** Only where nothing but the key is unique. */
export function upsertRows(
  c: Connection,
  sql: Statements,
  rows: readonly Candidate[],
  facts: TableFacts,
): Promise<Reasons> {
  return writeAll(c, rows, facts, (cells) => sql.upsert(cells));
}

async function writeAll(c: Connection, rows: readonly Candidate[], facts: TableFacts, make: Make): Promise<Reasons> {
  const reasons = new Map<string, string>();
  for (const batch of batches(rows, ({ cells }) => bytesOf(cells), facts.statementBytes)) {
    await write(c, batch, make, reasons);
  }
  return reasons;
}

async function write(
  c: Connection,
  batch: readonly Candidate[],
  make: Make,
  reasons: Map<string, string>,
): Promise<void> {
  const { sql, cells } = make(batch.map((row) => row.cells));
  const reason = await refused(() => c.run(sql, cells));
  const [first] = batch;
  if (reason === null || !first) return;
  if (batch.length === 1) {
    reasons.set(first.key, reason);
    return;
  }
  const half = batch.length / 2;
  await write(c, batch.slice(0, half), make, reasons);
  await write(c, batch.slice(half), make, reasons);
}
