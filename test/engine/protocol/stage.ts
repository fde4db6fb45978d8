/**
 * A deployment on which a test plays one interleaving: instances that share nothing but files, each behind stalls of its own.
 * Every ticket is for one show, so that a holder is a key; its seat is the value.
 */
import { test as plain } from 'vitest';
import {
  OperationExpired,
  type Engine,
  type Operation,
  type SwitchInput,
  type SwitchResult,
} from '../../../src/migration/api.ts';
import type { Clock } from '../../../src/migration/clock.ts';
import type { ControlRecord, Transition } from '../../../src/migration/control/control.ts';
import type { Place } from '../../../src/migration/states.ts';
import { EVERYTHING } from '../../../src/migration/stores/store.ts';
import { Deployment, soon, type Devices, type Instance } from '../../support/deployment.ts';
import { Bell, intercept, ofRequest } from '../../support/intercept.ts';
import { place, switchOnce, until, walk } from '../../support/operate.ts';
import { Stalls, type Gate } from '../../support/stall.ts';
import { ticketDataset, type NewTicket, type OldTicket } from '../../support/tickets.ts';
import { temporaryDirectory } from '../../support/tmp.ts';

export const OLD = place('OLD');
export const MIGRATING = place('MIGRATING');
export const CATCHING_UP = place('CATCHING_UP');
export const RETREATING = place('RETREATING');
export const NEW = place('NEW');
export const DUAL = (percent: number): Place => place('DUAL', percent);

/** How long a lease runs on this stage unless a player asks for another, milliseconds. */
export const LEASE_MS = 250;

export interface PlayerOptions {
  readonly leaseMs?: number;
  readonly switchTimeoutMs?: number;
  /** The clock that its lease is counted by. */
  readonly clock?: Clock;
}

export class Stage {
  readonly deployment: Deployment<OldTicket, NewTicket>;
  readonly #players: Player[] = [];
  readonly #bell = new Bell();

  private constructor(deployment: Deployment<OldTicket, NewTicket>) {
    this.deployment = deployment;
  }

  static async open(): Promise<Stage> {
    return new Stage(new Deployment(await temporaryDirectory(), ticketDataset()));
  }

  async enter(label: string, { clock, ...options }: PlayerOptions = {}): Promise<Player> {
    const stalls = new Stalls();
    const wrap = (own: Devices) => {
      const devices = this.#bell.wrap(intercept(own, (call, run) => stalls.through(call, () => ofRequest(call, run))));
      return clock ? { ...devices, clock } : devices;
    };
    const instance = await this.deployment.instance({ label, leaseMs: LEASE_MS, ...options, wrap });
    const player = new Player(label, instance, stalls);
    this.#players.push(player);
    return player;
  }

  async close(): Promise<void> {
    for (const player of this.#players) await player.leave();
    await this.deployment.close();
  }
}

/** Each test plays on a stage of its own, so that those which wait for a lease can do so together. */
export const test = plain.extend<{ readonly stage: Stage }>({
  // oxlint-disable-next-line no-empty-pattern
  stage: async ({}, use) => {
    const stage = await Stage.open();
    await use(stage);
    await stage.close();
  },
});

type Tickets = Engine<OldTicket, NewTicket>;

/** One instance. */
export class Player {
  readonly label: string;
  readonly instance: Instance<OldTicket, NewTicket>;
  readonly engine: Tickets;
  /** What all calls of this instance meet, those of background work included. */
  readonly stalls: Stalls;
  #retired = false;

  constructor(label: string, instance: Instance<OldTicket, NewTicket>, stalls: Stalls) {
    this.label = label;
    this.instance = instance;
    this.engine = instance.engine;
    this.stalls = stalls;
  }

  /** Refused if the holder has a ticket. */
  create(holder: string, seat: string, waitMs = 5000): Promise<'WRITTEN' | 'REFUSED'> {
    return this.#write(holder, (there) => (there ? { refuse: 'taken' } : writing(holder, seat)), waitMs);
  }

  /** Refused if the holder has none. */
  change(holder: string, seat: string, waitMs = 5000): Promise<'WRITTEN' | 'REFUSED'> {
    return this.#write(holder, (there) => (there ? writing(holder, seat) : { refuse: 'none' }), waitMs);
  }

  remove(holder: string, waitMs = 5000): Promise<'WRITTEN' | 'REFUSED'> {
    return this.#write(holder, (there) => (there ? { remove: true } : { refuse: 'none' }), waitMs);
  }

  async #write(holder: string, decide: (there: boolean) => Decided, waitMs: number): Promise<'WRITTEN' | 'REFUSED'> {
    const key = keyOf(holder);
    const { outcome } = await this.engine.mutate(key, (current) => decide(current !== null), soon(waitMs));
    return outcome;
  }

  begin(): Promise<Operation<OldTicket, NewTicket>> {
    return this.engine.begin(soon());
  }

  /** The seat, or null; a new operation, begun again when its lease ran out, as servers do. */
  read(holder: string): Promise<string | null> {
    return this.#reading((operation) => seatIn(operation, holder));
  }

  /** The seats of all tickets, in order of their holders. */
  list(): Promise<readonly string[]> {
    return this.#reading(listIn);
  }

