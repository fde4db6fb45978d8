/**
 * What is in the files, read by connections of the test's own. After a kill they are copied first, so that the next process finds the
 * files, and what the killed one left in its write-ahead logs, untouched.
 */
import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDriverDatabase from 'better-sqlite3';

export type Role = 'OLD' | 'NEW';
type Cells = Readonly<Record<string, string | number | null>>;

export interface Participation {
  readonly phone: string;
  readonly event: string;
  readonly answer: string;
  readonly created_at: string;
  readonly updated_at: string;
}

/** The codes of the sample events' choices, as the product's documentation has them. */
const ANSWERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'send-1g-traffic': { 'G1-A': 'A', 'G1-B': 'B', 'G1-C': 'C', 'G1-D': 'D' },
  'send-2g-traffic': { 'G2-Y': 'yes', 'G2-N': 'no' },
  'spring-2020': { 'S20-PLUM': 'plum', 'S20-CHERRY': 'cherry', 'S20-PEACH': 'peach' },
};

export class Files {
  readonly #open: Readonly<Record<Role | 'CONTROL', SqliteDriverDatabase.Database>>;
  /** To be removed in the end. */
  readonly #copy: string | null;

  constructor(directory: string, copy: string | null) {
    const open = (name: string) => new SqliteDriverDatabase(join(directory, `${name}.sqlite`));
    this.#open = { OLD: open('old'), NEW: open('new'), CONTROL: open('control') };
    this.#copy = copy;
  }

  /** Beside the process that writes them, as any other reader. */
  static shared(dataDirectory: string): Files {
    return new Files(dataDirectory, null);
  }

  /** As a killed process left them. */
  static async copied(dataDirectory: string): Promise<Files> {
    const directory = await mkdtemp(join(tmpdir(), 'crossfade-look-'));
    await cp(dataDirectory, directory, { recursive: true });
    return new Files(directory, directory);
  }

  async close(): Promise<void> {
    for (const database of Object.values(this.#open)) database.close();
    if (this.#copy !== null) await rm(this.#copy, { recursive: true });
  }

  all(where: Role | 'CONTROL', sql: string, ...cells: readonly (string | number)[]): Cells[] {
    return this.#open[where].prepare<unknown[], Cells>(sql).all(...cells);
  }

  one(where: Role | 'CONTROL', sql: string, ...cells: readonly (string | number)[]): Cells {
    return this.all(where, sql, ...cells)[0] ?? {};
  }

  /** All participations of one table, in key order, each as the old table would have it. */
  participations(role: Role): Participation[] {
    const table = role === 'OLD' ? 'participation_old' : 'participation_new';
    return this.all(role, `select * from ${table} order by phone, event`).map((row) => ({
      phone: String(row['phone']),
      event: String(row['event']),
      answer:
        role === 'OLD' ? String(row['answer']) : answerOf(String(row['event']), String(row['recommendation_code'])),
      created_at: String(row['created_at']),
      updated_at: String(row['updated_at']),
    }));
  }

  get fence(): Readonly<Record<Role, Cells>> {
    const read = (role: Role) => this.one(role, 'select * from crossfade_fence where role = ?', role);
    return { OLD: read('OLD'), NEW: read('NEW') };
  }

  get record(): Cells {
    return this.one('CONTROL', 'select * from crossfade_control');
  }

  guard(role: Role, key: string): number {
    const found = this.one(role, 'select seq from crossfade_guard where role = ? and "key" = ?', role, key);
    return Number(found['seq'] ?? 0);
  }

  /** null: there is none. */
  entry(key: string): Cells | null {
    return this.all('CONTROL', 'select * from crossfade_journal_entry where "key" = ?', key)[0] ?? null;
  }

  /** Those of the run: what a move has dropped is hidden by the slots at once, and its rows are swept later. */
  get entries(): number {
    const there = `select count(*) as n from crossfade_journal_entry as entry join crossfade_journal_slot as slot
      on slot.dataset = entry.dataset and slot.slot = entry.slot and slot.generation = entry.generation`;
    return Number(this.one('CONTROL', there)['n']);
  }

  get slots(): { readonly least: Cells; readonly most: Cells } {
    const of = (f: 'min' | 'max') =>
      this.one(
        'CONTROL',
        `select ${f}(epoch) as epoch, ${f}("open") as "open", ${f}(noted_number) as noted from crossfade_journal_slot`,
      );
    return { least: of('min'), most: of('max') };
  }
}

export function digest(rows: readonly Participation[]): string {
  const hash = createHash('sha256');
  for (const row of rows) hash.update(`${JSON.stringify(row)}\n`);
  return hash.digest('hex');
}

function answerOf(event: string, code: string): string {
  const answer = ANSWERS[event]?.[code];
  if (answer !== undefined) return answer;
  if (!code.startsWith('~')) throw new Error(`${event} has no code ${code}`);
  return Buffer.from(code.slice(1), 'base64url').toString('utf8');
}
