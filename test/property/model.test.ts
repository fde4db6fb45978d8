/**
 * The engine against a map: random sequences of what clients, operators and misfortune do, on two or three instances, each compared with
 * what a map of rows and the documented moves of the ladder say. One command after the other, but for writes that are held half-way while
 * the rest goes on, and for what is killed.
 *
 * A failure prints seed, path and the commands; CROSSFADE_SEED, CROSSFADE_RUNS and CROSSFADE_LONG as in support/seed.ts.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OperationExpired } from '../../src/migration/api.ts';
import { hasCode } from '../../src/migration/errors.ts';
import { EVERYTHING } from '../../src/migration/stores/store.ts';
import {
  keyOf,
  mutateTicket,
  reading,
  seatOf,
  type TicketEngine,
  type TicketFaces,
  type TicketOperation,
} from '../support/client.ts';
import { Deployment, soon, type Instance } from '../support/deployment.ts';
import { Bell, intercept, request } from '../support/intercept.ts';
import {
  at,
  compareModelKeys,
  legalMoves,
  Model,
  samePlace,
  type ModelFilter,
  type ModelKey,
  type ModelPlace,
} from '../support/model.ts';
import { goTo, pause, showPlace, switchOnce, until, verifyClean } from '../support/operate.ts';
import { RUNS, SEED } from '../support/seed.ts';
import { ticketDataset, type NewTicket, type OldTicket } from '../support/tickets.ts';
import { temporaryDirectory } from '../support/tmp.ts';

const LEASE_MS = 300;
/** Byte order is not UTF-16 order, and one holder is the beginning of another. */
const HOLDERS = ['a', 'ab', '\u{FF5E}', '\u{1F600}'];
const SHOWS = ['s', 't', 'é'];
const CALLS = [
  'journal.append',
  'journal.read',
  'OLD.writer',
  'NEW.writer',
  'OLD.reader',
  'NEW.reader',
  'control.renew',
];

/** One process of the deployment; it can be killed and started again. */
interface Process {
  instance: Instance<OldTicket, NewTicket>;
  stall: { readonly calls: string; readonly ms: number; left: number } | null;
  operation: { readonly reads: TicketOperation; readonly loaded: Set<string> } | null;
}

interface HeldWrite {
  readonly key: ModelKey;
  readonly by: Process;
  readonly seat: string | null;
  readonly release: () => void;
  readonly done: Promise<'WRITTEN' | 'REFUSED' | 'UNKNOWN'>;
}

interface Cursor {
  readonly filter: ModelFilter;
  readonly after: string | null;
  /** The key the cursor stands for. */
  readonly last: ModelKey | null;
}

class World {
  readonly deployment: Deployment<OldTicket, NewTicket>;
  readonly processes: Process[] = [];
  readonly held: HeldWrite[] = [];
  readonly cursors: Cursor[] = [];
  readonly #bell = new Bell();
  #seats = 0;

  constructor(deployment: Deployment<OldTicket, NewTicket>) {
    this.deployment = deployment;
  }

  process(index: number): Process {
    const process = this.processes[index % this.processes.length];
    if (!process) throw new Error('no process');
    return process;
  }

  seat(): string {
    return `seat${++this.#seats}`;
  }

  async start(): Promise<Process> {
    const state: Pick<Process, 'stall' | 'operation'> = { stall: null, operation: null };
    const stalled = async (call: string, run: () => Promise<unknown>): Promise<unknown> => {
      const { stall } = process ?? state;
      if (stall && stall.left > 0 && call.startsWith(stall.calls)) {
        stall.left--;
        await pause(stall.ms);
      }
      const held = request.getStore();
      return held ? held(call, run) : run();
    };
    let process: Process | null = null;
    const instance = await this.deployment.instance({
      leaseMs: LEASE_MS,
      wrap: (own) => this.#bell.wrap(intercept(own, stalled)),
    });
    process = { instance, ...state };
    return process;
  }

