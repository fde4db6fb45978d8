/**
 * The fence of a store in MySQL or MariaDB, the check that every write begins with, and the copy's checkpoint.
 *
 * A writer reads the fence's row with a shared lock, which it holds until it commits; a switch takes the row exclusively. InnoDB queues
 * the two fairly. A read without lock would not do: at READ COMMITTED the switch could pass between it and the write.
 */
import type { Dataset, StoreRole } from '../../dataset.ts';
import { addDigests, NO_ROWS } from '../../digest.ts';
import { CrossfadeError } from '../../errors.ts';
import type { FenceMode } from '../../states.ts';
import type { Checkpoint, CopyBatch, Digest, Fence, StoreFence } from '../store.ts';
import type { Cell, Connection } from './connection.ts';
import type { Session, WriteOptions } from './session.ts';
import { Failure, unlessOvertaken } from './database.ts';
import type { Part } from './statements.ts';

/** What a write needs: a mode, and the epoch or, in APPLY, the run. */
export type Pass =
  | { readonly mode: 'DIRECT' | 'COPY' | 'CLOSED'; readonly epoch: number }
  | { readonly mode: 'APPLY'; readonly run: number };

const MODES: readonly FenceMode[] = ['DIRECT', 'COPY', 'APPLY', 'CLOSED'];
const READ_FENCE = 'select epoch, step, mode, run, deployment from crossfade_fence where dataset = ? and role = ?';
const READ_CHECKPOINT = `select epoch, after, total, copied, quarantined, complete, digest_rows, digest_hash
  from crossfade_checkpoint where dataset = ? and role = ?`;

export class MysqlFence implements StoreFence {
  readonly #session: Session;
  readonly #here: readonly [dataset: string, role: StoreRole];

  constructor(session: Session, dataset: Dataset, role: StoreRole) {
    this.#session = session;
    this.#here = [dataset.name, role];
  }

  read(): Promise<Fence | null> {
    return this.#session.read(async (c) => fenceOf(await c.get(READ_FENCE, this.#here)));
  }

