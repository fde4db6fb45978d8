/** What every control store must do. An engine's test hands in how to make an empty database and how to open handles to it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../src/migration/clock.ts';
import type {
  AuditEntry,
  ControlRecord,
  ControlStore,
  FoundDifference,
  Renewal,
  Transition,
  RangeStep,
  VerificationRange,
  VerificationRow,
} from '../../src/migration/control/control.ts';
import { sqlControl, type ControlTables } from '../../src/migration/control/sql/index.ts';
import { compareKeys } from '../../src/migration/key.ts';
import type { SqlDatabase } from '../../src/migration/sql/database.ts';

export interface ControlFixture {
  /** A new handle to this fixture's database; the contract closes it. */
  connect(): SqlDatabase<ControlTables>;
  dispose(): Promise<void>;
}

const START = Date.parse('2026-03-01T12:00:00.000Z');
const at = (ms: number): string => new Date(START + ms).toISOString();

const record = (changes: Partial<ControlRecord> = {}): ControlRecord => ({
  dataset: 'things',
  revision: 1,
  place: { state: 'OLD', percent: 0 },
  epoch: 1,
  lastNumber: 1,
  run: null,
  switching: null,
  pinnedLogic: null,
  incarnation: null,
  copy: { paused: false, rateLimit: null },
  dualSince: null,
  ...changes,
});

const transition = (epoch: number, changes: Partial<Transition> = {}): Transition => ({
  from: { state: 'DUAL', percent: 10 },
  to: { state: 'DUAL', percent: 20 },
  epoch,
  actor: 'ann',
  reason: 'because',
  at: at(epoch),
  pauseMs: null,
  acceptedRisks: [],
  dropped: 0,
  ...changes,
});

const renewal = (id: string, changes: Partial<Renewal> = {}): Renewal => ({
  dataset: 'things',
  id,
  label: `label of ${id}`,
  leaseMs: 2000,
  epoch: 1,
  answered: 1,
  ...changes,
});

const firstVerification = (changes: Partial<VerificationRow> = {}): Omit<VerificationRow, 'number'> => ({
  dataset: 'things',
  epoch: 4,
  startedAt: at(0),
  finishedAt: null,
  covered: false,
  checked: 0,
  total: 100,
  differing: 0,
  repaired: 0,
  failed: null,
  ...changes,
});

const differs = (
  key: string,
  field: string | null = null,
  changes: Partial<FoundDifference> = {},
): FoundDifference => ({
  key,
  field,
  kind: 'DIFFERS',
  old: '"a"',
  new: '"b"',
  ...changes,
});

type Db = Parameters<Parameters<SqlDatabase<ControlTables>['write']>[0]>[0];

const covers = (position: string, step: Partial<RangeStep> = {}): RangeStep => ({
  position,
  covered: false,
  checked: 10,
  differing: 1,
  ...step,
});
const ends = (position: string, step: Partial<RangeStep> = {}): RangeStep =>
  covers(position, { covered: true, ...step });

function there(range: VerificationRange | undefined): VerificationRange {
  if (!range) throw new Error('there is no such range');
  return range;
}

