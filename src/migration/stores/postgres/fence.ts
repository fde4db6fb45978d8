/**
 * The fence of a store in PostgreSQL, the check that every write begins with, and the copy's checkpoint.
 *
 * The lock of the fence is not its row: whoever shares a row's lock makes a switch starve. It is the lock of a table without rows, the
 * latch. A writer's statement names the latch `for key share`, which locks no row and takes the table's lock ROW SHARE; a switch takes
 * EXCLUSIVE, which that excludes, sets the fence and commits. (Of the dataset's own table a switch would also wait for a vacuum.)
 *
 * Why one statement can check and write. At READ COMMITTED the server takes the locks of all tables that a statement names before it
 * takes the snapshot that the statement runs under, and keeps them until the transaction ends; and a commit is visible before its
 * locks are free. So a statement that has the latch sees what the last switch set, and none comes between what it sees and its commit:
 *
 *   switch has the latch first    the statement waits, then reads the new fence, and writes nothing
 *   statement has it first        the switch waits for its commit
 *
 * Transactions of several statements take the latch in their first one.
 */
import { DatabaseError } from 'pg';
import type { Dataset, StoreRole } from '../../dataset.ts';
import { addDigests, NO_ROWS } from '../../digest.ts';
import { CrossfadeError, hasCode, type ErrorCode } from '../../errors.ts';
import type { FenceMode } from '../../states.ts';
import type { Checkpoint, CopyBatch, Digest, Fence, StoreFence } from '../store.ts';
import type { Connection } from './connection.ts';
import { Params } from './params.ts';
import { latchName, quote } from './schema.ts';
import type { Session } from './session.ts';

/** What a write needs: a mode, and the epoch or, in APPLY, the run. */
export type Pass =
  | { readonly mode: 'DIRECT' | 'COPY' | 'CLOSED'; readonly epoch: number }
  | { readonly mode: 'APPLY'; readonly run: number };

/** A batch of the copy takes a fraction of this, milliseconds. */
const STALLED_MS = 10_000;
const LOCK_NOT_AVAILABLE = '55P03';

const MODES: readonly FenceMode[] = ['DIRECT', 'COPY', 'APPLY', 'CLOSED'];

export class PostgresFence implements StoreFence {
  readonly #session: Session;
  /** What `$1` and `$2` are in every statement with a pass. */
  readonly here: readonly [dataset: string, role: StoreRole];
  readonly #latch: string;

  readonly #stalledMs: number;

  constructor(session: Session, dataset: Dataset, role: StoreRole, stalledMs = STALLED_MS) {
    this.#session = session;
    this.here = [dataset.name, role];
    this.#latch = quote(latchName(dataset, role));
    this.#stalledMs = stalledMs;
  }

  read(): Promise<Fence | null> {
    return this.#session.read((c) => this.#read(c));
  }

  async raise(fence: Fence, options: { readonly timeoutMs: number; readonly total?: number }): Promise<Fence> {
    return this.#unlessStalled(() => this.#raise(fence, options), 'AGAIN');
  }

