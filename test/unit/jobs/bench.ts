/** A dataset on real stores, journal and control store in a temp directory, led through its states by hand, without an engine. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { systemClock, type Clock } from '../../../src/migration/clock.ts';
import type { ControlRecord } from '../../../src/migration/control/control.ts';
import { sqlControl, type ControlTables } from '../../../src/migration/control/sql/index.ts';
import { STORE_ROLES, type Dataset, type Row, type StoreRole, type Value } from '../../../src/migration/dataset.ts';
import { badInput } from '../../../src/migration/errors.ts';
import type { JobContext, StepResult } from '../../../src/migration/jobs/context.ts';
import { mapped } from '../../../src/migration/jobs/mapping.ts';
import { prepareState, prepareStep } from '../../../src/migration/jobs/prepare.ts';
import { sqlJournal, type JournalTables } from '../../../src/migration/journal/sql/index.ts';
import type { Image } from '../../../src/migration/journal/journal.ts';
import { silent } from '../../../src/migration/log.ts';
import { packSeq } from '../../../src/migration/seq.ts';
import { authorityOf } from '../../../src/migration/states.ts';
import { openSqliteFile } from '../../../src/migration/stores/sqlite/database.ts';
import { sqliteStore } from '../../../src/migration/stores/sqlite/index.ts';
import type { Fence, Store, StoreReader, StoreWriter } from '../../../src/migration/stores/store.ts';
import { Hall, tickets, type OldTicket } from './tickets.ts';

export const RUN = 2;
const START: ControlRecord = {
  dataset: 'tickets',
  revision: 1,
  place: { state: 'OLD', percent: 0 },
  epoch: 1,
  lastNumber: 1,
  run: null,
  switching: null,
  pinnedLogic: null,
  incarnation: null,
  copy: { paused: false, rateLimit: null },
  dualSince: null,
};

export class Bench {
  readonly dir: string;
  readonly dataset: Dataset;
  readonly hall = new Hall();
  readonly #clock: Clock;
  readonly #closers: (() => Promise<void>)[] = [];
  readonly ctx: JobContext;

  private constructor(dir: string, clock: Clock, ctx: (bench: Bench) => JobContext) {
    this.dir = dir;
    this.#clock = clock;
    this.dataset = tickets(this.hall);
    this.ctx = ctx(this);
  }

  /** In OLD, with these rows in the old store. */
  static async open(rows: readonly OldTicket[], clock: Clock = systemClock): Promise<Bench> {
    const dir = await mkdtemp(join(tmpdir(), 'crossfade-jobs-'));
    const bench = new Bench(dir, clock, (self) => self.instance('first'));
    const { ctx } = bench;
    await ctx.control.open();
    await ctx.control.create(START);
    await ctx.journal.init(1);
    await bench.raise('OLD', { epoch: 1, step: 1, mode: 'DIRECT', run: null });
    await ctx.stores.NEW.ping();
    bench.sql('OLD', (db) => {
      const insert = db.prepare('insert into ticket_old values (:holder, :show, :seat, :note, :soldAt)');
      db.transaction(() => rows.forEach((row) => insert.run(row)))();
    });
    return bench;
  }

  /** Another process, as far as the files can tell. */
  instance(instanceId: string, changes: Partial<JobContext> = {}): JobContext {
    const { dir, dataset } = this;
    const clock = this.#clock;
    const database = openSqliteFile<ControlTables & JournalTables>(join(dir, 'control.sqlite'));
    const control = sqlControl({ database, clock });
    const journal = sqlJournal({ database, dataset, clock });
    const store = (role: StoreRole) => sqliteStore({ file: this.file(role), role, dataset, create: true });
    const stores = { OLD: store('OLD'), NEW: store('NEW') };
    this.#closers.push(async () => {
      await journal.stop();
      await Promise.all(STORE_ROLES.map((role) => stores[role].close()));
      await control.close();
    });
    const record = async (): Promise<ControlRecord> => {
      const found = await control.read(dataset.name);
      if (!found) throw new Error('there is no control record');
      return found;
    };
    const rewrite = (key: Row): Promise<boolean> => this.write(key, 'AUTHORITY');
    const ctx = {
      dataset,
      stores,
      journal,
      control,
      clock,
      log: silent,
      instanceId,
      deployment: 'here',
      served: () => 0,
      record,
      rewrite,
    };
    return { ...ctx, ...changes };
  }

  file(role: StoreRole): string {
    return join(this.dir, `${role.toLowerCase()}.sqlite`);
  }

  /** Behind the engine's back, through a connection of its own. */
  sql<T>(role: StoreRole, work: (db: Database.Database) => T): T {
    const db = new Database(this.file(role));
    try {
      return work(db);
    } finally {
      db.close();
    }
  }

  rows(role: StoreRole): unknown[] {
    return this.sql(role, (db) => db.prepare(`select * from ticket_${role.toLowerCase()} order by 1, 2`).all());
  }

  async raise(role: StoreRole, fence: Omit<Fence, 'deployment'>): Promise<void> {
    await this.ctx.stores[role].fence.raise({ ...fence, deployment: 'here' }, { timeoutMs: 1000 });
  }

  async become(changes: Partial<ControlRecord>): Promise<ControlRecord> {
    const { control } = this.ctx;
    const record = await this.ctx.record();
    const next = { ...record, ...changes, revision: record.revision + 1 };
    const at = new Date(this.#clock.wall()).toISOString();
    const history = { actor: 'test', reason: '', at, pauseMs: null, acceptedRisks: [], dropped: 0 };
    const transition = { from: record.place, to: next.place, epoch: next.epoch, ...history };
    const written = await control.compareAndSet(
      record.revision,
      next,
      next.epoch > record.epoch ? transition : undefined,
    );
    if (!written) throw new Error('somebody else wrote the record');
    return written;
  }

  async migrating(epoch = RUN): Promise<void> {
    await this.raise('OLD', { epoch, step: 1, mode: 'CLOSED', run: null });
    await this.ctx.journal.open({ epoch, run: epoch });
    await this.become({ place: { state: 'MIGRATING', percent: 0 }, epoch, lastNumber: epoch, run: epoch });
  }

  /** MIGRATING, with the new store prepared for the copy. */
  async prepared(): Promise<void> {
    await this.migrating();
    await until(() => prepareStep(this.ctx, prepareState()));
  }

  async catchingUp(epoch = RUN + 1, options: { readonly newIsUp: boolean } = { newIsUp: true }): Promise<void> {
    if (options.newIsUp) await this.raise('NEW', { epoch, step: 1, mode: 'APPLY', run: RUN });
    await this.raise('OLD', { epoch, step: 2, mode: 'APPLY', run: RUN });
    await this.ctx.journal.advance({ epoch, dropDebtsOf: null });
    await this.become({ place: { state: 'CATCHING_UP', percent: 0 }, epoch, lastNumber: epoch });
  }

  async dual(percent = 0): Promise<void> {
    const { epoch } = await this.ctx.record();
    await this.ctx.journal.advance({ epoch: epoch + 1, dropDebtsOf: null });
    const dualSince = new Date(this.#clock.wall()).toISOString();
    await this.become({ place: { state: 'DUAL', percent }, epoch: epoch + 1, lastNumber: epoch + 1, dualSince });
  }

  /** A write that is acknowledged by the journal and left there. */
  async append(key: Row, image: Image | null, holdMs = 0): Promise<number> {
    const { journal } = this.ctx;
    const { epoch } = await this.ctx.record();
    const address = this.dataset.address(key);
    const view = await journal.read([address]);
    const entry = view.entries.get(address.key);
    const mark = view.slots.get(address.slot)?.mark ?? packSeq(RUN, 0);
    const shows: Value[] = [key['show'] ?? null];
    const appended = await journal.append({
      epoch,
      address,
      expect: entry ? { seq: entry.seq } : { mark },
      writeId: randomUUID(),
      image,
      listed: { show: shows },
      owedTo: ['OLD', 'NEW'],
      holdMs,
    });
    if (appended.outcome !== 'APPENDED') throw new Error(`the append was answered with ${appended.outcome}`);
    return appended.seq;
  }

  /** What requests do in DUAL: append, apply to both stores, tell the journal. 'AUTHORITY': write the authority's row again. */
  async write(key: Row, old: OldTicket | null | 'AUTHORITY'): Promise<boolean> {
    const { stores, journal } = this.ctx;
    const address = this.dataset.address(key);
    const image = old === 'AUTHORITY' ? await this.#held(key) : old && (await this.image(old));
    const seq = await this.append(key, image);
    for (const role of STORE_ROLES) {
      const row = image && (role === 'OLD' ? image.old : image.new);
      await stores[role].writer.apply(RUN, [{ key: address.key, seq, row }]);
    }
    await journal.applied(STORE_ROLES.map((role) => ({ address, seq, role })));
    return true;
  }

  async image(old: Row): Promise<Image> {
    const mapper = await this.dataset.mapper([old]);
    return { old, new: mapper.toNew(old) };
  }

  async #held(key: Row): Promise<Image | null> {
    const address = this.dataset.address(key);
    const role = authorityOf((await this.ctx.record()).place, address.bucket);
    const stored = (await this.ctx.stores[role].reader.load([address.key])).get(address.key);
    if (!stored) return null;
    if ('unreadable' in stored) throw badInput('key', stored.unreadable);
    const mapper = await this.dataset.mapper([stored.row]);
    const other = mapped(() => (role === 'OLD' ? mapper.toNew(stored.row) : mapper.toOld(stored.row)));
    if ('reason' in other) throw badInput('key', other.reason);
    return role === 'OLD' ? { old: stored.row, new: other.row } : { old: other.row, new: stored.row };
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
    await rm(this.dir, { recursive: true });
  }
}

/** Steps until there is nothing to do; how many steps got on. Throws when it is blocked. */
export async function until(step: () => Promise<StepResult>, most = 10_000): Promise<number> {
  for (let steps = 0; steps < most; steps++) {
    const result = await step();
    if (result.kind === 'BLOCKED') throw new Error(`blocked: ${result.why}`);
    if (result.kind === 'IDLE') return steps;
  }
  throw new Error(`still at it after ${most} steps`);
}

/** The store with some methods of its reader or writer replaced. */
export function altered(
  store: Store,
  changes: { reader?: Partial<StoreReader>; writer?: Partial<StoreWriter> },
): Store {
  return {
    ...store,
    reader: replacing(store.reader, changes.reader ?? {}),
    writer: replacing(store.writer, changes.writer ?? {}),
  };
}

/** The same, but for what is in `changes`. */
export function replacing<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get: (whole, name) => {
      const found: unknown = Reflect.get(name in changes ? changes : whole, name);
      return typeof found === 'function' ? found.bind(whole) : found;
    },
  });
}
