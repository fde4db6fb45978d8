/**
 * The statements of direct writes: each checks the fence and changes one row or none.
 *
 * Their texts depend on the table and on nothing else, so each is put together once; a write fills in what is bound.
 */
import type { DirectChange } from '../store.ts';
import type { Cell, Connection } from './connection.ts';
import type { PostgresFence } from './fence.ts';
import type { Session } from './session.ts';
import type { Statements } from './statements.ts';

const QUARANTINED = 'exists (select 1 from crossfade_quarantine where dataset = $1 and role = $2';

/** A change with its rows as cells. */
export interface Written {
  readonly epoch: number;
  readonly key: string;
  readonly expect: readonly Cell[] | null;
  readonly next: readonly Cell[] | null;
}

export interface Statement {
  readonly text: string;
  readonly cells: readonly Cell[];
}

/** Where the fence stood, and whether nothing was in quarantine then. */
interface Found {
  readonly step: string;
  readonly empty: boolean;
}

type Shape = 'create' | 'create where nothing is in quarantine' | 'replace' | 'remove';

export class DirectStatements {
  readonly #session: Session;
  readonly #fence: PostgresFence;
  readonly #sql: Statements;
  readonly #texts = new Map<Shape, string>();
  /** What was found at the epoch asked for last. */
  #quarantine: { readonly epoch: number; readonly found: Promise<Found | null> } | null = null;

  constructor(session: Session, fence: PostgresFence, sql: Statements) {
    this.#session = session;
    this.#fence = fence;
    this.#sql = sql;
  }

  /** Of a change that writes; `emptyAt`: see there. */
  of({ epoch, key, expect, next }: Written, emptyAt: string | null): Statement {
    if (expect) {
      return next
        ? this.#filled('replace', epoch, [...expect, ...this.#sql.settable(next)])
        : this.#filled('remove', epoch, expect);
    }
    const shape = emptyAt === null ? 'create' : 'create where nothing is in quarantine';
    return this.#filled(shape, epoch, [emptyAt ?? key, ...(next ?? [])]);
  }

  /** The fence may have taken another step: quarantine is looked at again. */
  forget(): void {
    this.#quarantine = null;
  }

  /** `fence` has a row if the fence lets it pass: is there a row with this key, or one in quarantine? */
  presence({ epoch, key }: Pick<DirectChange, 'epoch' | 'key'>): Statement {
    const params = this.#fence.params();
    const passage = this.#fence.passage(params, { mode: 'DIRECT', epoch });
    const text = `with ${passage} select exists (select 1 from ${this.#sql.name} t where ${this.#sql.keyIs(params, key)})
      or ${QUARANTINED} and "key" = ${params.add(key, 'text')}) from fence`;
    return { text, cells: params.cells };
  }

  #filled(shape: Shape, epoch: number, cells: readonly Cell[]): Statement {
    let text = this.#texts.get(shape);
    if (text === undefined) {
      text = this.#text(shape);
      this.#texts.set(shape, text);
    }
    return { text, cells: [...this.#fence.here, String(epoch), ...cells] };
  }

  /** With place holders in the order in which `of` fills them. */
  #text(shape: Shape): string {
    const { name, columns, onTaken } = this.#sql;
    const params = this.#fence.params();
    // What is bound does not matter here, only where.
    const row = this.#sql.noRow;
    const open = this.#fence.open(params, { mode: 'DIRECT', epoch: 0 });
    const fence = 'crossfade_fence f';
    if (shape === 'remove')
      return `delete from ${name} t using ${fence} where ${open} and ${this.#sql.isExactly(params, row)}`;
    if (shape === 'replace') {
      const exactly = this.#sql.isExactly(params, row);
      return `update ${name} t set ${this.#sql.assignments(params, row)} from ${fence} where ${open} and ${exactly}`;
    }
    const free =
      shape === 'create'
        ? `not ${QUARANTINED} and "key" = ${params.add(null, 'text')})`
        : `f.step = ${params.add(null, 'bigint')}`;
    return `insert into ${name} (${columns}) select ${this.#sql.values(params, row)} from ${fence}
      where ${open} and ${free} ${onTaken.keep}`;
  }

  /**
   * The step of the fence, at DIRECT and this epoch, at which nothing was in quarantine; null: something was. In mode DIRECT quarantine
   * does not grow, so while the fence stands there it need not be looked again.
   */
  async emptyAt(epoch: number): Promise<string | null> {
    if (this.#quarantine?.epoch !== epoch) {
      this.#quarantine = { epoch, found: this.#session.read((c) => this.#lookForNone(c, epoch)) };
    }
    const asked = this.#quarantine;
    let found: Found | null = null;
    try {
      found = await asked.found;
    } finally {
      // The fence stands elsewhere, or the server was not reached.
      if (!found && this.#quarantine === asked) this.forget();
    }
    return found?.empty ? found.step : null;
  }

  async #lookForNone(c: Connection, epoch: number): Promise<Found | null> {
    const params = this.#fence.params();
    const open = this.#fence.open(params, { mode: 'DIRECT', epoch });
    const row = await c.get(`select f.step, ${QUARANTINED}) from crossfade_fence f where ${open}`, params.cells);
    return row ? { step: String(row[0]), empty: row[1] === 'f' } : null;
  }
}
