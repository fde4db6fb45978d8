/**
 * The engine against a map: random sequences of what clients, operators and misfortune do, on two or three instances, each compared with
 * what a map of rows and the documented moves of the ladder say. One command after the other, but for writes that are held half-way while
 * the rest goes on, and for what is killed.
 *
 * A failure prints seed, path and the commands; CROSSFADE_SEED, CROSSFADE_RUNS and CROSSFADE_LONG as in support/seed.ts.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { EVERYTHING } from '../../src/migration/stores/store.ts';
import { reading } from '../support/client.ts';
import { Deployment } from '../support/deployment.ts';
import { legalMoves, Model } from '../support/model.ts';
import { until, verifyClean } from '../support/operate.ts';
import { RUNS, SEED } from '../support/seed.ts';
import { ticketDataset } from '../support/tickets.ts';
import { temporaryDirectory } from '../support/tmp.ts';
import { crashes, fatalSwitches, holds, letGo, releases, stalls } from './model/mishaps.ts';
import {
  compareLists,
  endOperations,
  gets,
  lists,
  openOperations,
  pages,
  walkPages,
  writes,
} from './model/requests.ts';
import { cancels, climbs, copyControls, go, illegal, races, verifies } from './model/switches.ts';
import { World } from './model/world.ts';

const commands = fc.commands(
  [
    // Each as often as it stands here.
    // prettier-ignore
    writes,
    writes,
    writes,
    writes,
    gets,
    gets,
    lists,
    lists,
    pages,
    pages,
    openOperations,
    endOperations,
    // prettier-ignore
    climbs,
    climbs,
    climbs,
    illegal,
    races,
    cancels,
    copyControls,
    verifies,
    // prettier-ignore
    stalls,
    holds,
    releases,
    crashes,
    fatalSwitches,
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
