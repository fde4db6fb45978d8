/** The command line, as an operator uses it: against a real server, from the start to NEW, and the way back. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import SqliteDriver from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ArgumentSpec, OptionSpec } from '../../src/cli/crossfade/command.ts';
import { EXIT_CODES } from '../../src/cli/crossfade/exit.ts';
import { CHANGE_OPTIONS, COMMANDS, COMMON_OPTIONS, crossfadeCommand } from '../../src/cli/crossfade/program.ts';
import { wayBack } from '../../src/cli/crossfade/way-back.ts';
import { findMove, STATES } from '../../src/migration/states.ts';
import { ServerProcess, TOKEN } from '../support/kill/server.ts';
import { temporaryDirectory } from '../support/tmp.ts';

let directory: string;
let server: ServerProcess;
let url: string;
beforeAll(async () => {
  directory = await temporaryDirectory();
  server = new ServerProcess(directory, { SAMPLE_DATA: '300', LOG_LEVEL: 'warn' });
  expect(await server.start()).toBeNull();
  url = await server.url;
}, 60_000);
afterAll(() => server.dispose());

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function crossfade(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const said = { stdout: '', stderr: '' };
  const code = await crossfadeCommand(
    args,
    { CROSSFADE_URL: url, ADMIN_TOKEN: TOKEN, DATA_DIR: directory, ...env },
    { stdout: { write: (text) => (said.stdout += text) }, stderr: { write: (text) => (said.stderr += text) } },
  );
  return { code, ...said };
}

/** A command that must succeed. */
async function done(command: string, ...more: readonly string[]): Promise<string> {
  const ran = await crossfade([...command.split(' '), ...more]);
  expect(ran, command).toMatchObject({ code: 0, stderr: '' });
  return ran.stdout;
}

async function json<T>(command: string): Promise<T> {
  const lines = (await done(`${command} --json`)).trimEnd().split('\n');
  return JSON.parse(lines.at(-1) ?? '') as T;
}

interface Place {
  readonly state: string;
  readonly readNewPercent: number;
}
const place = async (): Promise<string> => {
  const { state, readNewPercent } = await json<Place>('status');
  return `${state} ${readNewPercent}`;
};
const why = ['--reason', 'ticket 4711'] as const;

test('status and doctor say where it stands, and that nothing is amiss', async () => {
  const said = await done('status');
  expect(said).toMatch(/^participation is in OLD, epoch \d+\.\n/);
  expect(said).toMatch(/^ {2}possible {2}MIGRATING$/m);
  expect(await json('status')).toMatchObject({
    state: 'OLD',
    settled: true,
    unanswered: [],
    moves: [{ to: 'MIGRATING' }],
  });
  expect(await done('doctor')).toMatch(/Nothing is amiss\.\n$/);
  expect(await done('back', ...why)).toContain('none is needed');
});

