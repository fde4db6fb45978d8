/** Commands of misfortune: devices that stall, writes that stand still half-way, processes that are killed. */
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { hasCode } from '../../../src/migration/errors.ts';
import { mutateTicket, seatOf } from '../../support/client.ts';
import { soon } from '../../support/deployment.ts';
import { request } from '../../support/intercept.ts';
import { legalMoves, samePlace, type Model } from '../../support/model.ts';
import { pause, switchOnce, until } from '../../support/operate.ts';
import { command, key, kind, LEASE_MS, show, who, type World } from './world.ts';

/** Whose answers stalls keep waiting. */
const CALLS = [
  'journal.append',
  'journal.read',
  'OLD.writer',
  'NEW.writer',
  'OLD.reader',
  'NEW.reader',
  'control.renew',
];

export const stalls = fc
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
export const holds = fc
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
export async function letGo(model: Model, world: World): Promise<void> {
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

export const releases = fc.constant(
  command('the held write goes on', { check: (model) => !model.allDecided, run: letGo }),
);

export const crashes = who.map((i) =>
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

export const fatalSwitches = fc.record({ i: who, choice: fc.nat(5), ms: fc.nat(60) }).map(({ i, choice, ms }) =>
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