  /** As SIGKILL does: nothing is said to anybody, and memory is gone. */
  async restart(index: number): Promise<void> {
    const process = this.process(index);
    process.operation = null;
    await process.instance.kill();
    process.stall = null;
    this.processes[this.processes.indexOf(process)] = await this.start();
  }

  /** Processes but this one. */
  another(index: number): Process {
    return this.process(index + 1);
  }
}

type Command = fc.AsyncCommand<Model, World>;

/** A command that says what it is. */
function command(
  name: string,
  parts: { readonly check?: (model: Readonly<Model>) => boolean; run(model: Model, world: World): Promise<void> },
): Command {
  return { check: parts.check ?? (() => true), run: parts.run, toString: () => name };
}

const show = (value: unknown): string => JSON.stringify(value);
const faceOf = (seat: string | null, key: ModelKey) => (seat === null ? null : { ...key, seat });
const plain = (faces: TicketFaces | null) => (faces ? faceOf(seatOf(faces), keyOf(faces)) : null);

const key = fc.record({ holder: fc.constantFrom(...HOLDERS), show: fc.constantFrom(...SHOWS) });
const who = fc.nat(2);
const filter: fc.Arbitrary<ModelFilter> = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom(...HOLDERS).map((value) => ({ field: 'holder' as const, value })),
  fc.constantFrom(...SHOWS).map((value) => ({ field: 'show' as const, value })),
);
const kind = fc.constantFrom('CREATE', 'CREATE', 'CHANGE', 'REMOVE');

const writes = fc
  .record({ i: who, key, kind, face: fc.constantFrom('old', 'new') })
  .map(({ i, key: k, kind: what, face }) =>
    command(`${what} ${show(k)} at ${i}`, {
      check: (model) => !model.isUndecided(k),
      run: async (model, world) => {
        const before = model.get(k);
        const seat = what === 'REMOVE' ? null : world.seat();
        const refuses = (before !== null) === (what === 'CREATE');
        const answer = await mutateTicket(world.process(i).instance.engine, k, seat, what, face);
        if (refuses) {
          expect(answer.outcome).toBe('REFUSED');
          expect(plain('current' in answer ? answer.current : null)).toEqual(before);
          return;
        }
        expect(answer.outcome).toBe('WRITTEN');
        expect(plain('before' in answer ? answer.before : null)).toEqual(before);
        expect(plain('after' in answer ? answer.after : null)).toEqual(faceOf(seat, k));
        model.set(k, seat);
      },
    }),
  );

const gets = fc.record({ i: who, key }).map(({ i, key: k }) =>
  command(`get ${show(k)} at ${i}`, {
    check: (model) => !model.isUndecided(k),
    run: async (model, world) => {
      const found = await reading(world.process(i).instance.engine, (operation) => operation.load({ ...k }));
      expect(plain(found)).toEqual(model.get(k));
    },
  }),
);

const lists = fc.record({ i: who, filter, first: fc.integer({ min: 1, max: 5 }) }).map(({ i, filter: by, first }) =>
  command(`list ${show(by ?? 'all')} by ${first} at ${i}`, {
    run: async (model, world) => {
      const { engine } = world.process(i).instance;
      const { rows, count } = await reading(engine, async (operation) => ({
        rows: await walkPages(operation, by, first),
        count: await operation.count(by),
      }));
      compareLists(model, by, rows);
      const must = model.rows(by).length;
      expect(count).toBeGreaterThanOrEqual(must);
      expect(count).toBeLessThanOrEqual(must + model.maybe(by).length);
    },
  }),
);

async function walkPages(operation: TicketOperation, by: ModelFilter, first: number): Promise<readonly TicketFaces[]> {
  const rows: TicketFaces[] = [];
  for (let after: string | null = null; ;) {
    const page = await operation.page({ after, first, ...(by && { filter: by }) });
    rows.push(...page.rows);
    expect(page.rows.length).toBeLessThanOrEqual(first);
    after = page.rows.at(-1)?.key ?? null;
    if (!page.hasNextPage) return rows;
  }
}

