/**
 * Journal entries into the table of a store.
 *
 * Whoever applies an entry owns the guard of its key first, until his transaction ends: of two, the second waits, and goes on only if
 * his seq is higher. What he then does must see what the first has committed, and that is where one statement differs from two: a
 * statement sees what was committed when it began, before it waited.
 *
 *   upsert                 `on conflict do update` meets the newest row, also one that the statement's snapshot does not show
 *   removal                would miss a row that the first inserted: it needs a statement that begins when the guard is owned
 *   leaving quarantine     would miss a key that the first quarantined: so whoever quarantines has the fence's lock alone, and no
 *                          statement under way began before his commit
 *
 * So entries with rows take one statement, removals a transaction of several, and refused rows a transaction that keeps others out.
 * Guards are taken in the order of the keys, by everybody.
 */
import type { StoreRole } from '../../dataset.ts';
import { badInput } from '../../errors.ts';
import { compareKeys } from '../../key.ts';
import type { Apply, ApplyResult } from '../store.ts';
import type { Connection } from './connection.ts';
import type { Pass, PostgresFence } from './fence.ts';
import { Params } from './params.ts';
import type { PostgresQuarantine } from './quarantine.ts';
import { attempt, refusalOf, settle } from './refusal.ts';
import { arrayOf } from './schema.ts';
import type { Session } from './session.ts';
import type { Line, Statements } from './statements.ts';
import { toCells } from './types.ts';

export interface ApplierParts {
  readonly sql: Statements;
  readonly fence: PostgresFence;
  readonly quarantine: PostgresQuarantine;
}

/** An entry on its way: a row as cells, a removal, or (`fault`) a row with a value that is none of its column. */
interface Arriving extends Line {
  readonly entry: Apply;
  readonly fault: string | null;
}

type Refused = ApplyResult['refused'];

export class Applier {
  readonly #session: Session;
  readonly #role: StoreRole;
  readonly #parts: ApplierParts;

  constructor(session: Session, role: StoreRole, parts: ApplierParts) {
    this.#session = session;
    this.#role = role;
    this.#parts = parts;
  }

  async apply(run: number, entries: readonly Apply[]): Promise<ApplyResult> {
    const pass = { mode: 'APPLY', run } as const;
    // The columns' limits are known when the session has been used.
    const arriving = await this.#session.read(async () => entries.map((entry) => this.#arriving(entry)));
    const tried = await this.#tryAll(pass, newestOf(arriving));
    const refused = tried === 'REFUSED' ? await this.#applyAlone(pass, arriving) : tried;
    return refused === 'FENCED' ? { outcome: 'FENCED', refused: [] } : { outcome: 'APPLIED', refused };
  }

