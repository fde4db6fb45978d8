/** Continuous comparison: what reads alone find out, what it costs when a store hangs, and what it must not find. */
import { readFile } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CrossfadeError } from '../../src/migration/errors.ts';
import type { ComparisonResult } from '../../src/migration/observer.ts';
import { mutateTicket, reading, type TicketKey } from '../support/client.ts';
import { Deployment, type Instance, type InstanceOptions } from '../support/deployment.ts';
import { intercept, type Interceptor } from '../support/intercept.ts';
import { goTo, pause, place, until, verifyClean, walk } from '../support/operate.ts';
import { ticketDataset, type NewTicket, type OldTicket } from '../support/tickets.ts';
import { temporaryDirectory } from '../support/tmp.ts';

const KEYS: readonly TicketKey[] = Array.from({ length: 20 }, (_, i) => ({ holder: `h${i + 10}`, show: 's' }));
const ABSENT: TicketKey = { holder: 'rogue', show: 's' };
const INVALID = `cast(x'ff41' as text)`;

let deployment: Deployment<OldTicket, NewTicket>;
let instance: Instance<OldTicket, NewTicket>;
const results = new Map<ComparisonResult, number>();
beforeEach(async () => {
  results.clear();
  deployment = new Deployment(await temporaryDirectory(), ticketDataset());
});
afterEach(() => deployment.close());

/** In DUAL at this percentage, with twenty rows in both stores; every read is compared. */
async function dual(percent: number, options: InstanceOptions = {}): Promise<void> {
  const compared = (result: ComparisonResult, rows: number): void => {
    results.set(result, (results.get(result) ?? 0) + rows);
  };
  instance = await deployment.instance({ comparePercent: 100, observer: { compared }, ...options });
  const { engine } = instance;
  for (const key of KEYS) await mutateTicket(engine, key, 'x', 'CREATE');
  await walk(engine, place('MIGRATING'), place('CATCHING_UP'), place('DUAL', 0));
  if (percent > 0) await goTo(engine, place('DUAL', percent));
  await until('nothing is pending', async () => (await engine.operator.journalStatus()).entries === 0);
}

function behindTheBack(role: 'old' | 'new', ...statements: readonly string[]): void {
  const db = new Database(deployment.file(role));
  try {
    for (const statement of statements) db.exec(statement);
  } finally {
    db.close();
  }
}

/** Asks until the looks at what was asked are over. A row that cannot be read is an error to who asks for it. */
async function readAll(keys: readonly TicketKey[] = [...KEYS, ABSENT]): Promise<void> {
  const before = looked();
  for (const key of keys) await reading(instance.engine, (operation) => operation.load({ ...key })).catch(() => null);
  await until('all reads were looked at', () => looked() - before >= keys.length);
}
const looked = (): number => [...results.values()].reduce((sum, rows) => sum + rows, 0);

async function found(): Promise<readonly (readonly (string | null)[])[]> {
  const { edges } = await instance.engine.operator.differences({ first: 100, after: null });
  return edges.map(({ node }) => [node.key, node.field, node.kind, node.old, node.new]);
}

/** With `holder/show` for the key. */
function shown(differences: readonly (readonly [string, ...(string | null)[]])[]) {
  return differences.map(([name, ...rest]) => {
    const [holder = '', show = ''] = name.split('/');
    return [deployment.dataset.showKey(deployment.dataset.keyOf({ holder, show })), ...rest];
  });
}

const NEW_ROW = '{"holder":"rogue","show":"s","place":"seat r","updated":1}';
const OLD_ROW = '{"holder":"h11","show":"s","seat":"x","updated":1}';
const ROGUE = `insert into tickets_new (holder, show, place, updated) values ('rogue', 's', 'seat r', 1)`;

describe.each([0, 50, 100])('DUAL at %i percent', (percent) => {
  test('reads by key find what was changed behind the back, and notice when it is mended', async () => {
    await dual(percent);
    await readAll();
    expect(await found()).toEqual([]);
    expect(results.get('AGREES')).toBe(KEYS.length + 1);

    behindTheBack(
      'new',
      `update tickets_new set place = 'seat y' where holder = 'h10'`,
      `delete from tickets_new where holder = 'h11'`,
      ROGUE,
    );
    await readAll();
    expect(await found()).toEqual(
      shown([
        ['h10/s', 'place', 'DIFFERS', 'seat x', 'seat y'],
        ['h11/s', null, 'ONLY_IN_OLD', OLD_ROW, null],
        ['rogue/s', null, 'ONLY_IN_NEW', null, NEW_ROW],
      ]),
    );
    expect(results.get('DIFFERS')).toBe(3);

    behindTheBack('new', `update tickets_new set place = 'seat x' where holder = 'h10'`);
    await readAll();
    expect((await found()).map(([, , kind]) => kind)).toEqual(['ONLY_IN_OLD', 'ONLY_IN_NEW']);
  });
});