function compareLists(model: Model, by: ModelFilter, found: readonly TicketFaces[]): void {
  const rows = found.map((faces) => plain(faces));
  expect(rows.filter((row) => row && !model.isUndecided(row))).toEqual(model.rows(by));
  const maybe = model.maybe(by);
  for (const row of rows) if (row && model.isUndecided(row)) expect(maybe).toContainEqual(row);
}

/** A list that is begun in one state and goes on in another. */
const pages = fc
  .record({ i: who, filter, first: fc.integer({ min: 1, max: 4 }), goOn: fc.nat(3) })
  .map(({ i, filter: by, first, goOn }) =>
    command(`page of ${first} at ${i}, cursor ${goOn}`, {
      check: (model) => model.allDecided,
      run: async (model, world) => {
        const cursor = world.cursors[goOn] ?? { filter: by, after: null, last: null };
        const query = { after: cursor.after, first, ...(cursor.filter && { filter: cursor.filter }) };
        const page = await reading(world.process(i).instance.engine, (operation) => operation.page(query));
        const { last } = cursor;
        const rest = model.rows(cursor.filter).filter((row) => !last || compareModelKeys(row, last) > 0);
        expect(page.rows.map((faces) => plain(faces))).toEqual(rest.slice(0, first));
        expect(page.hasNextPage).toBe(rest.length > first);
        const end = page.rows.at(-1);
        world.cursors.splice(goOn, 1);
        if (end) world.cursors.unshift({ filter: cursor.filter, after: end.key, last: keyOf(end) });
      },
    }),
  );

/** An operation that stays open while other things happen: what it still reads is right, or it has to start over. */
const openOperations = fc.record({ i: who, key }).map(({ i, key: k }) =>
  command(`read ${show(k)} in the operation open at ${i}`, {
    check: (model) => !model.isUndecided(k),
    run: async (model, world) => {
      const process = world.process(i);
      process.operation ??= { reads: await process.instance.engine.begin(soon()), loaded: new Set() };
      const { reads, loaded } = process.operation;
      if (loaded.has(show(k))) return;
      try {
        const found = await reads.load({ ...k });
        loaded.add(show(k));
        expect(plain(found)).toEqual(model.get(k));
      } catch (error) {
        if (!(error instanceof OperationExpired)) throw error;
        reads.end();
        process.operation = null;
      }
    },
  }),
);

const endOperations = who.map((i) =>
  command(`end the operation at ${i}`, {
    run: async (_, world) => {
      world.process(i).operation?.reads.end();
      world.process(i).operation = null;
    },
  }),
);

async function go(model: Model, engine: TicketEngine, to: ModelPlace): Promise<void> {
  if (to.state === 'CATCHING_UP') await engine.operator.resumeCopy();
  if (to.state === 'NEW') await verifyClean(engine);
  await goTo(engine, to);
  model.place = to;
  const status = await engine.operator.status();
  expect(status.place).toEqual(to);
}

const climbs = fc
  .record({ i: who, choice: fc.nat(5), percent: fc.constantFrom(0, 1, 30, 50, 99, 100) })
  .map(({ i, choice, percent }) =>
    command(`move on (${choice}, ${percent}) by ${i}`, {
      run: async (model, world) => {
        const moves = legalMoves(model.place, percent);
        const to = moves[choice % Math.max(1, moves.length)];
        if (to) await go(model, world.process(i).instance.engine, to);
      },
    }),
  );

