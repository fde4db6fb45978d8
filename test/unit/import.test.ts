import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { beforeEach, describe, expect, test } from 'vitest';
import { openCatalogue, type CatalogueTables } from '../../src/activity/catalogue.ts';
import { participationDataset, type OldParticipation } from '../../src/activity/dataset.ts';
import { SAMPLE_EVENTS } from '../../src/activity/events.ts';
import { importParticipations } from '../../src/activity/import.ts';
import { phoneParser } from '../../src/activity/phone.ts';
import { importCommand } from '../../src/cli/import-command.ts';
import type { Environment } from '../../src/config.ts';
import { lockDirectory } from '../../src/directory-lock.ts';
import { systemClock } from '../../src/migration/clock.ts';
import type { ControlRecord, ControlStore } from '../../src/migration/control/control.ts';
import { sqlControl, type ControlTables } from '../../src/migration/control/sql/index.ts';
import { embeddedUrl, engineOf } from '../../src/migration/stores/open.ts';
import { EVERYTHING, type Store } from '../../src/migration/stores/store.ts';
import { temporaryDirectory } from '../support/tmp.ts';

const A_DAY = '2026-02-03T04:05:06.000000Z';
const HEADER = 'phone,event,answer,createdAt';

describe('import', () => {
  let dir: string;
  let dataDir: string;
  let control: ControlStore;
  let old: Store;

  beforeEach(async () => {
    dir = await temporaryDirectory();
    dataDir = join(dir, 'data');
  });

  const run = (...args: string[]) => runWith({ DATA_DIR: dataDir }, args);
  const runWith = async (env: Environment, args: readonly string[]) => {
    const written = { stdout: '', stderr: '' };
    const collect = (stream: 'stdout' | 'stderr') =>
      new Writable({
        write: (chunk, _, done) => {
          written[stream] += String(chunk);
          done();
        },
      });
    const output = { stdout: collect('stdout'), stderr: collect('stderr') };
    const code = await importCommand(args, env, output);
    return { code, ...written };
  };
  const file = async (content: string | Buffer, name = 'file.csv'): Promise<string> => {
    await writeFile(join(dir, name), content);
    return join(dir, name);
  };
  const rejected = () => readFile(join(dir, 'file.rejected.csv'), 'utf8');
  const summary = (imported: number, present: number, refused: number) =>
    new RegExp(
      `^${imported + present + refused} lines in [\\d.]+ s: ${imported} imported, ${present} there already, ${refused} rejected`,
    );

  /** What a server would open after the import. */
  const look = async <T>(work: () => Promise<T>): Promise<T> => {
    const url = embeddedUrl(dataDir, 'control');
    const database = engineOf(url).openDatabase<ControlTables & CatalogueTables>(url);
    control = sqlControl({ database, clock: systemClock });
    const dataset = participationDataset(await openCatalogue(database));
    old = engineOf(url).openStore(embeddedUrl(dataDir, 'old'), 'OLD', dataset);
    try {
      return await work();
    } finally {
      await old.close();
      await control.close();
    }
  };
  const stored = () =>
    look(async () => (await old.reader.page(EVERYTHING, 10_000)).map((found) => ('row' in found ? found.row : found)));
  const move = (changes: Partial<ControlRecord>) =>
    look(async () => {
      const record = await control.read('participation');
      if (!record) throw new Error('there is no record');
      await control.compareAndSet(record.revision, { ...record, ...changes, revision: record.revision + 1 });
    });
  const row = (phone: string, event: string, answer: string, createdAt = A_DAY): OldParticipation => ({
    phone,
    event,
    answer,
    createdAt,
    updatedAt: createdAt,
  });

  describe('of participations', () => {
    test('fills an empty directory; phones are normalised, quoted fields keep their line ends', async () => {
      const csv = await file(
        `\uFEFFevent,answer,phone,createdAt\r\n` +
          `send-1g-traffic,B,138 0013 8001,2026-02-03T04:05:06Z\r\n\r\n` +
          `send-2g-traffic,"yes,\r\n""or"" no\n",+8613800138001,2026-02-03T05:05:06.000000+01:00\r\n` +
          `send-1g-traffic,我觉得是B 👍🏽,0086 138-0013-8002,2026-02-03T04:05:06Z`,
      );
      expect(await run(csv)).toEqual({ code: 0, stdout: expect.stringMatching(summary(3, 0, 0)), stderr: '' });
      expect(await stored()).toEqual([
        row('+8613800138001', 'send-1g-traffic', 'B'),
        row('+8613800138001', 'send-2g-traffic', 'yes,\r\n"or" no\n'),
        row('+8613800138002', 'send-1g-traffic', '我觉得是B 👍🏽'),
      ]);
      expect(existsSync(join(dir, 'file.rejected.csv'))).toBe(false);
    });

    test('a second run changes nothing and counts them as there; without createdAt they were created now', async () => {
      const csv = await file('phone,event,answer\n13800138001,send-1g-traffic,B\n13800138002,send-1g-traffic,C\n');
      const before = new Date().toISOString();
      expect(await run(csv)).toMatchObject({ code: 0, stdout: expect.stringMatching(summary(2, 0, 0)) });
      const first = await stored();
      expect(first[0]).toMatchObject({ createdAt: expect.toSatisfy((at: string) => at >= before) });
      expect(await run(csv)).toMatchObject({ code: 0, stdout: expect.stringMatching(summary(0, 2, 0)) });
      expect(await stored()).toEqual(first);
    });

    test('rejects what contradicts a row that is there, and never changes it', async () => {
      await run(await file(`${HEADER}\n13800138001,send-1g-traffic,B,${A_DAY}\n`));
      const csv = await file(
        `${HEADER}\n13800138001,send-1g-traffic,B,\n13800138001,send-1g-traffic,C,\n` +
          `+8613800138001,send-1g-traffic,B,2026-02-03T04:05:06Z\n13800138001,send-1g-traffic,B,2026-02-03T04:05:07Z\n`,
      );
      expect(await run(csv)).toEqual({
        code: 1,
        stdout: expect.stringMatching(/ 2 there already, 2 rejected \(see .*file\.rejected\.csv\)/),
        stderr: '',
      });
      expect(await rejected()).toBe(
        'line,reason,phone,event,answer,createdAt\r\n' +
          '3,"this phone takes part already, with another answer",13800138001,send-1g-traffic,C,\r\n' +
          '5,"this phone takes part already, with another createdAt",13800138001,send-1g-traffic,B,2026-02-03T04:05:07Z\r\n',
      );
      expect(await stored()).toEqual([row('+8613800138001', 'send-1g-traffic', 'B')]);
    });

    test('of lines with one key in one file the first counts', async () => {
      const csv = await file(
        `${HEADER}\n13800138001,send-1g-traffic,B,${A_DAY}\n138-0013-8001,send-1g-traffic,B,\n` +
          `13800138001,send-1g-traffic,C,\n13800138001,send-1g-traffic,B,2026-01-01T00:00:00Z\n`,
      );
      expect(await run(csv)).toMatchObject({ code: 1, stdout: expect.stringMatching(summary(1, 1, 2)) });
      expect(await rejected()).toMatch(/^4,.*another answer.*\r\n5,.*another createdAt/m);
      expect(await stored()).toEqual([row('+8613800138001', 'send-1g-traffic', 'B')]);
    });

    test('rejects bad lines with their number and the reason, imports all others, and takes the mended file', async () => {
      const long = 'x'.repeat(10_001);
      const csv = await file(
        Buffer.concat([
          Buffer.from(
            [
              HEADER,
              `13800138001,send-1g-traffic,B,${A_DAY}`,
              'hello,send-1g-traffic,B,',
              '13800138002,no-such-event,B,',
              '13800138003,send-1g-traffic,,',
              `13800138004,send-1g-traffic,${long},`,
              '13800138005,send-1g-traffic,B,yesterday',
              '13800138006,send-1g-traffic',
              '13800138007,send-1g-traffic,B,,more',
              '13800138008,send-1g-traffic,"two\nlines"x,',
              '13800138009,send-1g-traffic,',
            ].join('\n'),
          ),
          Buffer.from([0xff, 0xfe]),
          Buffer.from(
            `,\n13800138010,send-1g-traffic,"B,\n13800138011,send-1g-traffic,${'😀'.repeat(10_000)},${A_DAY}\n`,
          ),
        ]),
      );
      expect(await run(csv)).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/: 2 imported, 0 there already, 11 /),
      });
      const [, ...lines] = (await rejected()).split('\r\n');
      const reasons = lines.filter(Boolean).map((line) => line.split(',').slice(0, 2).join(','));
      expect(reasons).toEqual([
        expect.stringMatching(/^3,.*hello.*not a phone number/),
        expect.stringMatching(/^4,.*no-such-event.*not in the catalogue/),
        expect.stringMatching(/^5,the answer has 0 characters/),
        expect.stringMatching(/^6,the answer has 10001 characters/),
        expect.stringMatching(/^7,.*yesterday.*RFC 3339 date and time/),
        expect.stringMatching(/^8,"it has 2 columns/),
        expect.stringMatching(/^9,"it has 5 columns/),
        expect.stringMatching(/^10,there is something behind the closing quote/),
        expect.stringMatching(/^11,/),
        expect.stringMatching(/^12,"?it has bytes that are not UTF-8/),
        expect.stringMatching(/^13,a quote is opened and not closed/),
      ]);
      expect(await stored()).toEqual([
        row('+8613800138001', 'send-1g-traffic', 'B'),
        row('+8613800138011', 'send-1g-traffic', '😀'.repeat(10_000)),
      ]);

      const mended = (await rejected())
        .split('\r\n')
        .slice(0, 3)
        .join('\r\n')
        .replace('13800138002,no-such-event', '13800138002,spring-2020')
        .replace('hello,send', '13800138020,send')
        .replaceAll(long, 'x');
      expect(await run(await file(mended, 'mended.csv'))).toMatchObject({ code: 0, stderr: '' });
      expect(await stored()).toHaveLength(4);
    });

    test('counts every line of many batches', async () => {
      const line = (i: number) => `+86138${String(i).padStart(8, '0')},send-1g-traffic,B,`;
      const csv = await file([HEADER, ...Array.from({ length: 1234 }, (_, i) => line(i))].join('\n'));
      expect(await run(csv)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^1,234 lines .*: 1,234 imported, 0 /),
      });
      const more = await file([HEADER, 'x,y', ...Array.from({ length: 2345 }, (_, i) => line(i))].join('\n'));
      expect(await run(more)).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/^2,346 lines .*: 1,111 imported, 1,234 there already, 1 rejected/),
      });
      expect(await stored()).toHaveLength(2345);
    });

    test('the file of rejected lines tells of the last run', async () => {
      await run(await file(`${HEADER}\nhello,send-1g-traffic,B,\n`));
      expect(await rejected()).toContain('hello');
      await run(await file(`${HEADER}\nbye,send-1g-traffic,B,\n`));
      expect(await rejected()).not.toContain('hello');
      await run(await file(`${HEADER}\n13800138001,send-1g-traffic,B,\n`));
      expect(existsSync(join(dir, 'file.rejected.csv'))).toBe(false);
    });

    test.each([
      ['a wrong header', 'telephone,event,answer\n', /lacks phone; "telephone" is none of them/],
      ['no header', '13800138001,send-1g-traffic,B\n', /lacks phone/],
      ['a missing column', 'phone,event,createdAt\n', /lacks answer/],
      ['a column twice', 'phone,event,answer,phone\n', /"phone" is there twice/],
      ['UTF-16', Buffer.from('\uFEFFphone,event,answer\n', 'utf16le'), /lacks phone/],
      ['a broken header', 'phone,"event"x,answer\n', /header \(line 1\) is not CSV/],
      ['nothing', '', /empty/],
    ])('a file with %s is refused in one line', async (_, content, why) => {
      const { code, stdout, stderr } = await run(await file(content));
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(why);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    });

    test('a file that is not there, a wrong command line and a bad variable are told in one line', async () => {
      expect(await run(join(dir, 'none.csv'))).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^ENOENT.*none\.csv'\n$/),
      });
      for (const args of [[], ['a.csv', 'b.csv'], ['--wrong'], ['--events'], ['--events', 'a.json', 'b.csv']]) {
        expect(await run(...args)).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Usage: npm run import/) });
      }
      expect(await run(dir)).toMatchObject({ code: 1, stderr: expect.stringMatching(/^EISDIR.*\n$/) });
      expect(await runWith({ DATA_DIR: dataDir, LEASE_MS: 'long' }, ['a.csv'])).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^LEASE_MS is "long".*\n$/),
      });
    });

    test.each([
      ['MIGRATING', { place: { state: 'MIGRATING', percent: 0 } as const }],
      ['NEW', { place: { state: 'NEW', percent: 100 } as const }],
      [
        'OLD, switching to MIGRATING',
        {
          switching: {
            to: { state: 'MIGRATING', percent: 0 },
            epoch: 2,
            phase: 'ANNOUNCE',
            since: A_DAY,
            actor: 'a',
            reason: 'r',
            acceptedRisks: [],
          } as const,
        },
      ],
    ])('in %s nothing is imported, and the exit code is 2', async (state, changes) => {
      await run(await file(`${HEADER}\n13800138001,send-1g-traffic,B,\n`));
      await move(changes);
      const { code, stdout, stderr } = await run(await file(`${HEADER}\n13800138002,send-1g-traffic,B,\n`));
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toBe(`Rows are imported in state OLD only; participation is in ${state}.\n`);
      expect(await stored()).toHaveLength(1);
    });

    test('stops when the old store is switched under it, and says what it had done', async () => {
      await run(await file(`${HEADER}\n`));
      const lines = Array.from({ length: 2000 }, (_, i) => `+86138${String(i).padStart(8, '0')},send-1g-traffic,B,`);
      const csv = await file([HEADER, ...lines].join('\n'));
      await look(async () => {
        const deployment = await control.open();
        const events = new Map(SAMPLE_EVENTS.map((event) => [event.name, event]));
        let batches = 0;
        const done = await importParticipations({
          file: csv,
          rejectedFile: `${csv}.rejected`,
          dataset: participationDataset({ getMany: async () => events }),
          catalogue: { getMany: async () => events },
          phones: phoneParser(),
          epoch: 1,
          now: A_DAY,
          writer: {
            insertMissing: async (epoch, rows) => {
              batches += 1;
              const fence = { epoch: 2, step: 1, mode: 'CLOSED', run: null, deployment } as const;
              if (batches === 3) await old.fence.raise(fence, { timeoutMs: 1000 });
              return old.writer.insertMissing(epoch, rows);
            },
          },
        });
        expect(done).toEqual({ lines: 1000, imported: 1000, present: 0, rejected: 0, fenced: true });
        expect(await old.reader.count(EVERYTHING)).toBe(1000);
      });
    });

    test('what the store itself refuses is a rejected line', async () => {
      await run(await file(`${HEADER}\n`));
      await look(async () => {
        const url = embeddedUrl(dataDir, 'old');
        const database = engineOf(url).openDatabase(url);
        await old.ping();
        await database.migrate([
          `create trigger never before insert on participation_old when new.answer = 'never' begin select raise(abort, 'no such answer'); end`,
        ]);
        await database.close();
      });
      const csv = await file(`${HEADER}\n13800138001,send-1g-traffic,never,\n13800138002,send-1g-traffic,B,\n`);
      expect(await run(csv)).toMatchObject({ code: 1, stdout: expect.stringMatching(summary(1, 0, 1)) });
      expect(await rejected()).toMatch(/^2,the store refuses it: no such answer/m);
    });

    test('a running server keeps it out', async () => {
      const lock = lockDirectory(dataDir);
      const csv = await file(`${HEADER}\n`);
      expect(await run(csv)).toEqual({
        code: 1,
        stdout: '',
        stderr: `Another process is using ${dataDir}: stop it first, or set DATA_DIR to another directory.\n`,
      });
      lock.release();
      expect(await run(csv)).toMatchObject({ code: 0 });
    });
  });

  describe('of events', () => {
    const event = (name: string, codes: readonly string[] = ['C-1', 'C-2']) => ({
      name,
      question: 'Why?',
      reward: 'a medal',
      opensAt: '2026-01-01T08:00:00+08:00',
      choices: codes.map((code, i) => ({ answer: `answer ${i}`, code, correct: i === 0 })),
    });
    const json = (content: unknown) => file(JSON.stringify(content), 'events.json');
    const catalogued = () =>
      look(async () => {
        const url = embeddedUrl(dataDir, 'control');
        const database = engineOf(url).openDatabase<CatalogueTables>(url);
        const { events } = await (await openCatalogue(database)).page(null, 100);
        await database.close();
        return events;
      });

    test('fills the catalogue; rows of these events can be imported', async () => {
      expect(await run('--events', await json([event('one'), event('two')]))).toEqual({
        code: 0,
        stdout: '2 events: 2 in the catalogue, 0 rejected.\n',
        stderr: '',
      });
      expect(await catalogued()).toMatchObject([
        { name: 'one', opensAt: '2026-01-01T00:00:00.000000Z', closesAt: null },
        { name: 'two', choices: [{ code: 'C-1', correct: true }, { code: 'C-2' }] },
      ]);
      expect(await run(await file(`${HEADER}\n13800138001,two,B,\n`))).toMatchObject({ code: 0 });
    });

    test('an event that is refused is named, and does not keep the others out', async () => {
      const { code, stdout, stderr } = await run(
        '--events',
        await json([{ ...event('one'), opensAt: 'soon' }, event('two'), 'three']),
      );
      expect({ code, stdout }).toEqual({ code: 1, stdout: '3 events: 1 in the catalogue, 2 rejected.\n' });
      expect(stderr).toMatch(/^Event "one": opensAt must be an RFC 3339.*\nEvent number 3: .+\n$/);
      expect(await catalogued()).toMatchObject([{ name: 'two' }]);
    });

    test('choices can be added in OLD, not while the dataset is on its way', async () => {
      await run('--events', await json([event('one')]));
      const more = await json([event('one', ['C-1', 'C-2', 'C-3'])]);
      await run(await file(`${HEADER}\n`));
      await move({ place: { state: 'MIGRATING', percent: 0 } });
      const { code, stderr } = await run('--events', more);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^Event "one": .*only while the migration is settled in OLD or NEW/);
      await move({ place: { state: 'OLD', percent: 0 } });
      expect(await run('--events', more)).toMatchObject({ code: 0 });
      expect((await catalogued())[0]?.choices).toHaveLength(3);
      await look(async () => expect(await control.instances('participation', 10_000)).toEqual([]));
    });

    test('a file that is no list of events is refused in one line', async () => {
      expect(await run('--events', await file('[{', 'events.json'))).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^The file is not JSON: .*\n$/),
      });
      expect(await run('--events', await json({}))).toMatchObject({
        code: 1,
        stderr: 'The file must hold a JSON array of events.\n',
      });
    });
  });

  test('as a command: exit code, and no progress bar where there is no terminal', async () => {
    const csv = await file(`${HEADER}\n13800138001,send-1g-traffic,B,\nhello,send-1g-traffic,B,\n`);
    const command = new URL('../../src/cli/import.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [command, csv], {
      env: { ...process.env, DATA_DIR: dataDir },
      stdio: 'pipe',
    });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(summary(1, 0, 1));
  });
});