export function controlContract(engine: string, makeFixture: () => Promise<ControlFixture>): void {
  let fixture: ControlFixture;
  let opened: ControlStore[];
  let control: ControlStore;
  let now: number;
  const clock: Clock = { monotonic: () => now, wall: () => now, delay: () => Promise.resolve() };

  const connect = (): ControlStore => {
    const store = sqlControl({ database: fixture.connect(), clock });
    opened.push(store);
    return store;
  };

  /** A run that is split at these keys. */
  const splitAt = async (cuts: readonly string[]): Promise<VerificationRow> => {
    const started = await control.startVerification(firstVerification());
    expect(await control.splitVerification(started, cuts)).toBe(true);
    return started;
  };
  /** The run as it is when one range has covered everything and found this. */
  const foundIn = async (started: VerificationRow, found: readonly FoundDifference[]) => {
    await control.splitVerification(started, []);
    const [range] = await control.verificationRanges(started);
    const done = await control.advanceVerification(started, there(range), ends('z'), found);
    if (!done) throw new Error('the run is another one');
    return done;
  };

  beforeEach(async () => {
    now = START;
    opened = [];
    fixture = await makeFixture();
    control = connect();
    await control.open();
  });

  afterEach(async () => {
    for (const store of opened) await store.close();
    await fixture.dispose();
  });

  describe(`the control store on ${engine}`, () => {
    describe('opening', () => {
      test('makes one deployment id, whoever opens first and however often', async () => {
        const id = await control.open();
        expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        expect(await Promise.all([connect().open(), connect().open()])).toEqual([id, id]);
      });

      test('keeps everything for the next process', async () => {
        const id = await control.open();
        await control.create(record());
        const next = record({ revision: 2, epoch: 2 });
        await control.compareAndSet(1, next, transition(2));
        await control.close();
        opened = [];

        control = connect();
        expect(await control.open()).toBe(id);
        expect(await control.read('things')).toEqual(next);
        expect(await control.history('things', null, 10)).toEqual([transition(2)]);
      });

      test('pings, and says CONTROL_UNAVAILABLE with the cause when the database is gone', async () => {
        await control.ping();
        await control.close();
        opened = [];
        const failure = { code: 'CONTROL_UNAVAILABLE', cause: expect.any(Error) };
        await expect(control.ping()).rejects.toMatchObject(failure);
        await expect(control.read('things')).rejects.toMatchObject(failure);
        await expect(control.renew(renewal('a'))).rejects.toMatchObject(failure);
        await expect(control.compareAndSet(1, record({ revision: 2 }))).rejects.toMatchObject(failure);
      });
    });

    describe('the record', () => {
      test('is not there before it is created', async () => {
        expect(await control.read('things')).toBeNull();
        expect(await control.compareAndSet(1, record({ revision: 2 }))).toBeNull();
        expect(await control.read('things')).toBeNull();
      });

      test('is created once: later creators get the one that stands', async () => {
        expect(await control.create(record())).toEqual(record());
        expect(await connect().create(record({ place: { state: 'NEW', percent: 100 } }))).toEqual(record());
        await control.create(record({ dataset: 'others', epoch: 7 }));
        expect(await control.read('things')).toEqual(record());
        expect(await control.read('others')).toEqual(record({ dataset: 'others', epoch: 7 }));
      });

      test('comes back as it was written, every field', async () => {
        await control.create(record());
        const full = record({
          revision: 2,
          place: { state: 'DUAL', percent: 35 },
          epoch: 1_500_000,
          lastNumber: 1_500_001,
          run: 3,
          switching: {
            to: { state: 'DUAL', percent: 100 },
            epoch: 1_500_001,
            phase: 'FLIP',
            since: at(5),
            actor: "o'hara",
            reason: 'more — 更多 "quoted"',
            acceptedRisks: ['JOURNAL_UNSAFE', 'OLD_STORE_CHANGED'],
          },
          pinnedLogic: 'BOTH',
          incarnation: '',
          copy: { paused: true, rateLimit: 250 },
          dualSince: at(3),
        });
        expect(await control.compareAndSet(1, full)).toEqual(full);
        expect(await control.read('things')).toEqual(full);

        const plain = record({ revision: 3 });
        await control.compareAndSet(2, plain);
        expect(await control.read('things')).toEqual(plain);
      });

      test('refuses a revision that does not follow', async () => {
        await control.create(record());
        await expect(control.compareAndSet(1, record({ revision: 3 }))).rejects.toThrow(RangeError);
        await expect(control.compareAndSet(1, record({ revision: 1 }))).rejects.toThrow(RangeError);
        expect(await control.read('things')).toEqual(record());
      });

      test('of many that change one revision exactly one wins, and only its transition is in the history', async () => {
        await control.create(record());
        const handles = [control, connect(), connect()];
        let current = record();
        for (let round = 1; round <= 5; round++) {
          const attempts = handles.flatMap((handle, i) =>
            [1, 2].map((n) => {
              const mine = `handle ${i}, attempt ${n}, round ${round}`;
              const next = { ...current, revision: current.revision + 1, incarnation: mine };
              return handle.compareAndSet(current.revision, next, transition(round, { reason: mine }));
            }),
          );
          const winners = (await Promise.all(attempts)).filter((result) => result !== null);
          expect(winners).toHaveLength(1);
          current = (await control.read('things')) ?? current;
          expect(winners).toEqual([current]);
          const [newest] = await control.history('things', null, 1);
          expect(newest?.reason).toBe(current.incarnation);
        }
        expect(await control.historyCount('things')).toBe(5);
      });

      test('tells listeners of changes made through this handle, after the commit, until they unsubscribe', async () => {
        const heard: Promise<readonly [string, number | undefined]>[] = [];
        const made = new Set<number>();
        const stop = control.onChange((change) => {
          if (!change || made.has(change.revision)) return;
          made.add(change.revision);
          heard.push(control.read(change.dataset).then((seen) => [change.dataset, seen?.revision] as const));
        });
        await control.create(record());
        await control.create(record());
        await control.compareAndSet(1, record({ revision: 2 }));
        await control.compareAndSet(1, record({ revision: 2 }));
        stop();
        stop();
        await control.compareAndSet(2, record({ revision: 3 }));
        expect(heard).toHaveLength(2);
        expect((await heard[1])?.[0]).toBe('things');
        expect((await heard[1])?.[1]).toBeGreaterThanOrEqual(2);
      });
    });

    describe('instances', () => {
      test('register before there is a record, and read it once there is one', async () => {
        expect(await control.renew(renewal('a'))).toBeNull();
        expect(await control.instances('things', 1)).toEqual([
          {
            id: 'a',
            label: 'label of a',
            epoch: 1,
            answered: 1,
            leaseMs: 2000,
            lastSeenAt: at(0),
            leaseExpiresAt: at(2000),
          },
        ]);
        await control.create(record());
        expect(await control.renew(renewal('a'))).toEqual(record());
      });

      test('renew with what they answer; one row an instance and dataset', async () => {
        await control.renew(renewal('a'));
        await control.renew(renewal('a', { dataset: 'others' }));
        now += 700;
        await connect().renew(renewal('a', { label: 'other', leaseMs: 3000, epoch: 5, answered: 9 }));
        expect(await control.instances('things', 1000)).toEqual([
          {
            id: 'a',
            label: 'other',
            epoch: 5,
            answered: 9,
            leaseMs: 3000,
            lastSeenAt: at(700),
            leaseExpiresAt: at(3700),
          },
        ]);
        expect(await control.instances('others', 1000)).toMatchObject([{ id: 'a', epoch: 1 }]);
      });

      test('whoever reads an announced record late is seen by the one who announced it', async () => {
        await control.create(record());
        const other = connect();
        for (let revision = 1; revision <= 10; revision++) {
          const id = `instance ${revision}`;
          const [seen, known] = await Promise.all([
            other.renew(renewal(id)),
            control
              .compareAndSet(revision, record({ revision: revision + 1 }))
              .then(() => control.instances('things', 1000)),
          ]);
          const readTheOldOne = seen?.revision === revision;
          expect(readTheOldOne && !known.some((instance) => instance.id === id)).toBe(false);
        }
      });

      test('are those seen lately, and gone when they release', async () => {
        await control.renew(renewal('a'));
        now += 1000;
        await control.renew(renewal('b'));
        expect(await control.instances('things', 1000)).toMatchObject([{ id: 'a' }, { id: 'b' }]);
        expect(await control.instances('things', 999)).toMatchObject([{ id: 'b' }]);
        expect(await control.instances('things', null)).toMatchObject([{ id: 'a' }, { id: 'b' }]);
        await control.release('others', 'b');
        expect(await control.instances('things', 999)).toMatchObject([{ id: 'b' }]);
        await control.release('things', 'b');
        expect(await control.instances('things', 1000)).toMatchObject([{ id: 'a' }]);
      });

      test('are forgotten after ten leases, not before a minute, and never under a lease', async () => {
        const known = async (): Promise<readonly string[]> =>
          (await control.instances('things', null)).map((instance) => instance.id);
        await control.renew(renewal('a'));
        await control.renew(renewal('long', { leaseMs: 100_000 }));
        await control.renew(renewal('b', { dataset: 'others' }));
        now = START + 60_000;
        await control.renew(renewal('me'));
        expect(await known()).toEqual(['a', 'long', 'me']);
        now = START + 60_001;
        await control.renew(renewal('me'));
        expect(await known()).toEqual(['long', 'me']);
        now = START + 100_001;
        await control.renew(renewal('me', { leaseMs: 11_000 }));
        expect(await known()).toEqual(['long', 'me']);
        now = START + 110_001;
        await control.renew(renewal('me', { leaseMs: 11_000 }));
        expect(await known()).toEqual(['me']);
        expect(await control.instances('others', null)).toMatchObject([{ id: 'b' }]);
      });
    });

    describe('history', () => {
      test('is newest first, page by page, as it was written', async () => {
        await control.create(record());
        await control.create(record({ dataset: 'others' }));
        expect(await control.history('things', null, 10)).toEqual([]);
        expect(await control.historyCount('things')).toBe(0);
        const written: Transition[] = [];
        for (let n = 1; n <= 12; n++) {
          const made = transition(n * 2, {
            pauseMs: n / 4,
            dropped: n,
            acceptedRisks: ['JOURNAL_UNSAFE'],
            reason: `${n}`,
          });
          written.unshift(made);
          await control.compareAndSet(n, record({ revision: n + 1 }), made);
        }
        await control.compareAndSet(1, record({ dataset: 'others', revision: 2 }), transition(3));

        expect(await control.history('things', null, 100)).toEqual(written);
        expect(await control.history('things', null, 5)).toEqual(written.slice(0, 5));
        expect(await control.history('things', 16, 3)).toEqual(written.slice(5, 8));
        expect(await control.historyCount('things')).toBe(12);
        expect(await control.historyCount('others')).toBe(1);
      });

      test('is only added to: an epoch that is there already stays as it is, and takes its record with it', async () => {
        await control.create(record());
        await control.compareAndSet(1, record({ revision: 2 }), transition(2));
        const again = control.compareAndSet(2, record({ revision: 3 }), transition(2, { reason: 'rewritten' }));
        await expect(again).rejects.toMatchObject({ code: 'CONTROL_UNAVAILABLE' });
        expect(await control.history('things', null, 10)).toEqual([transition(2)]);
        expect(await control.read('things')).toEqual(record({ revision: 2 }));
      });
    });

    describe('the audit trail', () => {
      const begun = (n: number, changes: Partial<AuditEntry> = {}): AuditEntry => ({
        id: `command ${n}`,
        phase: 'BEGUN',
        at: at(n),
        dataset: 'things',
        actor: 'ann',
        command: 'pauseCopy',
        reason: null,
        requestId: `request ${n}`,
        input: { rowsPerSecond: n, text: "'; drop table crossfade_audit; --" },
        outcome: null,
        state: { copy: { paused: false } },
        ...changes,
      });

      test('is newest first, and says what was written', async () => {
        expect(await control.auditTrail(10)).toEqual([]);
        const entries = [1, 2, 3].flatMap((n) => [
          begun(n),
          begun(n, { phase: 'ENDED', outcome: 'DONE', reason: 'because', dataset: null, state: null }),
        ]);
        for (const entry of entries) await connect().appendAudit(entry);
        expect(await control.auditTrail(10)).toEqual(entries.toReversed());
        expect(await control.auditTrail(2)).toEqual(entries.toReversed().slice(0, 2));
      });

      test('is only added to, also by hand', async () => {
        await control.open();
        await control.appendAudit(begun(1));
        const again = control.appendAudit(begun(1, { actor: 'somebody else' }));
        await expect(again).rejects.toMatchObject({ code: 'CONTROL_UNAVAILABLE' });
        await control.create(record());
        await control.compareAndSet(1, record({ revision: 2 }), transition(2));
        const database = fixture.connect();
        try {
          for (const table of ['crossfade_audit', 'crossfade_transition'] as const) {
            const change = database.write((tx) => tx.updateTable(table).set({ actor: 'nobody' }).execute());
            await expect(change).rejects.toThrow(`${table} is append-only`);
            const removal = database.write((tx) => tx.deleteFrom(table).execute());
            await expect(removal).rejects.toThrow(`${table} is append-only`);
          }
        } finally {
          await database.close();
        }
        expect(await control.auditTrail(10)).toEqual([begun(1)]);
        expect(await control.history('things', null, 10)).toEqual([transition(2)]);
      });
    });

    describe('claims', () => {
      test('one owner at a time, until it lets go or its time is over', async () => {
        const other = connect();
        expect(await control.claim('things', 'copy', 'a', 1000)).toBe(true);
        expect(await other.claim('things', 'copy', 'b', 1000)).toBe(false);
        expect(await other.claim('things', 'verify', 'b', 1000)).toBe(true);
        expect(await other.claim('others', 'copy', 'b', 1000)).toBe(true);

        now += 900;
        expect(await control.claim('things', 'copy', 'a', 1000)).toBe(true);
        now += 999;
        expect(await other.claim('things', 'copy', 'b', 1000)).toBe(false);
        now += 1;
        expect(await other.claim('things', 'copy', 'b', 1000)).toBe(true);
        expect(await control.claim('things', 'copy', 'a', 1000)).toBe(false);

        await control.unclaim('things', 'copy', 'a');
        expect(await control.claim('things', 'copy', 'a', 1000)).toBe(false);
        await other.unclaim('things', 'copy', 'b');
        expect(await control.claim('things', 'copy', 'a', 1000)).toBe(true);
      });

      test('of many at once exactly one gets it', async () => {
        const handles = [control, connect(), connect(), connect()];
        const results = await Promise.all(
          handles.map((handle, i) => handle.claim('things', 'copy', `owner ${i}`, 1000)),
        );
        expect(results.filter(Boolean)).toHaveLength(1);
      });
    });

    describe('verification', () => {
      test('starts once; whoever starts while it runs gets the running one', async () => {
        expect(await control.verification('things')).toBeNull();
        const started = await control.startVerification(firstVerification());
        expect(started).toEqual({ ...firstVerification(), number: 1 });
        expect(await connect().startVerification(firstVerification({ startedAt: at(9) }))).toEqual(started);
        expect(await control.verification('things')).toEqual(started);
        expect(await control.startVerification(firstVerification({ dataset: 'others' }))).toMatchObject({ number: 1 });
      });

      test('of two that start at once, both get the same run', async () => {
        const [a, b] = await Promise.all([
          control.startVerification(firstVerification({ startedAt: at(1) })),
          connect().startVerification(firstVerification({ startedAt: at(2) })),
        ]);
        expect(a).toEqual(b);
        expect(await control.verification('things')).toEqual(a);
      });

      test('is split once, into ranges that follow each other without a gap', async () => {
        const started = await control.startVerification(firstVerification());
        expect(await control.verificationRanges(started)).toEqual([]);
        const results = await Promise.all([
          control.splitVerification(started, ['d', 'm']),
          connect().splitVerification(started, ['d', 'm']),
        ]);
        expect(results.filter(Boolean)).toHaveLength(1);
        const fresh = { position: null, covered: false };
        expect(await connect().verificationRanges(started)).toEqual([
          { part: 0, after: null, upTo: 'd', ...fresh },
          { part: 1, after: 'd', upTo: 'm', ...fresh },
          { part: 2, after: 'm', upTo: null, ...fresh },
        ]);
        expect(await control.splitVerification(started, ['e'])).toBe(false);
        expect(await control.verificationRanges(started)).toHaveLength(3);
        expect(await control.verification('things')).toEqual(started);

        const other = await control.startVerification(firstVerification({ dataset: 'others' }));
        expect(await control.splitVerification(other, [])).toBe(true);
        expect(await control.verificationRanges(other)).toEqual([{ part: 0, after: null, upTo: null, ...fresh }]);
      });

      test('each range goes on from its position in any process, and the last one that is covered ends the run', async () => {
        const started = await splitAt(['m']);
        const other = connect();
        const [low] = await other.verificationRanges(started);
        const first = await other.advanceVerification(started, there(low), covers('c', { checked: 20 }), [
          differs('c'),
        ]);
        expect(first).toEqual({ ...started, checked: 20, differing: 1 });

        const [half, high] = await control.verificationRanges(started);
        expect(half).toEqual({ part: 0, after: null, upTo: 'm', position: 'c', covered: false });
        const second = await control.advanceVerification(
          started,
          there(high),
          ends('x', { checked: 50, differing: 0 }),
          [],
        );
        expect(second).toEqual({ ...started, checked: 70, differing: 1 });
        expect(await control.verification('things')).toEqual(second);

        now += 50;
        const third = await control.advanceVerification(started, there(half), ends('m', { checked: 30 }), [
          differs('f'),
        ]);
        const done = { ...started, checked: 100, differing: 2, covered: true, finishedAt: at(50) };
        expect(third).toEqual(done);
        expect(await other.verification('things')).toEqual(done);
        expect(await control.differenceCount('things')).toBe(2);
      });

      test('of two that go on from one position of a range one wins, and only its findings count', async () => {
        const started = await splitAt(['m']);
        const [range] = await control.verificationRanges(started);
        const results = await Promise.all([
          control.advanceVerification(started, there(range), covers('a'), [differs('a')]),
          connect().advanceVerification(started, there(range), covers('b'), [differs('b')]),
        ]);
        expect(results.filter((result) => result !== null)).toHaveLength(1);
        const winner = results[0] ? 'a' : 'b';
        expect(await control.verification('things')).toEqual({ ...started, checked: 10, differing: 1 });
        expect((await control.verificationRanges(started))[0]).toMatchObject({ position: winner });
        expect(await control.differences('things', null, 10)).toMatchObject([{ key: winner }]);
      });

      test('two that cover two ranges at once are both counted, and one of them ends the run', async () => {
        const started = await splitAt(['m']);
        const [low, high] = await control.verificationRanges(started);
        const results = await Promise.all([
          control.advanceVerification(started, there(low), ends('m'), [differs('a')]),
          connect().advanceVerification(started, there(high), ends('z'), [differs('z')]),
        ]);
        expect(results.filter((result) => result?.finishedAt)).toHaveLength(1);
        const done = { covered: true, finishedAt: at(0), failed: null };
        expect(await control.verification('things')).toEqual({ ...started, ...done, checked: 20, differing: 2 });
      });

      test('a range that is covered stays as it is, and so does one that is not what the late one takes it for', async () => {
        const started = await splitAt(['d', 'm']);
        const [low, middle] = await control.verificationRanges(started);
        const done = await control.advanceVerification(started, there(low), ends('d'), []);
        const late = [
          { ...there(low), position: 'd' },
          there(low),
          { ...there(middle), upTo: 'n' },
          { ...there(middle), after: 'c' },
        ];
        for (const from of late) {
          expect(await control.advanceVerification(started, from, ends('q'), [differs('q')])).toBeNull();
        }
        expect(await control.advanceVerification(started, { ...there(middle), part: 3 }, ends('q'), [])).toBeNull();
        expect(await control.verification('things')).toEqual(done);
        expect(await control.differenceCount('things')).toBe(0);
      });

      test('a run of which one range was never covered goes on for ever, and one that fails is not covered', async () => {
        const started = await splitAt(['d', 'm']);
        const [low, middle, high] = await control.verificationRanges(started);
        await control.advanceVerification(started, there(high), ends('z'), []);
        const run = await control.advanceVerification(started, there(low), ends('d'), []);
        expect(run).toMatchObject({ finishedAt: null, covered: false });
        expect(await control.verification('things')).toEqual(run);

        now += 5;
        expect(await control.failVerification(started, 'the old store went away')).toBe(true);
        const failed = { ...run, finishedAt: at(5), failed: 'the old store went away' };
        expect(await control.verification('things')).toEqual(failed);
        expect(await control.failVerification(started, 'another reason')).toBe(false);
        expect(await control.advanceVerification(started, there(middle), ends('m'), [differs('e')])).toBeNull();
        expect(await control.verification('things')).toEqual(failed);
        expect(await control.differenceCount('things')).toBe(0);
      });

      test.each([
        [
          'a range is gone',
          (db: Db): Promise<unknown> => db.deleteFrom('crossfade_verification_range').where('part', '=', 1).execute(),
        ],
        [
          'the first one is gone',
          (db: Db): Promise<unknown> => db.deleteFrom('crossfade_verification_range').where('part', '=', 0).execute(),
        ],
        [
          'the last one is gone',
          (db: Db): Promise<unknown> => db.deleteFrom('crossfade_verification_range').where('part', '=', 3).execute(),
        ],
        [
          'one begins above the end of the one before',
          (db: Db): Promise<unknown> =>
            db.updateTable('crossfade_verification_range').set({ above: 'e' }).where('part', '=', 1).execute(),
        ],
        [
          'one was not gone through',
          (db: Db): Promise<unknown> =>
            db
              .updateTable('crossfade_verification_range')
              .set({ covered: 1, position: 'f' })
              .where('part', '=', 1)
              .execute(),
        ],
      ])(
        'a run whose ranges leave keys out, because %s, fails when all are covered',
        async (_, damage: (db: Db) => Promise<unknown>) => {
          const started = await splitAt(['d', 'm', 'q']);
          const database = fixture.connect();
          await database.write((tx) => damage(tx));
          await database.close();
          for (const range of await control.verificationRanges(started)) {
            await control.advanceVerification(started, range, ends(range.upTo ?? 'z'), []);
          }
          const run = await control.verification('things');
          expect(run).toMatchObject({
            covered: false,
            finishedAt: at(0),
            failed: expect.stringContaining('leave keys out'),
          });
        },
      );

      test('cuts that are not in order are not taken for all of the keys', async () => {
        const started = await splitAt(['m', 'd']);
        for (const range of await control.verificationRanges(started)) {
          await control.advanceVerification(started, range, ends(range.upTo ?? 'z'), []);
        }
        expect(await control.verification('things')).toMatchObject({ covered: false, failed: expect.any(String) });
      });

      test.each([
        [
          'is covered',
          (of: VerificationRow, range: VerificationRange) =>
            control.advanceVerification(of, range, ends('z'), [differs('c')]),
        ],
        ['failed', (of: VerificationRow) => control.failVerification(of, 'the old store went away')],
      ])(
        'a new one after one that %s forgets what that found, and whoever is late with the old one changes nothing',
        async (_, end) => {
          const first = await splitAt([]);
          const [range] = await control.verificationRanges(first);
          await end(first, there(range));
          await control.startVerification(firstVerification({ dataset: 'others' }));
          const second = await control.startVerification(firstVerification({ epoch: 5 }));
          expect(second).toEqual({ ...firstVerification({ epoch: 5 }), number: 2 });
          expect(await control.differenceCount('things')).toBe(0);
          expect(await control.verificationRanges(first)).toEqual([]);

          expect(await control.splitVerification(first, ['k'])).toBe(false);
          await control.splitVerification(second, []);
          const late = [first, { ...first, number: 2 }, { ...second, number: 1 }];
          for (const of of late) {
            expect(await control.advanceVerification(of, there(range), ends('q'), [differs('q')])).toBeNull();
            expect(await control.failVerification(of, 'a late one')).toBe(false);
          }
          expect(await control.verification('things')).toEqual(second);
          expect((await control.verificationRanges(second))[0]).toEqual(range);
          expect(await control.differenceCount('things')).toBe(0);
        },
      );

      test('keeps the repairs that were counted while a range was compared', async () => {
        const started = await splitAt([]);
        const [range] = await control.verificationRanges(started);
        await control.advanceVerification(started, there(range), covers('m'), [differs('a'), differs('b')]);
        await control.settleDifferences('things', ['a', 'b'], []);
        const [half] = await control.verificationRanges(started);
        const done = await control.advanceVerification(started, there(half), ends('z'), []);
        expect(done).toMatchObject({ repaired: 2, covered: true });
        expect(await control.verification('things')).toEqual(done);
      });

      test('one that an earlier release began and did not split is gone over from the beginning', async () => {
        const started = await control.startVerification(firstVerification({ checked: 50, differing: 2 }));
        await control.splitVerification(started, ['m']);
        expect(await control.verification('things')).toEqual({ ...started, checked: 0, differing: 0 });
      });
    });

    describe('differences', () => {
      const keys = ['', 'A', 'Z', 'a', 'a\u0001b', 'ab', 'z', 'é', '\uffee', '😀', '~', '10', '9'];
      const fields = [null, 'B', 'a', 'b'];

      test('are in byte order of the key, then of the field, page by page', async () => {
        const started = await control.startVerification(firstVerification());
        const found = keys.flatMap((key) => fields.map((field) => differs(key, field))).toReversed();
        await foundIn(started, found);

        const expected = keys.toSorted(compareKeys).flatMap((key) => fields.map((field) => [key, field]));
        const all = await control.differences('things', null, 1000);
        expect(all.map(({ key, field }) => [key, field])).toEqual(expected);
        expect(await control.differenceCount('things')).toBe(expected.length);
        expect(await control.differences('others', null, 10)).toEqual([]);

        const paged: unknown[] = [];
        let after: { key: string; field: string } | null = null;
        for (;;) {
          const page = await control.differences('things', after, 5);
          paged.push(...page);
          const last = page.at(-1);
          if (!last) break;
          after = { key: last.key, field: last.field ?? '' };
        }
        expect(paged).toEqual(all);
      });

      test('keep when they were first seen, for as long as they are seen again', async () => {
        const started = await control.startVerification(firstVerification());
        const values = { kind: 'UNREADABLE', old: null, new: '{"x":1}' } as const;
        await control.splitVerification(started, ['m']);
        const [low, high] = await control.verificationRanges(started);
        await control.advanceVerification(started, there(low), covers('k'), [differs('c', 'f'), differs('d')]);
        now += 1000;
        await control.advanceVerification(started, there(high), covers('z'), [differs('c', 'f', values)]);
        expect(await control.differences('things', null, 10)).toEqual([
          { key: 'c', field: 'f', ...values, firstSeenAt: at(0), lastSeenAt: at(1000) },
          { ...differs('d'), firstSeenAt: at(0), lastSeenAt: at(0) },
        ]);
      });

      test('are settled key by key: repaired ones leave and are counted once a key, the others are what they are now', async () => {
        const started = await control.startVerification(firstVerification());
        const done = await foundIn(started, [
          differs('a', 'f'),
          differs('a', 'g'),
          differs('b', 'f'),
          differs('b', 'g'),
          differs('c', 'f'),
          differs('d'),
        ]);
        now += 1000;
        await control.settleDifferences(
          'things',
          ['a', 'b', 'c', 'never seen'],
          [differs('b', 'g', { new: '"c"' }), differs('c', null, { kind: 'ONLY_IN_OLD', new: null })],
        );
        expect(await control.differences('things', null, 10)).toEqual([
          { ...differs('b', 'g', { new: '"c"' }), firstSeenAt: at(0), lastSeenAt: at(1000) },
          { ...differs('c', null, { kind: 'ONLY_IN_OLD', new: null }), firstSeenAt: at(1000), lastSeenAt: at(1000) },
          { ...differs('d'), firstSeenAt: at(0), lastSeenAt: at(0) },
        ]);
        expect(await control.verification('things')).toEqual({ ...done, repaired: 1 });

        await control.settleDifferences('things', ['a', 'b', 'c'], []);
        expect(await control.verification('things')).toEqual({ ...done, repaired: 3 });
        expect(await control.differences('things', null, 10)).toMatchObject([{ key: 'd' }]);
      });

      test('are added where nothing is known, and what is known stays', async () => {
        const silent = { kind: 'UNREADABLE', old: '{"x":1}', new: 'no answer: STORE_UNAVAILABLE' } as const;
        await control.settleDifferences('things', ['a', 'b'], [differs('a', 'f'), differs('b')]);
        now += 1000;
        await control.noteDifferences('things', [
          differs('a', null, silent),
          differs('b', null, silent),
          differs('c', null, silent),
        ]);
        now += 1000;
        await control.noteDifferences('things', [differs('c', null, silent)]);
        expect(await control.differences('things', null, 10)).toEqual([
          { ...differs('a', 'f'), firstSeenAt: at(0), lastSeenAt: at(0) },
          { ...differs('b'), firstSeenAt: at(0), lastSeenAt: at(0) },
          { ...differs('c', null, silent), firstSeenAt: at(1000), lastSeenAt: at(2000) },
        ]);
        const started = await control.startVerification(firstVerification());
        await control.noteDifferences('things', [differs('c', null, silent)]);
        await control.settleDifferences('things', ['c'], []);
        expect(await control.differenceCount('things')).toBe(0);
        // That a store answers again repairs nothing.
        expect(await control.verification('things')).toEqual(started);
      });

      test('by the thousand', async () => {
        const many = Array.from({ length: 2500 }, (_, i) => `key ${String(i).padStart(5, '0')}`);
        const started = await control.startVerification(firstVerification());
        await foundIn(
          started,
          many.map((key) => differs(key)),
        );
        expect(await control.differenceCount('things')).toBe(2500);
        await control.settleDifferences('things', many, [differs(many[1234] ?? '')]);
        expect(await control.differences('things', null, 10)).toMatchObject([{ key: many[1234] }]);
        expect(await control.verification('things')).toMatchObject({ repaired: 2499 });
      });
    });
  });
}