  #raise(fence: Fence, options: { readonly timeoutMs: number; readonly total?: number }): Promise<Fence> {
    const { epoch, step, mode, run, deployment } = fence;
    // 0 would be: for ever.
    const patience = Math.max(1, Math.ceil(options.timeoutMs));
    return this.#session.write([`set local lock_timeout = '${patience}ms'`, this.#exclusive()], async (c) => {
      // Upwards only. Everybody waits for the latch meanwhile, so it is one statement.
      const raised = await c.run(
        `insert into crossfade_fence (dataset, role, epoch, step, mode, run, deployment)
          values ($1, $2, $3::bigint, $4::bigint, $5, $6::bigint, $7)
          on conflict (dataset, role) do update set epoch = excluded.epoch, step = excluded.step, mode = excluded.mode,
            run = excluded.run, deployment = excluded.deployment
            where (crossfade_fence.epoch, crossfade_fence.step) < (excluded.epoch, excluded.step)`,
        [...this.here, `${epoch}`, `${step}`, mode, run === null ? null : `${run}`, deployment],
      );
      if (raised === 0) {
        const stands = await this.#read(c);
        if (stands) return stands;
      }
      if (mode === 'COPY') await this.#startCheckpoint(c, epoch, options.total ?? 0);
      return { epoch, step, mode, run, deployment };
    });
  }

  /** The parameters of a statement with a pass: dataset and role come first, as `$1` and `$2`. */
  params(): Params {
    const params = new Params();
    for (const cell of this.here) params.add(cell, 'text');
    return params;
  }

  /** For `with`: `fence` has one row if the fence lets the statement pass, else none. */
  passage(params: Params, pass: Pass): string {
    return `fence as (select 1 from crossfade_fence f where ${this.open(params, pass)})`;
  }

  /** For `where`, with `crossfade_fence f` in `from`: true of one row if the fence lets the statement pass, else of none. */
  open(params: Params, pass: Pass): string {
    const at =
      pass.mode === 'APPLY'
        ? `f.run = ${params.add(pass.run, 'bigint')}`
        : `f.epoch = ${params.add(pass.epoch, 'bigint')}`;
    return `f.dataset = $1 and f.role = $2 and f.mode = '${pass.mode}' and ${at}
      and not exists (select 1 from ${this.#latch} for key share)`;
  }

  /** Does the fence let such a statement pass? */
  async admits(c: Connection, pass: Pass): Promise<boolean> {
    const params = this.params();
    return (await c.run(`with ${this.passage(params, pass)} select 1 from fence`, params.cells)) === 1;
  }

  /**
   * One transaction that changes nothing unless the fence lets it pass. `alone`: no other write is under way meanwhile. `lost`: what to
   * throw if the connection breaks.
   */
  guard<T>(
    pass: Pass,
    work: (c: Connection) => Promise<T>,
    { alone = false, lost }: { readonly alone?: boolean; readonly lost?: ErrorCode } = {},
  ): Promise<T | 'FENCED'> {
    const opening = ['set constraints all immediate', ...(alone ? [this.#exclusive()] : [])];
    const guarded = () =>
      this.#session.write(opening, async (c) => ((await this.admits(c, pass)) ? work(c) : 'FENCED'), lost);
    return pass.mode === 'COPY' ? this.#unlessStalled(guarded) : guarded();
  }

  async checkpoint(): Promise<Checkpoint | null> {
    const row = await this.#session.read((c) =>
      c.get(
        `select epoch, after, total, copied, quarantined, complete, digest_rows, digest_hash
          from crossfade_checkpoint where dataset = $1 and role = $2`,
        this.here,
      ),
    );
    if (!row) return null;
    const [epoch, after = null, total, copied, quarantined, complete, rows, hash] = row;
    return {
      epoch: Number(epoch),
      after,
      total: Number(total),
      copied: Number(copied),
      quarantined: Number(quarantined),
      complete: complete === 't',
      digest: { rows: Number(rows), hash: String(hash) },
    };
  }

  /** Locks the checkpoint until the transaction ends; false: it is not there. */
  async lockCheckpoint(c: Connection, epoch: number, from: string | null): Promise<boolean> {
    const sql = `select 1 from crossfade_checkpoint where dataset = $1 and role = $2
      and epoch = $3::bigint and after is not distinct from $4 and not complete for update`;
    return (await c.run(sql, [...this.here, `${epoch}`, from])) === 1;
  }

  /** Moves the checkpoint from where the batch begins to where it ends, and locks it; false: it is not there. */
  async advance(
    c: Connection,
    epoch: number,
    { from, to, complete }: Pick<CopyBatch, 'from' | 'to' | 'complete'>,
  ): Promise<boolean> {
    const moved = await c.run(
      `update crossfade_checkpoint set after = $3, complete = $4::boolean
        where dataset = $1 and role = $2 and epoch = $5::bigint and after is not distinct from $6 and not complete`,
      [...this.here, to, String(complete), `${epoch}`, from],
    );
    return moved === 1;
  }

  /** Adds to what the checkpoint has counted; it must be locked. */
  async tally(
    c: Connection,
    { copied, quarantined, digest }: { readonly copied: number; readonly quarantined: number; readonly digest: Digest },
  ): Promise<void> {
    const counted =
      'select digest_rows, digest_hash from crossfade_checkpoint where dataset = $1 and role = $2 for update';
    const [rows, hash] = (await c.get(counted, this.here)) ?? [];
    const all = addDigests({ rows: Number(rows), hash: String(hash) }, digest);
    await c.run(
      `update crossfade_checkpoint set copied = copied + $3::bigint, quarantined = quarantined + $4::bigint,
        digest_rows = $5::bigint, digest_hash = $6 where dataset = $1 and role = $2`,
      [...this.here, `${copied}`, `${quarantined}`, `${all.rows}`, all.hash],
    );
  }

  /**
   * A copier that stands still in the middle of COPY holds the fence and the checkpoint, and no timeout of the server ends it: it is
   * not idle, and a statement is not ended while it waits for its client. Whoever waits for it in vain ends it. AGAIN: and tries again.
   */
  async #unlessStalled<T>(work: () => Promise<T>, then?: 'AGAIN'): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const cause = hasCode(error, 'STORE_UNAVAILABLE') ? error.cause : null;
      const waited = cause instanceof DatabaseError && cause.code === LOCK_NOT_AVAILABLE;
      if (!waited || (await this.#endStalled()) === 0 || !then) throw error;
      return work();
    }
  }

  async #endStalled(): Promise<number> {
    const ended = await this.#session.read((c) =>
      c.get(
        `select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity join pg_locks using (pid)
          where locktype = 'relation' and relation = to_regclass($1) and granted and pid <> pg_backend_pid()
            and datname = current_database() and usename = current_user and state = 'active' and wait_event = 'ClientRead'
            and xact_start < clock_timestamp() - $2::interval`,
        [this.#latch, `${this.#stalledMs}ms`],
      ),
    );
    return Number(ended?.[0]);
  }

  #exclusive(): string {
    return `lock table ${this.#latch} in exclusive mode`;
  }

  async #startCheckpoint(c: Connection, epoch: number, total: number): Promise<void> {
    await c.run('delete from crossfade_checkpoint where dataset = $1 and role = $2', this.here);
    await c.run(
      `insert into crossfade_checkpoint
          (dataset, role, epoch, after, total, copied, quarantined, complete, digest_rows, digest_hash)
        values ($1, $2, $3::bigint, null, $4::bigint, 0, 0, false, $5::bigint, $6)`,
      [...this.here, `${epoch}`, `${total}`, `${NO_ROWS.rows}`, NO_ROWS.hash],
    );
  }

  async #read(c: Connection): Promise<Fence | null> {
    const row = await c.get(
      'select epoch, step, mode, run, deployment from crossfade_fence where dataset = $1 and role = $2',
      this.here,
    );
    if (!row) return null;
    const [epoch, step, found, run = null, deployment] = row;
    const mode = MODES.find((known) => known === found);
    if (!mode) {
      throw new CrossfadeError('STORE_UNAVAILABLE', { message: `crossfade_fence holds the mode ${String(found)}` });
    }
    return {
      epoch: Number(epoch),
      step: Number(step),
      mode,
      run: run === null ? null : Number(run),
      deployment: String(deployment),
    };
  }
}
