/** Puts the devices together: one engine a dataset and process. Everything it works with is handed in. */
import { randomUUID } from 'node:crypto';
import type { Decision, Engine, Mutated, Operation, Operator, Situation } from './api.ts';
import { systemClock, type Clock } from './clock.ts';
import type { ControlStore } from './control/control.ts';
import { findOrFound, recognise } from './control/found.ts';
import { masked } from './control/masked.ts';
import { Lease } from './control/lease.ts';
import { epochOf, logicOf, placeOf } from './control/situation.ts';
import { SwitchDriver } from './control/switch.ts';
import type { Dataset, Faces, Row, StoreRole } from './dataset.ts';
import { Deliveries } from './deliveries.ts';
import { CrossfadeError, hasCode } from './errors.ts';
import { SpotCheck } from './jobs/spot-check.ts';
import type { OpenQueue } from './jobs/queue.ts';
import { Workers } from './jobs/workers.ts';
import type { Journal } from './journal/journal.ts';
import { silent, type Logger } from './log.ts';
import { Notes } from './notes.ts';
import type { Observer } from './observer.ts';
import { createOperator } from './operator.ts';
import { ReadOperation, type ReadDevices } from './reads.ts';
import { authorityOf, usesJournal } from './states.ts';
import type { Store } from './stores/store.ts';
import { Takeover } from './control/takeover.ts';
import { mutate, type WriteDevices } from './writes.ts';

export interface EngineOptions<O extends Row = Row, N extends Row = Row> {
  readonly dataset: Dataset<O, N>;
  readonly stores: Readonly<Record<StoreRole, Store>>;
  readonly journal: Journal;
  readonly control: ControlStore;
  readonly clock?: Clock;
  readonly log?: Logger;
  /** Where a dataset begins that has no control record yet. */
  readonly initial?: 'OLD' | 'NEW';
  /** How long this process trusts what it read of the control record, milliseconds. */
  readonly leaseMs?: number;
  /** The longest wait of a switch before its flip, milliseconds. */
  readonly switchTimeoutMs?: number;
  /** The longest that a request may run, milliseconds: guards of a run that is over are kept for longer. */
  readonly requestTimeoutMs?: number;
  /** What operators see this process as. */
  readonly label?: string;
  /** In DUAL, the share of what is read that is compared in both stores, 0 to 100; 0 unless given. */
  readonly comparePercent?: number;
  /** Lists of differences show where, not what. */
  readonly maskDifferences?: boolean;
  readonly observer?: Observer;
  /** How background work is shared with other processes; absent: this process does all of it, as one that is alone. */
  readonly openQueue?: OpenQueue;
}

/** How long a fence waits for the transactions that are under way before it gives up, milliseconds. */
const LOCK_TIMEOUT_MS = 1000;

interface Running {
  readonly workers: Workers;
  readonly driver: SwitchDriver;
  readonly takeover: Takeover;
  readonly spotCheck: SpotCheck;
  readonly operator: Operator;
  readonly unsubscribe: () => void;
}

export function createEngine<O extends Row = Row, N extends Row = Row>(options: EngineOptions<O, N>): Engine<O, N> {
  return new MigrationEngine(options);
}

class MigrationEngine<O extends Row, N extends Row> implements Engine<O, N> {
  readonly #options: EngineOptions<O, N>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #lease: Lease;
  readonly #deliveries: Deliveries;
  readonly #id = randomUUID();
  #running: Running | null = null;
  /** What every operation works with, put together once. */
  #kit: (WriteDevices & ReadDevices) | null = null;
  #served = 0;

