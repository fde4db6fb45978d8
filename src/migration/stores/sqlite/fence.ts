/** The fence of a store in SQLite, the check that every write begins with, and the copy's checkpoint. */
import type { Dataset, StoreRole } from '../../dataset.ts';
import { CrossfadeError } from '../../errors.ts';
import type { FenceMode } from '../../states.ts';
import { addDigests, NO_ROWS } from '../../digest.ts';
import type { Checkpoint, CopyBatch, Digest, Fence, StoreFence } from '../store.ts';
import type { Cell, Connection, Session } from './connection.ts';

/** What a write needs: a mode, and the epoch or, in APPLY, the run. */
export type Pass =
  | { readonly mode: 'DIRECT' | 'COPY' | 'CLOSED'; readonly epoch: number }
  | { readonly mode: 'APPLY'; readonly run: number };

/** Before anybody has raised it a fence is closed, at epoch 0. */
const NEVER_RAISED = { mode: 'CLOSED', epoch: 0, run: null } as const;

const MODES: readonly FenceMode[] = ['DIRECT', 'COPY', 'APPLY', 'CLOSED'];

export class SqliteFence implements StoreFence {
  readonly #session: Session;
  readonly #here: readonly [dataset: string, role: StoreRole];

  constructor(session: Session, dataset: Dataset, role: StoreRole) {
    this.#session = session;
    this.#here = [dataset.name, role];
  }

  read(): Promise<Fence | null> {
    return this.#session.read((c) => this.#read(c));
  }

  raise(fence: Fence, options: { readonly timeoutMs: number; readonly total?: number }): Promise<Fence> {
    const { epoch, step, mode, run, deployment } = fence;
    return this.#session.write((c) => {
      const stands = this.#read(c);
      if (stands && (stands.epoch > epoch || (stands.epoch === epoch && stands.step >= step))) return stands;
      c.run(
        'insert or replace into crossfade_fence (dataset, role, epoch, step, mode, run, deployment) values (?, ?, ?, ?, ?, ?, ?)',
        [...this.#here, BigInt(epoch), BigInt(step), mode, run === null ? null : BigInt(run), deployment],
      );
      if (mode === 'COPY') this.#startCheckpoint(c, epoch, options.total ?? 0);
      return { epoch, step, mode, run, deployment };
    }, options.timeoutMs);
  }

  /** One transaction that changes nothing unless the fence lets it pass: the lock is taken first, then the fence is read. */
  guard<T>(pass: Pass, work: (c: Connection) => T): Promise<T | 'FENCED'> {
    return this.#session.write((c) => (this.#admits(c, pass) ? work(c) : 'FENCED'));
  }

  async checkpoint(): Promise<Checkpoint | null> {
    const row = await this.#session.read((c) =>
      c.get(
        `select epoch, after, total, copied, quarantined, complete, digest_rows, digest_hash
          from crossfade_checkpoint where dataset = ? and role = ?`,
        this.#here,
      ),
    );
    if (!row) return null;
    const [epoch, after, total, copied, quarantined, complete, rows, hash] = row;
    return {
      epoch: Number(epoch),
      after: textOrNull(after),
      total: Number(total),
      copied: Number(copied),
      quarantined: Number(quarantined),
      complete: complete === 1n,
      digest: { rows: Number(rows), hash: String(hash) },
    };
  }

  /** Moves the checkpoint from where the batch begins to where it ends; false: it is not there. */
  advance(c: Connection, epoch: number, batch: Pick<CopyBatch, 'from' | 'to' | 'complete'>): boolean {
    const moved = c.run(
      `update crossfade_checkpoint set after = ?, complete = ?
        where dataset = ? and role = ? and epoch = ? and after is ? and complete = 0`,
      [batch.to, batch.complete ? 1n : 0n, ...this.#here, BigInt(epoch), batch.from],
    );
    return moved === 1;
  }

  /** Adds to what the checkpoint has counted. */
  tally(
    c: Connection,
    { copied, quarantined, digest }: { readonly copied: number; readonly quarantined: number; readonly digest: Digest },
  ): void {
    const [rows, hash] =
      c.get('select digest_rows, digest_hash from crossfade_checkpoint where dataset = ? and role = ?', this.#here) ??
      [];
    const all = addDigests({ rows: Number(rows), hash: String(hash) }, digest);
    c.run(
      `update crossfade_checkpoint set copied = copied + ?, quarantined = quarantined + ?, digest_rows = ?, digest_hash = ?
        where dataset = ? and role = ?`,
      [BigInt(copied), BigInt(quarantined), BigInt(all.rows), all.hash, ...this.#here],
    );
  }

  #startCheckpoint(c: Connection, epoch: number, total: number): void {
    c.run(
      `insert or replace into crossfade_checkpoint (dataset, role, epoch, after, total, copied, quarantined, complete, digest_rows, digest_hash)
        values (?, ?, ?, null, ?, 0, 0, 0, ?, ?)`,
      [...this.#here, BigInt(epoch), BigInt(total), BigInt(NO_ROWS.rows), NO_ROWS.hash],
    );
  }

  #admits(c: Connection, pass: Pass): boolean {
    const fence = this.#read(c) ?? NEVER_RAISED;
    if (fence.mode !== pass.mode) return false;
    return pass.mode === 'APPLY' ? fence.run === pass.run : fence.epoch === pass.epoch;
  }

  #read(c: Connection): Fence | null {
    const row = c.get(
      'select epoch, step, mode, run, deployment from crossfade_fence where dataset = ? and role = ?',
      this.#here,
    );
    if (!row) return null;
    const [epoch, step, found, run, deployment] = row;
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

export function textOrNull(cell: Cell | undefined): string | null {
  return typeof cell === 'string' ? cell : null;
}