  async #reading<T>(read: (operation: Operation<OldTicket, NewTicket>) => Promise<T>): Promise<T> {
    for (;;) {
      const operation = await this.begin();
      try {
        return await read(operation);
      } catch (error) {
        if (!(error instanceof OperationExpired)) throw error;
      } finally {
        operation.end();
      }
    }
  }

  switchTo(to: Place, input: Partial<SwitchInput> = {}): Promise<SwitchResult> {
    return switchOnce(this.engine, to, input);
  }

  /** Through these places, waiting for what passes by itself. */
  walk(...places: readonly Place[]): Promise<void> {
    return walk(this.engine, ...places);
  }

  /** From when this resolves on the instance hears nothing of the control record, until the gate is opened. */
  async deafen(): Promise<Gate> {
    const gate = this.stalls.hold('control.renew', { all: true });
    // Outside switches it asks seldom: a change of nothing makes it ask now. The answer to the question before has come by then.
    const record = await this.record();
    if (!record.switching) {
      await this.instance.control.compareAndSet(record.revision, { ...record, revision: record.revision + 1 });
    }
    await gate.reached;
    // Nor does word of a change help.
    const unread = this.stalls.hold('control.read', { all: true });
    return {
      reached: gate.reached,
      open: () => {
        gate.open();
        unread.open();
      },
    };
  }

  async record(): Promise<ControlRecord> {
    const record = await this.instance.control.read('tickets');
    if (!record) throw new Error('there is no control record');
    return record;
  }

  /** Resolves when the record is like that. */
  async sees(what: string, holds: (record: ControlRecord) => boolean): Promise<void> {
    await until(what, async () => holds(await this.record()));
  }

  settled(at: Place): Promise<void> {
    return this.sees(`${at.state} is settled`, ({ place: now, switching }) => !switching && same(now, at));
  }

  /** Resolves when this instance's driver says that it waits for something that reads so. */
  async waitsFor(what: string): Promise<void> {
    await until(`a switch waits for ${what}`, async () => {
      const { switching } = await this.engine.operator.status();
      return switching?.waitingFor.includes(what) ?? false;
    });
  }

  /** Resolves when this instance acts by that state. */
  async reaches(at: Place): Promise<void> {
    await until(`${this.label} acts by ${at.state}`, async () => {
      const operation = await this.begin();
      operation.end();
      return same(operation.place, at);
    });
  }

  /** Resolves when the copy is complete. */
  copied(): Promise<void> {
    return until('the copy is complete', async () => (await this.engine.operator.copyProgress())?.complete ?? false);
  }

  async history(): Promise<readonly Transition[]> {
    return (await this.engine.operator.history({ first: 20, after: null })).edges.map(({ node }) => node);
  }

  /** Resolves when no entry is left in the journal. */
  async drained(): Promise<void> {
    await until('the journal is empty', async () => (await this.engine.operator.journalStatus()).entries === 0);
  }

  rows(role: 'OLD' | 'NEW'): Promise<number> {
    return this.instance.stores[role].reader.count(EVERYTHING);
  }

  /** Stops as a process does that ends well, but for its devices, which stay open under whatever still runs. */
  async retire(): Promise<void> {
    await this.engine.stop();
    this.#retired = true;
  }

  /** Lets go of whatever is still held. */
  async leave(): Promise<void> {
    this.stalls.openAll();
    if (this.#retired) await this.instance.kill();
  }

  /** Dies: nothing it still does has an effect. */
  async die(): Promise<void> {
    this.stalls.cutOff();
    await this.instance.kill();
  }
}

type Decided = ReturnType<typeof writing> | { readonly refuse: string } | { readonly remove: true };

const keyOf = (holder: string) => ({ holder, show: 'show' });
const writing = (holder: string, seat: string) => ({ write: { old: { ...keyOf(holder), seat, updated: 1 } } });
const same = (a: Place, b: Place) => a.state === b.state && a.percent === b.percent;

export async function seatIn(operation: Operation<OldTicket, NewTicket>, holder: string): Promise<string | null> {
  const faces = await operation.load(keyOf(holder));
  return faces?.old?.seat ?? null;
}

export async function listIn(operation: Operation<OldTicket, NewTicket>): Promise<readonly string[]> {
  const { rows } = await operation.page({ after: null, first: 100 });
  return rows.map(({ old }) => old?.seat ?? '');
}

/** Such calls of these instances fail until the returned function is called. */
export function failing(players: readonly Player[], pattern: string): () => void {
  const mends = players.map(({ stalls }) => stalls.fail(pattern));
  return () => {
    for (const mend of mends) mend();
  };
}

/** What became of something that goes on beside the test, so far. */
export class Beside<T> {
  readonly promise: Promise<T>;
  #answer: T | null = null;

  constructor(promise: Promise<T>) {
    this.promise = promise;
    promise.then(
      (answer) => (this.#answer = answer),
      () => {},
    );
  }

  /** null: nothing was answered yet. */
  get answer(): T | null {
    return this.#answer;
  }
}

/** Fails if the promise takes longer: for what must not wait. */
export async function promptly<T>(promise: Promise<T>, withinMs = 8000): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`it took longer than ${withinMs} ms`)), withinMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