  /** `REFUSED`: one of them at least, and nothing was changed. */
  async #tryAll(pass: Pass, lines: readonly Arriving[]): Promise<Refused | 'FENCED' | 'REFUSED'> {
    if (lines.some(({ fault }) => fault !== null)) return 'REFUSED';
    try {
      if (lines.every(({ entry }) => entry.row)) return await this.#upsert(pass, lines);
      return await this.#parts.fence.guard(pass, async (c) => {
        await this.#applyOn(c, lines);
        return [];
      });
    } catch (error) {
      if (refusalOf(error) !== null) return 'REFUSED';
      throw error;
    }
  }

  /** Entries with rows, in one statement. */
  async #upsert(pass: Pass, lines: readonly Arriving[]): Promise<Refused | 'FENCED'> {
    const { fence, sql } = this.#parts;
    const params = fence.params();
    const passage = fence.passage(params, pass);
    const seqs = params.add(arrayOf(lines.map(({ entry }) => `${entry.seq}`)), 'bigint[]');
    const released =
      this.#role === 'NEW'
        ? `, released as (delete from crossfade_quarantine q using guarded
            where q.dataset = $1 and q.role = $2 and q."key" = guarded."key")`
        : '';
    const statement = `with ${passage},
      e as materialized (select * from ${sql.lines(params, lines, [seqs])}),
      guarded as (${guarding('e, fence')}),
      written as (insert into ${sql.name} (${sql.columns}) select ${sql.given}
        from e join guarded on guarded."key" = e.crossfade_key ${sql.onTaken.replace})
      ${released}
      select 1 from fence`;
    const passed = await this.#session.read((c) => c.run(statement, params.cells));
    return passed === 1 ? [] : 'FENCED';
  }

  /** With everybody else kept out: what can be applied is, the rest is refused. */
  #applyAlone(pass: Pass, lines: readonly Arriving[]): Promise<Refused | 'FENCED'> {
    return this.#parts.fence.guard(
      pass,
      async (c) => {
        const refused = await settle(
          lines,
          (some) => this.#applyOn(c, some),
          (work) => c.savepoint(work),
          (some) => new Set(some.map(({ key }) => key)).size === some.length,
        );
        if (this.#role === 'NEW') await this.#quarantine(c, refused);
        return refused.map(({ item, reason }) => ({ key: item.key, seq: item.entry.seq, reason }));
      },
      { alone: true },
    );
  }

  /** In a transaction that the fence has let pass; no key twice. */
  async #applyOn(c: Connection, lines: readonly Arriving[]): Promise<void> {
    const { quarantine, sql } = this.#parts;
    const guarded = await this.#setGuards(c, lines);
    const writing = lines.filter(({ key }) => guarded.has(key));
    const faulty = writing.find(({ fault }) => fault !== null);
    if (faulty) throw badInput('row', String(faulty.fault));
    const rows = writing.filter(({ entry }) => entry.row);
    if (rows.length > 0) {
      const params = new Params();
      const from = sql.lines(params, rows);
      const insert = `insert into ${sql.name} (${sql.columns}) select ${sql.given} from ${from} ${sql.onTaken.replace}`;
      await c.run(insert, params.cells);
    }
    await this.#remove(
      c,
      writing.filter(({ entry }) => !entry.row),
    );
    if (this.#role === 'NEW') await quarantine.remove(c, [...guarded]);
  }

  /** The keys whose guard was lower, or is now there for the first time. */
  async #setGuards(c: Connection, lines: readonly Arriving[]): Promise<ReadonlySet<string>> {
    const params = this.#parts.fence.params();
    const keys = params.add(arrayOf(lines.map(({ key }) => key)), 'text[]');
    const seqs = params.add(arrayOf(lines.map(({ entry }) => `${entry.seq}`)), 'bigint[]');
    const given = `unnest(${keys}, ${seqs}) as e(crossfade_key, crossfade_seq)`;
    return new Set((await c.all(guarding(given), params.cells)).map(([key]) => String(key)));
  }

  async #remove(c: Connection, lines: readonly Arriving[]): Promise<void> {
    if (lines.length === 0) return;
    const params = new Params();
    const removal = this.#parts.sql.removal(
      params,
      lines.map(({ key }) => key),
    );
    await c.run(removal, params.cells);
  }

  async #quarantine(
    c: Connection,
    refused: readonly { readonly item: Arriving; readonly reason: string }[],
  ): Promise<void> {
    const newest = newestOf(refused.map(({ item, reason }) => ({ ...item, reason })));
    const guarded = await this.#setGuards(c, newest);
    const kept = newest.filter(({ key }) => guarded.has(key));
    await this.#remove(c, kept);
    const rows = kept.map(({ key, reason, entry }) => ({ key, reason, row: JSON.stringify(entry.old ?? entry.row) }));
    await this.#parts.quarantine.put(c, rows);
  }

  #arriving(entry: Apply): Arriving {
    const { key, row } = entry;
    if (!row) return { key, entry, cells: [], fault: null };
    const cells = attempt(() => toCells(this.#parts.sql.table, row, this.#session.limits));
    return 'made' in cells
      ? { key, entry, cells: cells.made, fault: null }
      : { key, entry, cells: [], fault: cells.reason };
  }
}

/** Sets the guards that are lower, in the order of the keys; the keys of those that it set. */
function guarding(from: string): string {
  return `insert into crossfade_guard as g (dataset, role, "key", seq)
    select $1::text, $2::text, e.crossfade_key, e.crossfade_seq from ${from} order by e.crossfade_key collate "C"
    on conflict (dataset, role, "key") do update set seq = excluded.seq where excluded.seq > g.seq returning "key"`;
}

/** Of each key the entry with the highest seq, in key order. */
function newestOf<T extends Arriving>(lines: readonly T[]): readonly T[] {
  const newest = new Map<string, T>();
  for (const line of lines) {
    const other = newest.get(line.key);
    if (!other || other.entry.seq < line.entry.seq) newest.set(line.key, line);
  }
  return [...newest.values()].sort((a, b) => compareKeys(a.key, b.key));
}
