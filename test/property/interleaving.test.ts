/**
 * Every order of port calls that fast-check's scheduler thinks of, over small scenarios: a few requests on one key through two instances,
 * while one move of the ladder is made. Each call of a request or of the switch waits twice, before it is made and before its
 * answer is handed over; the scheduler decides who goes on. Leases and background work keep running on real time.
 *
 * A failure prints seed and path; CROSSFADE_SEED, CROSSFADE_RUNS and CROSSFADE_LONG as in support/seed.ts.
 */
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Place } from '../../src/migration/states.ts';
import { Client, mutateTicket, nameOf, reading, seatOf, type TicketKey } from '../support/client.ts';
import { Deployment, type Instance } from '../support/deployment.ts';
import { Gates } from '../support/gates.ts';
import { History } from '../support/history.ts';
import { Bell, intercept, ofRequest } from '../support/intercept.ts';
import { goTo, place, showPlace, switchOnce, walk } from '../support/operate.ts';
import { RUNS, SEED } from '../support/seed.ts';
import { ticketDataset, type NewTicket, type OldTicket } from '../support/tickets.ts';
import { temporaryDirectory } from '../support/tmp.ts';

type Tickets = Instance<OldTicket, NewTicket>;
type Action = (client: Client, key: TicketKey) => Promise<void>;

const create: Action = (client, key) => client.create(key);
const change: Action = (client, key) => client.change(key);
const remove: Action = (client, key) => client.remove(key);
const get: Action = (client, key) => client.get(key);
const list: Action = (client, key) => client.list([key]);
const listByHolder: Action = (client, key) => client.list([key], { field: 'holder', value: key.holder });

/** One after the other, each through one of the two instances. */
type Actor = readonly (readonly [through: 0 | 1, action: Action])[];

interface Move {
  readonly from: Place;
  readonly to: Place;
  /** How to get back to `from`. */
  readonly back: readonly Place[];
}

const UP = [place('MIGRATING'), place('CATCHING_UP'), place('DUAL', 0)];
const MOVES: readonly Move[] = [
  { from: place('OLD'), to: place('MIGRATING'), back: [place('RETREATING'), place('OLD')] },
  { from: place('MIGRATING'), to: place('CATCHING_UP'), back: [place('DUAL', 0), place('OLD'), place('MIGRATING')] },
  { from: place('MIGRATING'), to: place('RETREATING'), back: [place('OLD'), place('MIGRATING')] },
  {
    from: place('CATCHING_UP'),
    to: place('DUAL', 0),
    back: [place('OLD'), place('MIGRATING'), place('CATCHING_UP')],
  },
  { from: place('DUAL', 0), to: place('DUAL', 100), back: [place('DUAL', 0)] },
  { from: place('DUAL', 100), to: place('DUAL', 0), back: [place('DUAL', 100)] },
  { from: place('DUAL', 0), to: place('OLD'), back: UP },
];

/** Who does what beside the switch. What one instance has acknowledged, the other is asked for next. */
const SCENARIOS: Readonly<Record<string, readonly Actor[]>> = {
  'two creates and a reader': [
    [[0, create]],
    [[1, create]],
    [
      [1, get],
      [0, get],
      [1, get],
    ],
  ],
  'write here, read there': [
    [
      [0, create],
      [1, get],
      [0, change],
      [1, list],
      [0, remove],
      [1, get],
    ],
    [
      [1, change],
      [0, listByHolder],
      [1, remove],
    ],
  ],
  'write here, write there': [
    [
      [0, remove],
      [1, create],
      [0, change],
      [1, remove],
      [0, create],
    ],
    [
      [1, create],
      [0, remove],
      [1, change],
    ],
  ],
};

let runs = 0;