const PLACES = [
  at('OLD'),
  at('MIGRATING'),
  at('CATCHING_UP'),
  at('RETREATING'),
  at('DUAL', 0),
  at('DUAL', 100),
  at('NEW'),
];
const illegal = fc.record({ i: who, to: fc.constantFrom(...PLACES), dryRun: fc.boolean() }).map(({ i, to, dryRun }) =>
  command(`ask ${i} for ${showPlace(to)}`, {
    check: (model) => legalMoves(model.place, to.percent).every((move) => !samePlace(move, to)),
    run: async (model, world) => {
      const { engine } = world.process(i).instance;
      const before = await engine.operator.status();
      const result = await switchOnce(engine, to, { dryRun });
      if (samePlace(model.place, to)) expect(result).toMatchObject({ outcome: 'SWITCHED' });
      else expect(result).toMatchObject({ outcome: 'BLOCKED', blockers: [{ code: 'NOT_ADJACENT' }] });
      const after = await engine.operator.status();
      expect([after.place, after.epoch]).toEqual([before.place, before.epoch]);
    },
  }),
);

/** Two operators at once, who do not know of each other. */
const races = fc.record({ i: who, a: fc.nat(5), b: fc.nat(5), wait: fc.nat(30) }).map(({ i, a, b, wait }) =>
  command(`two operators at once (${a}, ${b})`, {
    check: (model) => model.place.state !== 'NEW' && !(model.place.state === 'DUAL' && model.place.percent === 100),
    run: async (model, world) => {
      const moves = [...legalMoves(model.place, 40), model.place];
      const pick = (n: number): ModelPlace => moves[n % moves.length] ?? model.place;
      const results = await Promise.all([
        switchOnce(world.process(i).instance.engine, pick(a)),
        pause(wait).then(() => switchOnce(world.another(i).instance.engine, pick(b))),
      ]);
      const { engine } = world.process(i).instance;
      await until('the switch has settled', async () => (await engine.operator.status()).settled);
      const { place } = await engine.operator.status();
      const won = [pick(a), pick(b)].filter((_, n) => results[n]?.outcome === 'SWITCHED');
      expect(won.length === 0 ? [model.place] : won).toContainEqual(place);
      model.place = place;
    },
  }),
);

/** An instance does not answer, so that the announce waits; the operator thinks better of it. */
const cancels = fc.record({ i: who, choice: fc.nat(5) }).map(({ i, choice }) =>
  command(`a switch by ${i} that is cancelled`, {
    check: (model) => !['NEW'].includes(model.place.state) && model.place.percent !== 100,
    run: async (model, world) => {
      const moves = legalMoves(model.place, 60).filter((move) => !samePlace(move, model.place));
      const to = moves[choice % Math.max(1, moves.length)];
      if (!to) return;
      const silent = world.another(i);
      silent.stall = { calls: 'control.renew', ms: LEASE_MS, left: 1 };
      const { operator } = world.process(i).instance.engine;
      const switching = switchOnce(world.process(i).instance.engine, to);
      let over = false;
      switching.then(
        () => (over = true),
        () => (over = true),
      );
      await until('it is announced', async () => over || (await operator.status()).switching !== null);
      const cancelled = await switchOnce(world.process(i).instance.engine, model.place);
      const result = await switching;
      silent.stall = null;
      if (result.outcome === 'SWITCHED') {
        // It flipped before it could be cancelled; or the way back is one step, and was taken.
        const { place } = await operator.status();
        expect([to, ...(cancelled.outcome === 'SWITCHED' ? [model.place] : [])]).toContainEqual(place);
        model.place = place;
      } else {
        expect((await operator.status()).place).toEqual(model.place);
      }
    },
  }),
);

const stalls = fc
  .record({
    i: who,
    calls: fc.constantFrom(...CALLS),
    ms: fc.constantFrom(20, 60, 1.5 * LEASE_MS),
    left: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ i, calls, ms, left }) =>
    command(`${calls} of ${i} stalls ${left} times for ${ms} ms`, {
      run: async (_, world) => {
        world.process(i).stall = { calls, ms, left };
      },
    }),
  );