test('lists are compared too: a row that nobody should have written is found by the list that shows it', async () => {
  await dual(100);
  behindTheBack('new', ROGUE);
  await reading(instance.engine, (operation) => operation.page({ after: null, first: 100 }));
  await until('the rogue row was found', async () => (await found()).length > 0);
  expect(await found()).toEqual(shown([['rogue/s', null, 'ONLY_IN_NEW', null, NEW_ROW]]));
});

test('a row that one store cannot read is a difference of its own kind', async () => {
  await dual(0);
  behindTheBack('new', `update tickets_new set place = ${INVALID} where holder = 'h12'`);
  await readAll();
  expect((await found()).map(([, , kind, old]) => [kind, old])).toEqual([
    ['UNREADABLE', OLD_ROW.replace('h11', 'h12')],
  ]);
});

test('what reads found bars the way to NEW, and a new verification starts the list over', async () => {
  await dual(100);
  await verifyClean(instance.engine);
  behindTheBack('new', ROGUE);
  await readAll();
  const { operator } = instance.engine;
  const toNew = (await operator.moves()).find(({ to }) => to === 'NEW');
  expect(toNew?.blockers.map(({ code, count }) => [code, count])).toEqual([['DIFFERENCES_FOUND', 1]]);
  expect(await operator.verification()).toMatchObject({ clean: false });
  behindTheBack('new', `delete from tickets_new where holder = 'rogue'`);
  await verifyClean(instance.engine);
  expect((await operator.moves()).find(({ to }) => to === 'NEW')?.allowed).toBe(true);
});

test('a row that is on its way to one of the stores is looked at again, and is no difference', async () => {
  const arrival = Promise.withResolvers<void>();
  let held = false;
  let looks = 0;
  const slowly: Interceptor = async (call, run) => {
    if (held && call === 'NEW.writer.apply') await arrival.promise;
    // A request that reads by key in DUAL does not ask the journal: this is the second look.
    if (held && call === 'journal.read' && ++looks === 5) arrival.resolve();
    return run();
  };
  await dual(0, { wrap: (devices) => intercept(devices, slowly) });
  const [key = ABSENT] = KEYS;
  const before = await instance.stores.NEW.reader.load([deployment.dataset.keyOf({ ...key })]);
  // The write asks the journal first, of course.
  looks = -1000;
  held = true;
  await mutateTicket(instance.engine, key, 'y', 'CHANGE');
  looks = 0;
  expect(await instance.stores.NEW.reader.load([...before.keys()])).toEqual(before);
  await readAll([key]).finally(() => arrival.resolve());
  expect(looks).toBeGreaterThanOrEqual(5);
  expect([await found(), results.get('AGREES')]).toEqual([[], 1]);
});