describe.each(MOVES.map((move) => [`${showPlace(move.from)} to ${showPlace(move.to)}`, move] as const))(
  '%s',
  (_, move) => {
    let deployment: Deployment<OldTicket, NewTicket>;
    const instances: Tickets[] = [];
    const hearing: Hearing = { gates: null, lags: [] };
    beforeAll(async () => {
      deployment = new Deployment(await temporaryDirectory(), ticketDataset());
      const bell = new Bell();
      for (let i = 0; i < 2; i++) {
        instances.push(
          await deployment.instance({
            leaseMs: 1000,
            wrap: (own) => bell.wrap(intercept(own, (call, run) => ofRequest(call, () => late(call, run, hearing, i)))),
          }),
        );
      }
      await walk(first(instances).engine, ...wayTo(move.from));
    });
    afterAll(() => deployment.close());

    test.each(Object.entries(SCENARIOS))(
      '%s',
      async (_name, actors) => {
        await fc.assert(
          fc.asyncProperty(
            fc.scheduler(),
            fc.boolean(),
            starts(actors),
            LAGS,
            async (scheduler, present, after, lags) => {
              await interleave(instances, { scheduler, move, actors, present, after, lags }, hearing);
            },
          ),
          { numRuns: RUNS(1, 25), seed: SEED, endOnFailure: true },
        );
      },
      60_000 + RUNS(1, 25) * 10_000,
    );
  },
);

/** How many calls of the switch each actor lets go by before it begins: an even spread over all that a switch does. */
function starts(actors: readonly Actor[]): fc.Arbitrary<number[]> {
  return fc.array(fc.oneof(fc.nat(22), fc.integer({ min: 12, max: 18 })), {
    minLength: actors.length,
    maxLength: actors.length,
  });
}

/** How late each instance hears of a new control record: so many turns of the scheduler. */
const LAGS = fc.tuple(fc.constantFrom(0, 5, 40), fc.constantFrom(0, 5, 40));

interface Plan {
  readonly scheduler: fc.Scheduler;
  readonly move: Move;
  readonly actors: readonly Actor[];
  /** Is the row there at the beginning? */
  readonly present: boolean;
  readonly after: readonly number[];
  readonly lags: readonly number[];
}

/** By what an instance's renewals are kept waiting. */
interface Hearing {
  gates: Gates | null;
  lags: readonly number[];
}

async function interleave(
  instances: readonly Tickets[],
  { scheduler, move, actors, present, after, lags }: Plan,
  hearing: Hearing,
): Promise<void> {
  const { engine } = first(instances);
  const key = { holder: `h${++runs}`, show: 'show' };
  if (present) await mutateTicket(engine, key, 'before', 'CREATE');
  const history = new History(present ? new Map([[nameOf(key), 'before']]) : new Map());
  const gates = new Gates(scheduler);
  Object.assign(hearing, { gates, lags });
  const tasks = actors.map((actor, i) => {
    const through = instances.map((instance, at) => new Client(instance.engine, history, `c${i}${at}`));
    return gates.run(`${i}`, after[i] ?? 0, async () => {
      for (const [at, action] of actor) await action(first(through.slice(at)), key);
    });
  });
  const switched = gates.run('switch', 0, async () => {
    const from = history.tick();
    const result = await switchOnce(engine, move.to);
    history.switches.push({ from, to: history.tick() });
    return result;
  });
  await gates.open(Promise.all([...tasks, switched]));
  const result = await switched;
  if (result.outcome !== 'SWITCHED') await goTo(engine, move.to);
  const seen = new Map<string, string>();
  for (const each of instances) {
    const seat = seatOf(await reading(each.engine, (operation) => operation.load({ ...key })));
    if (seat !== null) seen.set(nameOf(key), seat);
    expect(seen.get(nameOf(key)) ?? null).toBe(seat);
  }
  expect(history.violations(seen), gates.log.join('\n')).toEqual([]);
  await walk(engine, ...move.back);
  const last = seatOf(await reading(engine, (operation) => operation.load({ ...key })));
  expect(last, 'after the way back').toBe(seen.get(nameOf(key)) ?? null);
}

async function late(call: string, run: () => Promise<unknown>, { gates, lags }: Hearing, instance: number) {
  const answer = await run();
  if (call === 'control.renew') await gates?.turns(lags[instance] ?? 0);
  return answer;
}

function wayTo({ state, percent }: Place): Place[] {
  if (state === 'OLD') return [];
  if (state === 'MIGRATING') return UP.slice(0, 1);
  if (state === 'CATCHING_UP') return UP.slice(0, 2);
  return percent === 0 ? UP : [...UP, place('DUAL', percent)];
}

function first<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new Error('nothing there');
  return item;
}