/** A write stands still before or after one of its calls, while everything else goes on. */
const holds = fc
  .record({
    i: who,
    key,
    kind,
    calls: fc.constantFrom('journal.append', 'OLD.writer', 'NEW.writer', 'OLD.reader'),
    before: fc.boolean(),
  })
  .map(({ i, key: k, kind: what, calls, before }) =>
    command(`${what} ${show(k)} at ${i} is held ${before ? 'before' : 'after'} ${calls}`, {
      check: (model) => !model.isUndecided(k) && model.allDecided,
      run: async (model, world) => {
        const by = world.process(i);
        const seat = what === 'REMOVE' ? null : world.seat();
        const gate = Promise.withResolvers<void>();
        const reached = Promise.withResolvers<void>();
        let once = false;
        const hold = async (): Promise<void> => {
          once = true;
          reached.resolve();
          await gate.promise;
        };
        const work = request.run(
          async (call, run) => {
            const mine = !once && call.startsWith(calls);
            if (mine && before) await hold();
            const answer = await run();
            if (mine && !before) await hold();
            return answer;
          },
          () => mutateTicket(by.instance.engine, k, seat, what, 'old', soon(60_000)),
        );
        model.begin(k, (model.get(k) !== null) === (what === 'CREATE') ? (model.get(k)?.seat ?? null) : seat);
        const done = work.then(
          ({ outcome }) => outcome,
          (error: unknown) => {
            // It was held for longer than its deadline, or its process was killed.
            if (
              hasCode(
                error,
                'OUTCOME_UNKNOWN',
                'STORE_UNAVAILABLE',
                'JOURNAL_UNAVAILABLE',
                'CONTROL_UNAVAILABLE',
                'DEADLINE_EXCEEDED',
              )
            )
              return 'UNKNOWN' as const;
            throw error;
          },
        );
        const arrived = (): void => reached.resolve();
        done.then(arrived, arrived);
        world.held.push({ key: k, by, seat, release: gate.resolve, done });
        await reached.promise;
      },
    }),
  );

/** Whatever came of the write, the next one of the key finds out, and then it stands. */
async function letGo(model: Model, world: World): Promise<void> {
  for (const { key: k, by, seat, release, done } of world.held.splice(0)) {
    release();
    const before = model.get(k)?.seat ?? null;
    const outcome = await done;
    const alive = world.processes.includes(by);
    if (alive && outcome === 'UNKNOWN') expect.fail('a write of a living instance does not know its outcome');
    const { engine } = world.process(0).instance;
    const found = await engine.mutate({ ...k }, () => ({ refuse: 'looking' }), soon());
    const now = seatOf('current' in found ? found.current : null);
    const allowed = model
      .maybe()
      .filter((row) => row.holder === k.holder && row.show === k.show)
      .map((row) => row.seat);
    if (outcome === 'WRITTEN') expect(now).toBe(seat);
    else if (outcome === 'REFUSED') expect(now).toBe(before);
    else expect([before, seat, ...allowed]).toContain(now);
    model.decide(k, now);
  }
}

const releases = fc.constant(command('the held write goes on', { check: (model) => !model.allDecided, run: letGo }));

const crashes = who.map((i) =>
  command(`${i} is killed and started again`, {
    run: async (model, world) => {
      const victim = world.process(i);
      const restarting = world.restart(i);
      if (world.held.some(({ by }) => by === victim)) for (const { release } of world.held) release();
      await restarting;
      if (world.held.some(({ by }) => by === victim)) await letGo(model, world);
    },
  }),
);

