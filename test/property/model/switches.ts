/** Commands of operators. */
import * as fc from 'fast-check';
import { expect } from 'vitest';
import type { TicketEngine } from '../../support/client.ts';
import { at, legalMoves, samePlace, type Model, type ModelPlace } from '../../support/model.ts';
import { goTo, pause, showPlace, switchOnce, until, verifyClean } from '../../support/operate.ts';
import { command, LEASE_MS, who } from './world.ts';

export async function go(model: Model, engine: TicketEngine, to: ModelPlace): Promise<void> {
  if (to.state === 'CATCHING_UP') await engine.operator.resumeCopy();
  if (to.state === 'NEW') await verifyClean(engine);
  await goTo(engine, to);
  model.place = to;
  const status = await engine.operator.status();
  expect(status.place).toEqual(to);
}

export const climbs = fc
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
export const illegal = fc
  .record({ i: who, to: fc.constantFrom(...PLACES), dryRun: fc.boolean() })
  .map(({ i, to, dryRun }) =>
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
export const races = fc.record({ i: who, a: fc.nat(5), b: fc.nat(5), wait: fc.nat(30) }).map(({ i, a, b, wait }) =>
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
export const cancels = fc.record({ i: who, choice: fc.nat(5) }).map(({ i, choice }) =>
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

export const copyControls = fc.record({ i: who, what: fc.constantFrom('pause', 'resume', 'slow') }).map(({ i, what }) =>
  command(`copy: ${what}`, {
    run: async (_, world) => {
      const { operator } = world.process(i).instance.engine;
      if (what === 'pause') await operator.pauseCopy();
      else if (what === 'resume') await operator.resumeCopy();
      else await operator.setCopyRate(1000);
    },
  }),
);

export const verifies = who.map((i) =>
  command(`verify at ${i}`, {
    check: (model) => model.place.state === 'DUAL' && model.allDecided,
    run: (_, world) => verifyClean(world.process(i).instance.engine),
  }),
);
