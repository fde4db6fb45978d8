/**
 * Clients on a few hot keys through several instances, while an operator walks the ladder up, back and up again. Everything they asked and
 * were answered goes into a history, and a checker that knows nothing of the engine says whether the promises were kept.
 *
 *   CROSSFADE_SEED   repeats what the clients and the operator do (not how the machine interleaves them)
 *   CROSSFADE_RUNS   how often; CROSSFADE_LONG=1 for a long run
 */
import { expect, test } from 'vitest';
import { EVERYTHING } from '../../src/migration/stores/store.ts';
import type { Place } from '../../src/migration/states.ts';
import { Client, nameOf, reading, seatOf, keyOf, type TicketKey } from '../support/client.ts';
import { Deployment, type Instance } from '../support/deployment.ts';
import { History } from '../support/history.ts';
import { intercept, type Interceptor } from '../support/intercept.ts';
import { goTo, pause, place, until, verifyClean } from '../support/operate.ts';
import { LONG, randomFrom, RUNS, SEED, type Random } from '../support/seed.ts';
import { ticketDataset, type NewTicket, type OldTicket } from '../support/tickets.ts';
import { temporaryDirectory } from '../support/tmp.ts';

type Tickets = Instance<OldTicket, NewTicket>;

const KEYS: readonly TicketKey[] = [
  { holder: 'a', show: 's' },
  { holder: 'a', show: 't' },
  { holder: 'ab', show: 's' },
  { holder: '\u{1F600}', show: 't' },
];
const CLIENTS_EACH = 3;

const UP = [place('MIGRATING'), place('CATCHING_UP'), place('DUAL', 0)];
const WALKS: Readonly<Record<string, readonly Place[]>> = {
  'up, back from each state, and up to NEW': [
    place('MIGRATING'),
    place('RETREATING'),
    place('OLD'),
    ...UP,
    place('OLD'),
    ...UP,
    ...[50, 100, 20, 0].map((percent) => place('DUAL', percent)),
    place('OLD'),
    ...UP,
    place('DUAL', 100),
    place('NEW'),
  ],
  'to and fro in DUAL, and back to OLD': [
    ...UP,
    ...[100, 0, 60, 40, 100, 0].map((percent) => place('DUAL', percent)),
    place('OLD'),
  ],
};

async function anyRequest(client: Client, random: Random): Promise<void> {
  const key = random.pick(KEYS);
  switch (random.below(9)) {
    case 0:
    case 1:
    case 2:
      return client.create(key);
    case 3:
    case 4:
      return client.change(key);
    case 5:
      return client.remove(key);
    case 6:
    case 7:
      return client.get(key);
    default:
      return client.list(
        KEYS,
        random.pick([undefined, { field: 'holder', value: 'a' }, { field: 'show', value: 't' }]),
      );
  }
}

async function seatsIn(instance: Tickets, role: 'OLD' | 'NEW'): Promise<Map<string, string>> {
  const found = await instance.stores[role].reader.page(EVERYTHING, 100);
  return new Map(
    found.map((stored) => {
      if (!('row' in stored)) throw new Error(`unreadable: ${stored.unreadable}`);
      const { holder, show, seat, place: renewed } = stored.row;
      return [`${String(holder)}/${String(show)}`, String(seat ?? String(renewed).slice('seat '.length))];
    }),
  );
}

async function seatsSeen({ engine }: Tickets): Promise<Map<string, string>> {
  const { rows } = await reading(engine, (operation) => operation.page({ after: null, first: 100 }));
  const listed = new Map(rows.map((faces) => [nameOf(keyOf(faces)), seatOf(faces) ?? '']));
  const loaded = await reading(engine, (operation) =>
    Promise.all(KEYS.map(async (key) => [nameOf(key), seatOf(await operation.load({ ...key }))] as const)),
  );
  expect(listed, 'lists and keys agree').toEqual(new Map(loaded.filter(([, seat]) => seat !== null)));
  expect(await reading(engine, (operation) => operation.count())).toBe(listed.size);
  return listed;
}

/** Devices have their moments: some calls take long, at random, before they are made or before they are answered. */
const MOMENTS: Readonly<Record<string, { readonly oneIn: number; readonly ms: number }>> = {
  'OLD.writer.apply': { oneIn: 6, ms: 250 },
  'NEW.writer.apply': { oneIn: 6, ms: 250 },
  'OLD.reader.load': { oneIn: 20, ms: 20 },
  'NEW.reader.load': { oneIn: 20, ms: 20 },
  'journal.append': { oneIn: 20, ms: 20 },
  'journal.applied': { oneIn: 4, ms: 30 },
  'control.renew': { oneIn: 3, ms: 100 },
};

function moody(random: Random): Interceptor {
  return async (call, run) => {
    const moment = MOMENTS[call];
    if (!moment || random.below(moment.oneIn) > 0) return run();
    const wait = random.below(moment.ms);
    if (random.below(2) === 0) {
      await pause(wait);
      return run();
    }
    const answer = await run();
    await pause(wait);
    return answer;
  };
}

