/** The log tells a migration's story: each thing once, in words, from the first announce to NEW. */
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Logger } from '../../src/migration/log.ts';
import { mutateTicket } from '../support/client.ts';
import { Deployment, type Instance } from '../support/deployment.ts';
import { goTo, place, until, verifyClean } from '../support/operate.ts';
import { ticketDataset, type NewTicket, type OldTicket } from '../support/tickets.ts';
import { temporaryDirectory } from '../support/tmp.ts';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

let deployment: Deployment<OldTicket, NewTicket>;
let lines: Line[];
let first: Instance<OldTicket, NewTicket>;
beforeEach(async () => {
  deployment = new Deployment(await temporaryDirectory(), ticketDataset());
  lines = [];
  first = await deployment.instance({ log: listener(), label: 'first' });
  for (const n of [1, 2, 3]) await mutateTicket(first.engine, { holder: `h${n}`, show: 's' }, 'x', 'CREATE');
});
afterEach(() => deployment.close());

function listener(): Logger {
  const note = (level: string) => (facts: object, message: string) =>
    void lines.push({ level, message, facts: { ...facts } });
  return { debug: () => {}, info: note('info'), warn: note('warn'), error: note('error') };
}

/** Messages, with the place that a switch goes to. */
const story = (): readonly string[] =>
  lines.map(({ message, facts }) =>
    [message, facts['to'] ?? facts['state'] ?? facts['store']].filter(Boolean).join(': '),
  );

/** In any order, and by any instance that had entries to bring. */
const broughtTo = ['the journal was brought to the store: OLD', 'the journal was brought to the store: NEW'];

function behindTheBack(role: 'old' | 'new', statement: string): void {
  const db = new Database(deployment.file(role));
  db.exec(statement);
  db.close();
}

test('from OLD to NEW', async () => {
  // A second process does what the first does, and has nothing to add.
  await deployment.instance({ log: listener(), label: 'second' });
  const { engine } = first;
  await goTo(engine, place('MIGRATING'));
  await mutateTicket(engine, { holder: 'h4', show: 's' }, 'x', 'CREATE');
  // Its last batch can be seen before the one that copies tells of it.
  await until('the end of the copy was told', async () => story().includes('the copy is complete'));
  await goTo(engine, place('CATCHING_UP'));
  await until('nothing is pending', async () => (await engine.operator.journalStatus()).entries === 0);
  await until('it was told', () => broughtTo.every((line) => story().includes(line)));
  await goTo(engine, place('DUAL', 0));
  await goTo(engine, place('DUAL', 100));
  await verifyClean(engine);
  await goTo(engine, place('NEW'));

  const told = story();
  expect(told.filter((line) => !broughtTo.includes(line))).toEqual([
    'a switch is announced: MIGRATING',
    'the new state is in force: MIGRATING',
    'the copy has begun',
    'the copy is complete',
    'a switch is announced: CATCHING_UP',
    'the new state is in force: CATCHING_UP',
    'a switch is announced: DUAL at 0 percent',
    'the new state is in force: DUAL at 0 percent',
    'a switch is announced: DUAL at 100 percent',
    'the new state is in force: DUAL at 100 percent',
    'verifying',
    'verified: the stores agree',
    'a switch is announced: NEW',
    'the new state is in force: NEW',
  ]);
  expect(lines.filter(({ level }) => level !== 'info')).toEqual([]);

  const announced = lines.find(({ message }) => message === 'a switch is announced');
  expect(announced?.facts).toMatchObject({ from: 'OLD', epoch: 2, actor: 'test', reason: 'test', acceptedRisks: [] });
  const settled = lines.filter(({ message }) => message === 'the new state is in force');
  expect(settled.every(({ facts }) => typeof facts['pauseMs'] === 'number')).toBe(true);
  const copied = lines.find(({ message }) => message === 'the copy is complete');
  expect(copied?.facts).toMatchObject({ total: 3, copied: 3, quarantined: 0 });
});

test('what goes wrong is told louder: quarantine, differences, and that they were repaired', async () => {
  const { engine } = first;
  await mutateTicket(engine, { holder: 'h9', show: 's' }, 'x', 'CREATE');
  behindTheBack('old', `update tickets_old set seat = 'nowhere' where holder = 'h9'`);
  await goTo(engine, place('MIGRATING'));
  await until('the copy is complete', async () => (await engine.operator.copyProgress())?.complete === true);
  await engine.operator.waiveQuarantine('a test');
  await goTo(engine, place('CATCHING_UP'));
  await goTo(engine, place('DUAL', 0));
  behindTheBack('new', `update tickets_new set place = 'seat y' where holder = 'h1'`);
  await engine.operator.verify();
  await until('it has finished', async () => (await engine.operator.verification())?.running === false);
  await engine.operator.repair();
  await until('repaired', () => story().includes('differences were repaired'));
  const louder = lines
    .filter(({ level }) => level !== 'info')
    .map(({ level, message, facts }) => [level, message, facts]);
  expect(louder).toEqual([
    ['warn', 'the copy is complete', expect.objectContaining({ total: 4, copied: 3, quarantined: 1 })],
    ['warn', 'verified: the stores differ', expect.objectContaining({ differing: 1 })],
  ]);
  expect(lines.at(-1)?.facts).toMatchObject({ repaired: 1, left: 0 });
});