  raise(fence: Fence, options: { readonly timeoutMs: number; readonly total?: number }): Promise<Fence> {
    const { epoch, step, mode, run, deployment } = fence;
    const until = performance.now() + options.timeoutMs;
    const raised = async (c: Connection): Promise<Fence> => {
      const stands = await this.#lock(c, Math.max(until - performance.now(), 1));
      if (stands && (stands.epoch > epoch || (stands.epoch === epoch && stands.step >= step))) return stands;
      const cells = [BigInt(epoch), BigInt(step), mode, run === null ? null : BigInt(run), deployment, ...this.#here];
      const change = stands
        ? 'update crossfade_fence set epoch = ?, step = ?, mode = ?, run = ?, deployment = ? where dataset = ? and role = ?'
        : 'insert into crossfade_fence (epoch, step, mode, run, deployment, dataset, role) values (?, ?, ?, ?, ?, ?, ?)';
      await c.run(change, cells).catch((error: unknown) => {
        throw unlessOvertaken(error);
      });
      if (mode === 'COPY') await this.#startCheckpoint(c, epoch, options.total ?? 0);
      return { epoch, step, mode, run, deployment };
    };
    return this.#session.writeApart(raised, { timeoutMs: options.timeoutMs, repeatable: true });
  }

  /** One transaction that changes nothing unless the fence lets it pass: it is locked, then read, then the work is done. */
  guard<T>(
    pass: Pass,
    work: (c: Connection, fence: Fence) => Promise<T>,
    options: WriteOptions = {},
  ): Promise<T | 'FENCED'> {
    return this.#session.write(
      async (c) => {
        const fence = fenceOf(await c.get(`${READ_FENCE} lock in share mode`, this.#here));
        return fence && admits(fence, pass) ? work(c, fence) : 'FENCED';
      },
      { repeatable: pass.mode !== 'DIRECT', ...options },
    );
  }

  /** The end of a query that has a row, and locks the fence, if the fence stands at DIRECT, this epoch and (if told) this step. */
  direct(epoch: number, step: number | null): Part {
    const at = step === null ? '' : 'and step = ?';
    return {
      sql: `from crossfade_fence where dataset = ? and role = ? and mode = 'DIRECT' and epoch = ? ${at} lock in share mode`,
      cells: [...this.#here, BigInt(epoch), ...(step === null ? [] : [BigInt(step)])],
    };
  }

  checkpoint(): Promise<Checkpoint | null> {
    return this.#session.read(async (c) => checkpointOf(await c.get(READ_CHECKPOINT, this.#here)));
  }

  /** The checkpoint, locked until the transaction ends, if the batch begins there; null: it does not. */
  async position(c: Connection, epoch: number, batch: Pick<CopyBatch, 'from'>): Promise<Checkpoint | null> {
    const stands = checkpointOf(await c.get(`${READ_CHECKPOINT} for update`, this.#here));
    return stands && stands.epoch === epoch && stands.after === batch.from && !stands.complete ? stands : null;
  }

  /** Moves the locked checkpoint to the end of the batch, and adds to what it has counted. */
  async advance(
    c: Connection,
    from: Checkpoint,
    batch: Pick<CopyBatch, 'to' | 'complete'>,
    done: { readonly copied: number; readonly quarantined: number; readonly digest: Digest },
  ): Promise<void> {
    const { rows, hash } = addDigests(from.digest, done.digest);
    const counted = [from.copied + done.copied, from.quarantined + done.quarantined, rows].map(BigInt);
    await c.run(
      `update crossfade_checkpoint set after = ?, complete = ?, copied = ?, quarantined = ?, digest_rows = ?, digest_hash = ?
        where dataset = ? and role = ?`,
      [batch.to, batch.complete ? 1n : 0n, ...counted, hash, ...this.#here],
    );
  }

  /** Rows that came out of quarantine count as copied. */
  async release(c: Connection, rows: number): Promise<void> {
    await c.run(
      'update crossfade_checkpoint set copied = copied + ?, quarantined = quarantined - ? where dataset = ? and role = ?',
      [BigInt(rows), BigInt(rows), ...this.#here],
    );
  }

  /** Waits for the exclusive lock for so long; what waits on the server is ended with it. */
  async #lock(c: Connection, timeoutMs: number): Promise<Fence | null> {
    try {
      return fenceOf(await c.get(`${READ_FENCE} for update`, this.#here, timeoutMs));
    } catch (error) {
      if (error instanceof Failure && error.kind === 'TIMED_OUT') await this.#session.interrupt(c);
      throw error;
    }
  }

  async #startCheckpoint(c: Connection, epoch: number, total: number): Promise<void> {
    await c.run(
      `replace into crossfade_checkpoint (dataset, role, epoch, after, total, copied, quarantined, complete, digest_rows, digest_hash)
        values (?, ?, ?, null, ?, 0, 0, 0, ?, ?)`,
      [...this.#here, BigInt(epoch), BigInt(total), BigInt(NO_ROWS.rows), NO_ROWS.hash],
    );
  }
}

function admits(fence: Fence, pass: Pass): boolean {
  if (fence.mode !== pass.mode) return false;
  return pass.mode === 'APPLY' ? fence.run === pass.run : fence.epoch === pass.epoch;
}

function fenceOf(row: readonly Cell[] | undefined): Fence | null {
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

function checkpointOf(row: readonly Cell[] | undefined): Checkpoint | null {
  if (!row) return null;
  const [epoch, after, total, copied, quarantined, complete, rows, hash] = row;
  return {
    epoch: Number(epoch),
    after: textOrNull(after),
    total: Number(total),
    copied: Number(copied),
    quarantined: Number(quarantined),
    complete: Number(complete) === 1,
    digest: { rows: Number(rows), hash: String(hash) },
  };
}

export function textOrNull(cell: Cell | undefined): string | null {
  return typeof cell === 'string' ? cell : null;
}