interface Scene {
  readonly instances: Tickets[];
  readonly history: History;
  readonly random: Random;
}

/** Requests, one after the other, until told to stop or killed; what one of them throws is thrown when it is awaited. */
function traffic({ history, random }: Scene, instance: Tickets, name: string, killed?: AbortSignal) {
  const stopped = new AbortController();
  const client = new Client(instance.engine, history, name, killed);
  const own = random.fork();
  const over = AbortSignal.any([stopped.signal, ...(killed ? [killed] : [])]);
  const work = async () => {
    while (!over.aborted) {
      await anyRequest(client, own);
      if (own.below(3) === 0) await pause(own.below(4));
    }
  };
  const done = work().catch((error: unknown) => {
    if (!killed?.aborted) throw error;
  });
  // It is awaited after the walk, and must not count as unhandled until then.
  done.catch(() => {});
  return {
    stop: () => {
      stopped.abort();
      return done;
    },
  };
}

async function walkUnderTraffic(scene: Scene, places: readonly Place[]): Promise<Map<string, string>> {
  const { instances, history, random } = scene;
  const running = instances.flatMap((instance, i) =>
    Array.from({ length: CLIENTS_EACH }, (_, c) => traffic(scene, instance, `${i}${'xyz'[c]}`)),
  );
  try {
    for (const to of places) {
      await pause(random.below(LONG ? 120 : 40));
      const { engine } = random.pick(instances);
      if (to.state === 'NEW') await verifyClean(engine);
      const from = history.tick();
      await goTo(engine, to);
      history.switches.push({ from, to: history.tick() });
    }
    await pause(20);
  } finally {
    await Promise.all(running.map((client) => client.stop()));
  }
  const [one] = instances;
  if (!one) throw new Error('no instance');
  const seen = await seatsSeen(one);
  for (const other of instances) expect(await seatsSeen(other)).toEqual(seen);
  return seen;
}

test.each(Object.entries(WALKS))(
  'the promises hold under traffic: %s',
  async (_, places) => {
    for (let run = 0; run < RUNS(1, 15); run++) {
      const random = randomFrom(SEED + run);
      const deployment = new Deployment(await temporaryDirectory(), ticketDataset());
      const history = new History();
      const mood = moody(random.fork());
      const open = () => deployment.instance({ leaseMs: 300, wrap: (own) => intercept(own, mood) });
      const instances = [await open(), await open(), ...(run % 2 === 0 ? [] : [await open()])];
      try {
        const scene = { instances, history, random };
        const seen = await walkUnderTraffic(scene, places);
        expect(history.violations(seen), `seed ${SEED + run}`).toEqual([]);
        expect(history.writes.length).toBeGreaterThan(50);
        const [one] = instances;
        if (one) expect(await seatsIn(one, places.at(-1)?.state === 'NEW' ? 'NEW' : 'OLD')).toEqual(seen);
      } finally {
        await deployment.close();
      }
    }
  },
  60_000 + RUNS(1, 15) * 60_000,
);

test(
  'what was acknowledged is in both stores once DUAL has no backlog, also after an instance was killed on the way',
  async () => {
    for (let run = 0; run < RUNS(1, 15); run++) {
      const random = randomFrom(SEED + 1000 + run);
      const deployment = new Deployment(await temporaryDirectory(), ticketDataset());
      const history = new History();
      const mood = moody(random.fork());
      const open = () => deployment.instance({ leaseMs: 300, wrap: (own) => intercept(own, mood) });
      const survivor = await open();
      const victim = await open();
      try {
        const scene = { instances: [survivor], history, random };
        const killed = new AbortController();
        const doomed = ['dx', 'dy', 'dz'].map((name) => traffic(scene, victim, name, killed.signal));
        const steps = [...UP, place('DUAL', 50), place('DUAL', 30)];
        const fatal = random.below(steps.length);
        const walk = walkUnderTraffic(scene, steps);
        await Promise.all([
          walk,
          (async () => {
            await until('the fatal state', async () => reached(await survivor.engine.operator.status(), steps, fatal));
            await pause(random.below(30));
            killed.abort();
            await victim.kill();
            await Promise.all(doomed.map((client) => client.stop()));
          })(),
        ]);
        await until('the journal is empty', async () => (await survivor.journal.status()).entries === 0);
        const seen = await seatsSeen(survivor);
        expect(history.violations(seen), `seed ${SEED + 1000 + run}`).toEqual([]);
        expect(await seatsIn(survivor, 'OLD')).toEqual(seen);
        expect(await seatsIn(survivor, 'NEW')).toEqual(seen);
      } finally {
        await deployment.close();
      }
    }
  },
  60_000 + RUNS(1, 15) * 60_000,
);

function reached(status: { readonly place: Place }, steps: readonly Place[], index: number): boolean {
  const at = steps.findIndex(({ state, percent }) => state === status.place.state && percent === status.place.percent);
  return at >= index;
}
