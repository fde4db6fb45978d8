/**
 * 100,000 rows from one system to another, over the whole ladder, while clients read and write through two instances: some of the rows
 * that are copied, and some of their own. All promises hold of those that were touched, and the others arrive as they were.
 */
import { expect, onTestFinished, test } from 'vitest';
import { Client, nameOf, type TicketEngine, type TicketKey } from '../support/client.ts';
import type { Place } from '../../src/migration/states.ts';
import { History } from '../support/history.ts';
import { goTo, pause, place, verifyClean } from '../support/operate.ts';
import { hasMariadb, ownMariadb } from '../support/own/mariadb.ts';
import { ownPostgres, postgresBinaries } from '../support/own/postgres.ts';
import { Reaper } from '../support/own/reaper.ts';
import { instanceOn, type PairingInstance } from '../support/pairing.ts';
import { randomFrom, SEED, type Random } from '../support/seed.ts';
import { describeWith } from '../support/servers.ts';
import type { OldTicket } from '../support/tickets.ts';

const ROWS = 100_000;
const BATCH = 2000;
const COPIED_TOUCHED = 40;
const OWN = 40;
const CLIENTS = 6;
const PACE_MS = 15;
const PATIENCE_MS = 400_000;
const BUSY_MS = 30_000;

type DataEngine = 'PostgreSQL' | 'MariaDB';

const PAIRINGS: readonly { readonly old: DataEngine; readonly new: DataEngine }[] = [
  { old: 'PostgreSQL', new: 'PostgreSQL' },
  { old: 'MariaDB', new: 'PostgreSQL' },
  { old: 'PostgreSQL', new: 'MariaDB' },
];
const LADDER = [
  place('MIGRATING'),
  place('CATCHING_UP'),
  ...[0, 50, 100, 20, 100].map((percent) => place('DUAL', percent)),
];

const rowOf = (i: number): OldTicket => {
  return { holder: `h${i % 5000}`, show: `s${i}`, seat: `${i} é '"\\ 📶`, updated: i };
};

async function fill({ stores }: PairingInstance): Promise<void> {
  for (let from = 0; from < ROWS; from += BATCH) {
    const rows = Array.from({ length: BATCH }, (_, i) => ({ ...rowOf(from + i) }));
    expect(await stores.OLD.writer.insertMissing(1, rows)).toEqual({ present: [], refused: [] });
  }
}

async function requests(client: Client, keys: readonly TicketKey[], random: Random, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    const key = random.pick(keys);
    const dice = random.below(10);
    if (dice < 2) await client.create(key);
    else if (dice < 4) await client.change(key);
    else if (dice < 5) await client.remove(key);
    else if (dice < 8) await client.get(key);
    else await client.list(keys, { field: 'holder', value: key.holder });
    await pause(random.below(PACE_MS));
  }
}

/** On a busy machine a store may keep a check waiting for longer than checks wait. */
async function climb(engine: TicketEngine, to: Place): Promise<void> {
  for (const until = performance.now() + BUSY_MS; ; await pause(200)) {
    try {
      return await goTo(engine, to, PATIENCE_MS);
    } catch (error) {
      const busy = error instanceof Error && error.message.includes('STORE_UNREACHABLE');
      if (!busy || performance.now() > until) throw error;
    }
  }
}

/** Every row of the new table, page by page, by name. */
async function arrived({ stores }: PairingInstance): Promise<Map<string, string>> {
  const seats = new Map<string, string>();
  for (let after: string | null = null; ;) {
    const page = await stores.NEW.reader.page({ after, upTo: null }, 5000);
    for (const stored of page) {
      if ('unreadable' in stored) throw new Error(stored.unreadable);
      const { holder, show, place: seat } = stored.row;
      seats.set(`${String(holder)}/${String(show)}`, String(seat).replace(/^seat /, ''));
    }
    after = page.at(-1)?.key ?? null;
    if (page.length < 5000) return seats;
  }
}

const there = postgresBinaries() !== null && hasMariadb();

describeWith(`PostgreSQL and MariaDB of the test, CROSSFADE_SEED=${SEED}`, there ? 'both' : null, () => {
  for (const { old, new: renewed } of PAIRINGS) {
    test(`${ROWS} rows from ${old} to ${renewed} under concurrent writes`, { timeout: 600_000 }, async () => {
      const reaper = new Reaper();
      onTestFinished(() => reaper.close(), 60_000);
      const control = await ownPostgres(reaper);
      const urlOf = async (engine: DataEngine) => (await (engine === 'MariaDB' ? ownMariadb : ownPostgres)(reaper)).url;
      const urls = { old: await urlOf(old), new: await urlOf(renewed), control: control.url };
      const instances = [await instanceOn(urls, 'one'), await instanceOn(urls, 'two')] as const;
      onTestFinished(async () => {
        for (const each of instances) await each.close();
      }, 60_000);
      await fill(instances[0]);

      const random = randomFrom(SEED);
      const touched = Array.from({ length: COPIED_TOUCHED }, () => rowOf(random.below(ROWS)));
      const initial = new Map(touched.map((row) => [nameOf(row), row.seat]));
      const own = Array.from({ length: OWN }, (_, i) => ({ holder: `w${i % 10}`, show: `own ${i}` }));
      const keys = [...touched.map(({ holder, show }) => ({ holder, show })), ...own];
      const history = new History(initial);
      const stop = new AbortController();
      const running = Array.from({ length: CLIENTS }, (_, i) => {
        const client = new Client(instances[i % 2 === 0 ? 0 : 1].engine, history, `client ${i}`);
        return requests(client, keys, random.fork(), stop.signal);
      });
      onTestFinished(() => stop.abort());
      for (const [step, to] of [...LADDER, place('NEW')].entries()) {
        const driver = instances[step % 2 === 0 ? 0 : 1].engine;
        if (to.state === 'NEW') await verifyClean(driver, PATIENCE_MS);
        const from = history.tick();
        await climb(driver, to);
        history.switches.push({ from, to: history.tick() });
        await pause(200);
      }
      stop.abort();
      await Promise.all(running);

      const final = await arrived(instances[1]);
      const names = new Set(keys.map(nameOf));
      const ofTouched = new Map([...final].filter(([key]) => names.has(key)));
      expect(history.violations(ofTouched)).toEqual([]);
      expect(history.writes.length).toBeGreaterThan(100);
      let others = 0;
      for (let i = 0; i < ROWS; i++) {
        const row = rowOf(i);
        if (names.has(nameOf(row))) continue;
        others++;
        if (final.get(nameOf(row)) !== row.seat) throw new Error(`${nameOf(row)} is ${final.get(nameOf(row))}`);
      }
      expect(final.size - ofTouched.size).toBe(others);
    });
  }
});