  constructor(options: EngineOptions<O, N>) {
    this.#options = options.maskDifferences ? { ...options, control: masked(options.control) } : options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silent;
    const { control, dataset, stores, journal } = this.#options;
    this.#lease = new Lease({
      control,
      dataset: dataset.name,
      instanceId: this.#id,
      label: options.label ?? this.#id,
      leaseMs: options.leaseMs ?? 2000,
      clock: this.#clock,
      log: this.#log,
    });
    this.#deliveries = new Deliveries(stores, new Notes(journal, this.#log), this.#clock, this.#log);
  }

  get operator(): Operator {
    return this.#live().operator;
  }

  async start(): Promise<void> {
    const { control, journal, dataset, requestTimeoutMs } = this.#options;
    const deployment = await control.open();
    const store = this.#options.stores[this.#options.initial ?? 'OLD'];
    const founding = { control, dataset: dataset.name, store, deployment, lockTimeoutMs: LOCK_TIMEOUT_MS };
    const record = await findOrFound(founding);
    await recognise({ control, dataset: dataset.name, stores: this.#options.stores, deployment });
    // A journal in use that lacks its slots is a loss, and stays closed; otherwise they are made before the first announce.
    if (!usesJournal(record.place.state) && record.switching?.phase !== 'FLIP')
      await this.#prepareJournal(record.epoch);
    this.#lease.onView((view) => journal.expect(view.record.incarnation));
    await this.#lease.start();

    const shared = { ...this.#options, clock: this.#clock, log: this.#log, deployment, lease: this.#lease };
    const jobs = {
      ...shared,
      instanceId: this.#id,
      served: () => this.#served,
      record: async () => (await this.#lease.current(this.#clock.monotonic())).record,
      rewrite: (key: Row, deadline: number) => this.#rewrite(key, deadline),
    };
    const grace = requestTimeoutMs === undefined ? {} : { prepare: { guardGraceMs: 2 * requestTimeoutMs } };
    const queue = this.#options.openQueue?.({
      name: `${dataset.name} ${deployment}`,
      clock: this.#clock,
      log: this.#log,
    });
    const workers = new Workers(jobs, { ...grace, ...(queue && { queue }) });
    const driver = new SwitchDriver({
      ...shared,
      lockTimeoutMs: LOCK_TIMEOUT_MS,
      switchTimeoutMs: this.#options.switchTimeoutMs ?? 10_000,
      wakeWorkers: () => workers.wake(),
    });
    const takeover = new Takeover({ ...shared, driver, leaseMs: this.#options.leaseMs ?? 2000 });
    const { comparePercent: percent = 0, observer } = this.#options;
    const spotCheck = new SpotCheck(jobs, { percent, observer });
    // Until another state is in force there is nothing new to do, and requests wait for the same processor.
    const unsubscribe = this.#lease.onView((view) => {
      const { epoch, switching } = view.record;
      if (switching && switching.phase !== 'SETTLE') return;
      if (driver.isDriving(epoch)) workers.wake();
      else workers.wakeSoon();
    });
    this.#running = {
      workers,
      driver,
      takeover,
      spotCheck,
      operator: createOperator({ ...shared, driver, workers }),
      unsubscribe,
    };
    this.#kit = null;
    workers.start();
    takeover.start();
  }

  async stop(): Promise<void> {
    const running = this.#live();
    this.#running = null;
    this.#kit = null;
    running.unsubscribe();
    await running.takeover.stop();
    await running.spotCheck.stop();
    await running.driver.stop();
    await running.workers.stop();
    await this.#deliveries.flush();
    await this.#lease.stop();
  }

  /** Inside, rows are plain; what the dataset's tables and mapping make of them gets its types back here, and in `mutate`. */
  async begin(deadline: number): Promise<Operation<O, N>> {
    this.#served++;
    const view = this.#lease.held() ?? (await this.#lease.current(deadline));
    const operation: Operation = new ReadOperation(this.#devices(), view);
    return operation as Operation<O, N>;
  }

  async mutate<R>(
    key: Row,
    decide: (current: Faces<O, N> | null, situation: Situation) => Decision<O, N, R>,
    deadline: number,
  ): Promise<Mutated<O, N, R>> {
    this.#served++;
    const address = this.#options.dataset.address(key);
    const plain = decide as (current: Faces | null, situation: Situation) => Decision<Row, Row, R>;
    const write = { address, decide: plain, deadline, everywhere: false };
    return (await mutate(this.#devices(), write)) as Mutated<O, N, R>;
  }

  async ready(): Promise<void> {
    const { record } = await this.#lease.current(this.#clock.monotonic());
    const place = placeOf(record);
    const stores = new Set<StoreRole>([authorityOf(place, 0), authorityOf(place, 99)]);
    await Promise.all([...stores].map((role) => this.#options.stores[role].ping()));
    if (usesJournal(place.state)) await this.#options.journal.status();
  }

  onPlace(listener: (situation: Situation & { readonly epoch: number }) => void): () => void {
    return this.#lease.onView(({ record }) =>
      listener({ place: placeOf(record), logic: logicOf(record), epoch: epochOf(record) }),
    );
  }

  /** Nothing needs the journal yet: one that is away now is asked again before the first announce. */
  async #prepareJournal(epoch: number): Promise<void> {
    try {
      await this.#options.journal.init(epoch);
    } catch (error) {
      if (!hasCode(error, 'JOURNAL_UNAVAILABLE')) throw error;
      this.#log.warn({ err: error }, 'the journal does not answer; no migration can begin until it does');
    }
  }

  /** Both stores get what the key's authority holds, or the absence of it, through the journal and the guards. */
  async #rewrite(key: Row, deadline: number): Promise<boolean> {
    const address = this.#options.dataset.address(key);
    const decide = (current: Faces | null, { place }: Situation): Decision<Row, Row, never> => {
      if (!current) return { remove: true };
      const [first, second] =
        authorityOf(place, address.bucket) === 'OLD' ? (['old', 'new'] as const) : (['new', 'old'] as const);
      const face = current[first] ? first : second;
      return { write: face === 'old' ? { old: rowOf(current.old) } : { new: rowOf(current.new) } };
    };
    try {
      await mutate(this.#devices(), { address, decide, deadline, everywhere: true });
      return true;
    } catch (error) {
      if (hasCode(error, 'OUTCOME_UNKNOWN', 'DEADLINE_EXCEEDED')) return false;
      throw error;
    }
  }

  #devices(): WriteDevices & ReadDevices {
    const { dataset, stores, journal } = this.#options;
    return (this.#kit ??= {
      dataset,
      stores,
      journal,
      lease: this.#lease,
      deliveries: this.#deliveries,
      clock: this.#clock,
      spotCheck: this.#running?.spotCheck,
    });
  }

  #live(): Running {
    if (!this.#running) throw new CrossfadeError('INTERNAL', { message: 'The engine is not running.' });
    return this.#running;
  }
}

function rowOf(row: Row | null): Row {
  if (!row) throw new CrossfadeError('INTERNAL', { message: 'A row has neither face.' });
  return row;
}