test('a dry run changes nothing, whatever the command', async () => {
  const before = await json('status');
  const dry = [
    ['switch', 'MIGRATING', ...why],
    ['copy', 'pause'],
    ['copy', 'resume'],
    ['copy', 'rate', '100'],
    ['copy', 'rate', 'none'],
    ['quarantine', 'retry'],
    ['quarantine', 'waive', ...why],
    ['logic', 'NEW'],
    ['back', ...why],
  ];
  // In DUAL alone they would do something.
  const barred = [
    ['verify', '--wait'],
    ['repair', '--wait'],
  ];
  for (const args of barred)
    expect(await crossfade([...args, '--dry-run'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('In OLD'),
    });
  for (const args of dry) expect(await crossfade([...args, '--dry-run']), args.join(' ')).toMatchObject({ code: 0 });
  expect(new Set([...dry, ...barred].map(([name]) => name))).toEqual(
    new Set(COMMANDS.filter(({ changes }) => changes).map(({ name }) => name)),
  );
  const after = await json<object>('status');
  expect({ ...after, instances: [] }).toEqual({ ...(before as object), instances: [] });
});

test('from the start to the middle, and back, step by step', async () => {
  await done('copy rate 100000');
  await done('switch MIGRATING', ...why);
  expect(await done('back', ...why)).toContain('It is in RETREATING');
  await done('back --wait', ...why);
  expect(await place()).toBe('OLD 0');

  await done('switch MIGRATING', ...why);
  await done('switch CATCHING_UP --wait', ...why);
  await done('back --wait', ...why);
  expect(await place()).toBe('DUAL 0');
  await done('switch DUAL --percent 30 --wait', ...why);
  await done('back --wait', ...why);
  expect(await place()).toBe('DUAL 0');
  await done('back --wait', ...why);
  expect(await place()).toBe('OLD 0');
});

/** The code of the answer "planted", which nobody gave. */
const PLANTED = '~cGxhbnRlZA';

/** Behind the product's back: a row of the new store gets another code, and one goes away. */
async function plantDifferences(): Promise<void> {
  const store = new SqliteDriver(join(directory, 'data', 'new.sqlite'));
  try {
    const row = 'phone = ? and event = ?';
    const [changed, removed] = store.prepare('select phone, event from participation_new limit 2').raw().all();
    store.prepare(`update participation_new set recommendation_code = '${PLANTED}' where ${row}`).run(changed);
    store.prepare(`delete from participation_new where ${row}`).run(removed);
  } finally {
    store.close();
  }
}

test('from the start to NEW', async () => {
  await done('switch MIGRATING', ...why);
  expect(await done('watch --until copied --every 100')).toContain('copy 300 of 300 rows');
  expect(await json('quarantine')).toMatchObject({ totalCount: 0 });
  await done('switch CATCHING_UP', ...why);
  await done('switch DUAL --percent 0 --wait', ...why);
  const barred = await crossfade(['switch', 'NEW', ...why]);
  expect(barred).toMatchObject({ code: 3, stderr: '' });
  expect(barred.stdout).toMatch(/^The way to NEW is barred:\n {2}NOT_ADJACENT: /);
  await done('switch DUAL --percent 100 --wait', ...why);
  expect(await crossfade(['switch', 'NEW', ...why, '--json'])).toMatchObject({ code: 3 });
  await plantDifferences();
  expect(await crossfade(['verify', '--wait'])).toMatchObject({ code: 5, stderr: '' });
  const found = await done('differences');
  expect(found).toMatch(/^[23] differences\n/);
  expect(found).toMatch(/ recommendationCode: DIFFERS, old ".+", new ".*~cGxhbnRlZA.*"$/m);
  expect(found).toMatch(/: ONLY_IN_OLD, old \{"phone":.+\}, new nothing$/m);
  expect(await done('switch DUAL --percent 0 --wait', ...why)).toContain('DUAL at 0 percent');
  expect(await done('repair --wait')).toBe('No difference is left.\n');
  await done('switch DUAL --percent 100 --wait', ...why);
  expect(await done('verify --wait')).toMatch(/0 differ, 0 repaired, clean\n$/);
  expect(await json('differences')).toEqual({ totalCount: 0, nodes: [], next: null });
  await done('logic BOTH');
  await done('switch NEW --wait', ...why);
  expect(await place()).toBe('NEW 100');
  await done('logic follow');

  const { nodes, totalCount } = await json<{ totalCount: number; nodes: { to: string; reason: string }[] }>(
    'history --first 2',
  );
  expect(nodes).toMatchObject([{ to: 'NEW', reason: 'ticket 4711' }, { to: 'DUAL' }]);
  expect(totalCount).toBeGreaterThan(10);
  expect(await crossfade(['back', ...why])).toMatchObject({ code: 3 });
});

describe('what goes wrong has a code of its own', () => {
  test.each<{
    readonly what: string;
    readonly args: readonly string[];
    readonly env?: Record<string, string>;
    readonly code: number;
    readonly says: RegExp;
  }>([
    {
      what: 'nothing answers',
      args: ['status'],
      env: { CROSSFADE_URL: 'http://127.0.0.1:1' },
      code: 1,
      says: /^Nothing answers at http/,
    },
    { what: 'no command', args: ['nonsense'], code: 2, says: /unknown command/ },
    { what: 'no reason', args: ['switch', 'NEW'], code: 2, says: /--reason/ },
    { what: 'an empty reason', args: ['back', '--reason', ' '], code: 2, says: /--reason must say why/ },
    { what: 'no such state', args: ['switch', 'NOWHERE', ...why], code: 2, says: /Allowed choices are OLD/ },
    { what: 'DUAL without a percentage', args: ['switch', 'DUAL', ...why], code: 2, says: /DUAL needs --percent/ },
    {
      what: 'a percentage of 101',
      args: ['switch', 'DUAL', '--percent', '101', ...why],
      code: 2,
      says: /0 to 100, not "101"/,
    },
    {
      what: 'a risk that is none',
      args: ['switch', 'NEW', '--accept-risk', 'HOPE', ...why],
      code: 2,
      says: /Allowed choices are JOURNAL_UNSAFE/,
    },
    {
      what: 'an address that is none',
      args: ['status'],
      env: { CROSSFADE_URL: 'here' },
      code: 2,
      says: /^CROSSFADE_URL must be/,
    },
    { what: 'no such dataset', args: ['copy', 'pause', '--dataset', 'none'], code: 2, says: /no dataset "none"/ },
    { what: 'a cursor that is none', args: ['history', '--after', 'x'], code: 2, says: /./ },
    { what: 'another epoch', args: ['switch', 'OLD', '--expected-epoch', '1', ...why], code: 4, says: /^$/ },
    { what: 'no token', args: ['status'], env: { ADMIN_TOKEN: '' }, code: 6, says: /token/ },
    {
      what: 'a wrong token',
      args: ['copy', 'pause'],
      env: { ADMIN_TOKEN: 'wrong' },
      code: 6,
      says: /^A valid admin token is required/,
    },
    {
      what: 'a token file that is not there',
      args: ['status', '--token-file', '/nowhere'],
      code: 2,
      says: /^The token file/,
    },
  ])('$what: $code', async ({ args, env, code, says }) => {
    const ran = await crossfade(args, env);
    expect(ran.code).toBe(code);
    expect(ran.stderr).toMatch(says);
    expect(ran.stderr + ran.stdout).not.toContain(TOKEN);
  });

  test('for scripts it is JSON', async () => {
    const { stderr } = await crossfade(['status', '--json'], { ADMIN_TOKEN: 'wrong' });
    expect(JSON.parse(stderr)).toEqual({ error: { message: expect.any(String), code: 'UNAUTHENTICATED' } });
  });

  test.each([
    [['nonsense', '--json'], "unknown command 'nonsense'"],
    [['switch', 'NOWHERE', ...why, '--json'], expect.stringContaining('Allowed choices are OLD')],
    [['switch', 'NEW', '--json'], expect.stringMatching(/^required option '--reason/)],
    [['status', '--json', '--such'], "unknown option '--such'"],
    [['--json'], expect.any(String)],
  ])('for scripts a command line that cannot be read is JSON too: %j', async (args, message: unknown) => {
    const { code, stdout, stderr } = await crossfade(args);
    expect({ code, stdout }).toEqual({ code: EXIT_CODES.USAGE.code, stdout: '' });
    expect(JSON.parse(stderr)).toEqual({ error: { message, code: null } });
  });

  test('doctor: what is amiss, and what to change', async () => {
    const { code, stdout } = await crossfade(['doctor'], { ADMIN_TOKEN: 'wrong' });
    expect(code).toBe(EXIT_CODES.UNHEALTHY.code);
    expect(stdout).toMatch(/^AMISS migration: .* Set ADMIN_TOKEN/m);
    const away = await crossfade(['doctor', '--local'], {
      CROSSFADE_URL: 'http://127.0.0.1:1',
      OLD_STORE_URL: 'postgres://me:hush@127.0.0.1:1/none',
      JOURNAL_URL: 'redis://127.0.0.1:1',
    });
    expect(away.code).toBe(EXIT_CODES.UNHEALTHY.code);
    for (const check of ['server', 'old store', 'journal'])
      expect(away.stdout).toMatch(new RegExp(`^AMISS ${check}: `, 'm'));
    expect(away.stdout).toMatch(/^ok +new store: embedded$/m);
    expect(away.stdout).not.toContain('hush');
  });
});

test('the token: from the named file, else from the variable, else from the directory of the server', async () => {
  const file = join(directory, 'token');
  await writeFile(file, `${TOKEN}\n`);
  expect(await crossfade(['status', '--token-file', file], { ADMIN_TOKEN: 'wrong' })).toMatchObject({ code: 0 });
  await writeFile(join(directory, 'admin-token'), TOKEN);
  expect(await crossfade(['status'], { ADMIN_TOKEN: '' })).toMatchObject({ code: 0 });
});

test('the way back is made of moves of the ladder, and ends in OLD', () => {
  for (const state of STATES) {
    for (const percent of state === 'DUAL' ? [0, 50, 100] : [state === 'NEW' ? 100 : 0]) {
      let at = { state, percent };
      for (let steps = 0; at.state !== 'OLD' && at.state !== 'NEW'; steps++) {
        const step = wayBack({ state: at.state, readNewPercent: at.percent, switching: null });
        if ('none' in step) throw new Error(`${at.state}: ${step.none}`);
        const next = { state: step.to, percent: step.readNewPercent ?? 0 };
        expect(findMove(at, next)).not.toBeNull();
        expect(steps).toBeLessThan(4);
        at = next;
      }
    }
  }
});

describe('docs/cli.md', async () => {
  const text = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  const rows = (heading: string): readonly string[] => {
    const [, body = ''] = text.split(`\n## ${heading}\n`);
    const table = body.split('\n## ')[0] ?? '';
    return table
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(1);
  };
  const face = ({ name, optional }: ArgumentSpec): string => (optional ? `[${name}]` : `<${name}>`);
  const told = ({ meaning, choices }: ArgumentSpec | OptionSpec): string =>
    choices ? `${meaning}: ${choices.map((choice) => `\`${choice}\``).join(', ')}` : meaning;

  test('has each command', () => {
    expect(rows('Commands')).toEqual(
      COMMANDS.map(
        ({ name, arguments: given = [], meaning }) => `| \`${[name, ...given.map(face)].join(' ')}\` | ${meaning} |`,
      ),
    );
  });

  test('has each argument and option', () => {
    const of = (who: string, options: readonly OptionSpec[]) =>
      options.map((option) => `| ${who} | \`${option.flags}\` | ${told(option)} |`);
    expect(rows('Arguments and options')).toEqual([
      ...COMMANDS.flatMap(({ name, arguments: given = [], options = [] }) => [
        ...given.map((argument) => `| \`${name}\` | \`${argument.name}\` | ${told(argument)} |`),
        ...of(`\`${name}\``, options),
      ]),
      ...of('what changes something', CHANGE_OPTIONS),
      ...of('every command', COMMON_OPTIONS),
    ]);
  });

  test('has each exit code', () => {
    expect(rows('Exit codes')).toEqual(
      Object.values(EXIT_CODES).map(({ code, means }) => `| \`${code}\` | ${means} |`),
    );
  });
});