describe('a new store that does not answer, while everything is read from the old one', () => {
  const hanging: (() => void)[] = [];
  let trouble: 'NONE' | 'HANGS' | 'DOWN' = 'NONE';
  let asked = 0;
  const newStore: Interceptor = async (call, run) => {
    if (call !== 'NEW.reader.load' || trouble === 'NONE') return run();
    asked++;
    if (trouble === 'DOWN') throw new CrossfadeError('STORE_UNAVAILABLE');
    await new Promise<void>((resolve) => hanging.push(resolve));
    return run();
  };
  beforeEach(async () => {
    asked = 0;
    trouble = 'NONE';
    await dual(0, { wrap: (devices) => intercept(devices, newStore) });
  });
  afterEach(() => {
    trouble = 'NONE';
    for (const release of hanging.splice(0)) release();
  });

  async function readFor(ms: number): Promise<number> {
    let longest = 0;
    for (const end = performance.now() + ms; performance.now() < end;) {
      const began = performance.now();
      const faces = await Promise.all(KEYS.map((key) => reading(instance.engine, (op) => op.load({ ...key }))));
      expect(faces.every((face) => face !== null)).toBe(true);
      longest = Math.max(longest, performance.now() - began);
      await pause(5);
    }
    return longest;
  }

  test('costs requests nothing when it hangs: two questions wait there, and then it is left alone', async () => {
    trouble = 'HANGS';
    // The deadline of a comparison is a second: a request that waited for one would take as long.
    expect(await readFor(1500)).toBeLessThan(900);
    expect(asked).toBe(2);
    expect(results.get('UNANSWERED')).toBeGreaterThan(0);
    expect(results.get('SKIPPED')).toBeGreaterThan(0);

    trouble = 'NONE';
    for (const release of hanging.splice(0)) release();
    await until('reads are compared again', async () => {
      await readFor(20);
      return (results.get('AGREES') ?? 0) > 0;
    });
    await until('what could not be compared agrees', async () => (await found()).length === 0);
  });

  test('is asked less and less when it is down; what could not be compared is listed, and compared without another read', async () => {
    trouble = 'DOWN';
    expect(await readFor(1500)).toBeLessThan(900);
    expect(asked).toBeLessThanOrEqual(4);
    const row = (holder: string): string => OLD_ROW.replace('h11', holder);
    expect(await found()).toEqual(
      shown(KEYS.map(({ holder }) => [`${holder}/s`, null, 'UNREADABLE', row(holder), 'no answer: STORE_UNAVAILABLE'])),
    );

    behindTheBack('new', `update tickets_new set place = 'seat y' where holder = 'h10'`);
    const before = await instance.engine.operator.differences({ first: 1, after: null });
    trouble = 'NONE';
    await until('what agrees has left', async () => (await found()).length === 1);
    expect(await found()).toEqual(shown([['h10/s', 'place', 'DIFFERS', 'seat x', 'seat y']]));
    const after = await instance.engine.operator.differences({ first: 1, after: null });
    expect(after.edges[0]?.node.firstSeenAt).not.toBe(before.edges[0]?.node.firstSeenAt);
    expect(await instance.engine.operator.verification()).toBeNull();
  });

  test('lists no more than what was asked before it was left alone, and forgets no difference that is known', async () => {
    await readAll();
    behindTheBack('new', `update tickets_new set place = 'seat y' where holder = 'h10'`);
    await readAll();
    trouble = 'DOWN';
    const many = Array.from({ length: 1000 }, (_, i): TicketKey => ({ holder: `z${i}`, show: 's' }));
    for (let round = 0; round < 3; round++) {
      await Promise.all([...KEYS, ...many].map((key) => reading(instance.engine, (op) => op.load({ ...key }))));
      await pause(500);
    }
    const listed = await instance.engine.operator.differences({ first: 100, after: null });
    expect(await listed.totalCount()).toBeGreaterThan(64);
    expect(await listed.totalCount()).toBeLessThanOrEqual(128 + 1);
    expect(await found()).toContainEqual(shown([['h10/s', 'place', 'DIFFERS', 'seat x', 'seat y']])[0]);
  });

  test('bars the way to NEW by what is listed until it was compared: a repair settles it too', async () => {
    const { operator } = instance.engine;
    await goTo(instance.engine, place('DUAL', 100));
    await verifyClean(instance.engine);
    await goTo(instance.engine, place('DUAL', 0));
    trouble = 'DOWN';
    await readFor(100);
    await until('it is listed', async () => (await found()).length === KEYS.length);
    expect(await operator.verification()).toMatchObject({ clean: false });
    trouble = 'NONE';
    await operator.repair();
    await until('it is settled', async () => (await found()).length === 0);
    // Nothing was wrong with these rows.
    expect(await operator.verification()).toMatchObject({ clean: true, repaired: 0 });
  });
});

test('an old store that does not answer is told apart from a new one, with the code and not the cause', async () => {
  let down = false;
  const oldStore: Interceptor = (call, run) => {
    if (!down || call !== 'OLD.reader.load') return run();
    return Promise.reject(new CrossfadeError('STORE_UNAVAILABLE', { message: 'postgres://user:SECRET@host/db' }));
  };
  await dual(100, { wrap: (devices) => intercept(devices, oldStore), maskDifferences: true });
  down = true;
  await readAll(KEYS.slice(0, 1));
  expect((await found()).map((difference) => difference.slice(1))).toEqual([
    [null, 'UNREADABLE', 'no answer: STORE_UNAVAILABLE', '***'],
  ]);
});

test('masked: the values that differ are nowhere, and that they differ is', async () => {
  const lines: string[] = [];
  const write = (facts: object, message: string): void => void lines.push(JSON.stringify({ ...facts, message }));
  await dual(0, { maskDifferences: true, log: { debug: write, info: write, warn: write, error: write } });
  behindTheBack(
    'new',
    `update tickets_new set place = 'seat SECRET' where holder = 'h10'`,
    `update tickets_new set place = 'SECRET place' where holder = 'h11'`,
    ROGUE.replace('seat r', 'seat SECRET'),
  );
  await readAll();
  const masked = [
    ['DIFFERS', '***', '***'],
    ['UNREADABLE', '***', '***'],
    ['ONLY_IN_NEW', null, '***'],
  ];
  expect((await found()).map((difference) => difference.slice(2))).toEqual(masked);
  const { operator } = instance.engine;
  await operator.verify();
  await until('it has finished', async () => (await operator.verification())?.running === false);
  expect((await found()).map((difference) => difference.slice(2))).toEqual(masked);
  const files = ['', '-wal'].map((suffix) => readFile(`${deployment.file('control')}${suffix}`, 'latin1'));
  expect((await Promise.all(files)).join('')).not.toContain('SECRET');
  // A repair writes rows, so the journal in that file gets to see them; the log does not.
  await operator.repair();
  await until('repaired what can be', async () => (await operator.verification())?.repaired === 3);
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.join('\n')).not.toContain('SECRET');
});