const fatalSwitches = fc.record({ i: who, choice: fc.nat(5), ms: fc.nat(60) }).map(({ i, choice, ms }) =>
  command(`${i} is killed ${ms} ms into a switch`, {
    check: (model) => model.place.state !== 'NEW' && model.place.percent !== 100 && model.allDecided,
    run: async (model, world) => {
      const moves = legalMoves(model.place, 70).filter((move) => !samePlace(move, model.place));
      const to = moves[choice % Math.max(1, moves.length)];
      if (!to) return;
      const from = model.place;
      const { engine } = world.another(i).instance;
      const switching = switchOnce(world.process(i).instance.engine, to).catch(() => {});
      await pause(ms);
      await world.restart(i);
      await switching;
      await until('somebody has finished it', async () => (await engine.operator.status()).settled);
      const { place } = await engine.operator.status();
      expect([from, to]).toContainEqual(place);
      model.place = place;
    },
  }),
);

const copyControls = fc.record({ i: who, what: fc.constantFrom('pause', 'resume', 'slow') }).map(({ i, what }) =>
  command(`copy: ${what}`, {
    run: async (_, world) => {
      const { operator } = world.process(i).instance.engine;
      if (what === 'pause') await operator.pauseCopy();
      else if (what === 'resume') await operator.resumeCopy();
      else await operator.setCopyRate(1000);
    },
  }),
);

const verifies = who.map((i) =>
  command(`verify at ${i}`, {
    check: (model) => model.place.state === 'DUAL' && model.allDecided,
    run: (_, world) => verifyClean(world.process(i).instance.engine),
  }),
);

const commands = fc.commands(
  [
    ...[writes, writes, writes, writes, gets, gets, lists, lists, pages, pages, openOperations, endOperations],
    ...[climbs, climbs, climbs, illegal, races, cancels, stalls, holds, releases, crashes, fatalSwitches],
    ...[copyControls, verifies],
  ],
  { maxCommands: 40, size: 'max' },
);

/** What is left when all is quiet: every instance sees it, and so do the tables. */
async function checkEnd(model: Model, world: World): Promise<void> {
  await letGo(model, world);
  for (const { instance } of world.processes) {
    compareLists(model, undefined, await reading(instance.engine, (operation) => walkPages(operation, undefined, 3)));
  }
  const { engine, stores, journal } = world.process(0).instance;
  while (!['OLD', 'DUAL', 'NEW'].includes(model.place.state)) {
    const [next] = legalMoves(model.place, 0);
    if (next) await go(model, engine, next);
  }
  if (model.place.state === 'DUAL') {
    await until('the journal is empty', async () => (await journal.status()).entries === 0);
    await verifyClean(engine);
  }
  const expected = model.rows().map(({ holder, show: what, seat }) => `${holder} ${what} ${seat}`);
  for (const role of ['OLD', 'NEW'] as const) {
    if (model.place.state !== 'DUAL' && model.place.state !== role) continue;
    const stored = await stores[role].reader.page(EVERYTHING, 100);
    const found = stored.map((each) => {
      if (!('row' in each)) throw new Error(`unreadable: ${each.unreadable}`);
      const { holder, show: what, seat, place } = each.row;
      return `${String(holder)} ${String(what)} ${String(seat ?? String(place).slice('seat '.length))}`;
    });
    expect(found, role).toEqual(expected);
  }
}

test(
  'whatever happens, it is a map',
  async () => {
    await fc.assert(
      fc.asyncProperty(commands, fc.integer({ min: 2, max: 3 }), async (sequence, size) => {
        const deployment = new Deployment(await temporaryDirectory(), ticketDataset());
        const world = new World(deployment);
        const model = new Model();
        try {
          while (world.processes.length < size) world.processes.push(await world.start());
          await fc.asyncModelRun(() => ({ model, real: world }), sequence);
          await checkEnd(model, world);
        } finally {
          for (const { operation, ...process } of world.processes) {
            operation?.reads.end();
            process.stall = null;
          }
          for (const { release } of world.held) release();
          await deployment.close();
        }
      }),
      { numRuns: RUNS(6, 150), seed: SEED, endOnFailure: true },
    );
  },
  60_000 + RUNS(6, 150) * 20_000,
);
