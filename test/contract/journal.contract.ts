/**
 * What every journal must do, whatever it is made of. A journal plugs in with a function that makes an empty one and two handles on it.
 *
 * Each rule stands beside what it must not catch, so that a journal that refuses everything, or nothing, fails as well.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../src/migration/clock.ts';
import { JOURNAL_SLOTS, type StoreRole } from '../../src/migration/dataset.ts';
import type { Append, Journal, JournalEntry } from '../../src/migration/journal/journal.ts';
import { compareKeys } from '../../src/migration/key.ts';
import { packSeq } from '../../src/migration/seq.ts';
import { journalAgainstModel } from './journal.model.ts';

export interface JournalFixture {
  /** Not yet initialised. */
  readonly journal: Journal;
  /** The same journal through connections of its own, as another process has it. */
  readonly other: Journal;
  /** Takes this slot away behind the journal's back. */
  loseSlot(slot: number): Promise<void>;
  /** From now on `journal` cannot reach what it is made of; `other` can. */
  cut(): Promise<void>;
  end(): Promise<void>;
}
export interface JournalKind {
  /** It moves its slots one by one, not all of them at one moment. */
  readonly slotBySlot?: boolean;
  /** How many interleavings are tried; fewer where a step is many round trips. */
  readonly interleavings?: number;
  open(clock: Clock): Promise<JournalFixture>;
}

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  now = 1_700_000_000_000;
  monotonic(): number {
    return this.now;
  }
  wall(): number {
    return this.now;
  }
  async delay(ms: number): Promise<void> {
    this.now += ms;
  }
}

let ids = 0;

/** An append of a key that has no entry yet, in slot 7 of a journal opened at (2, 2), unless said otherwise. */
export function appendOf(key: string, changes: Partial<Append> & { readonly slot?: number } = {}): Append {
  const { slot = 7, ...rest } = changes;
  return {
    epoch: 2,
    address: { key, slot, bucket: 0 },
    expect: { mark: packSeq(2, 0) },
    writeId: `write-${++ids}`,
    image: imageOf(key),
    listed: { phone: [key], event: ['party'] },
    owedTo: ['OLD', 'NEW'],
    holdMs: 0,
    ...rest,
  };
}

export function imageOf(text: string) {
  return { old: { phone: text, answer: 'A\u0000' }, new: { phone: text, code: null } };
}

const noteOf = (entry: JournalEntry, role: StoreRole) => ({ address: entry, seq: entry.seq, role });
const keysOf = ({ entries }: { readonly entries: readonly JournalEntry[] }) => entries.map(({ key }) => key);
const unavailable = { code: 'JOURNAL_UNAVAILABLE' };

export function journalContract(name: string, kind: JournalKind): void {
  describe(`journal contract: ${name}`, () => {
    let fixture: JournalFixture;
    let journal: Journal;
    let other: Journal;
    let clock: ManualClock;

    beforeEach(async () => {
      clock = new ManualClock();
      fixture = await kind.open(clock);
      ({ journal, other } = fixture);
    });
    afterEach(async () => {
      await fixture.end();
    });

    async function opened(): Promise<void> {
      await journal.init(1);
      await journal.open({ epoch: 2, run: 2 });
    }
    async function entryOf(key: string, slot = 7): Promise<JournalEntry | undefined> {
      return (await other.read([{ key, slot }])).entries.get(key);
    }
    async function slotOf(slot = 7) {
      return (await other.read([{ key: 'none', slot }])).slots.get(slot);
    }
    async function appended(append: Append): Promise<JournalEntry> {
      const result = await journal.append(append);
      const entry = await entryOf(append.address.key, append.address.slot);
      if (result.outcome !== 'APPENDED' || entry?.seq !== result.seq)
        throw new Error(JSON.stringify({ result, entry }));
      return entry;
    }
    /** Many appends, a few at a time: a pool's queue is not what these tests are about. */
    async function inTurns<T>(count: number, work: (i: number) => Promise<T>): Promise<T[]> {
      const done: T[] = [];
      while (done.length < count) {
        const next = Array.from({ length: Math.min(40, count - done.length) }, (_, i) => work(done.length + i));
        done.push(...(await Promise.all(next)));
      }
      return done;
    }
    async function teamed(value: string): Promise<readonly string[]> {
      return keysOf(await other.page({ after: null, limit: 9, listed: { field: 'team', value } }));
    }
    /** How many calls it took. */
    async function sweepAll(by: Journal, limit: number): Promise<number> {
      let calls = 1;
      while ((await by.sweep(limit)) === 'MORE') calls++;
      return calls;
    }
    async function settled(entry: JournalEntry): Promise<void> {
      await journal.applied([noteOf(entry, 'OLD'), noteOf(entry, 'NEW')]);
    }

    describe('slots and incarnation', () => {
      test('answers nothing before it is initialised', async () => {
        await expect(journal.read([{ key: 'a', slot: 7 }])).rejects.toMatchObject(unavailable);
        await expect(journal.append(appendOf('a'))).rejects.toMatchObject(unavailable);
        await expect(journal.incarnation()).rejects.toMatchObject(unavailable);
        await expect(journal.sweep(10)).rejects.toMatchObject(unavailable);
      });

      test('starts with all slots, closed, and making them again changes nothing', async () => {
        await journal.init(1);
        const incarnation = await journal.incarnation();
        await other.init(9);
        const { slots } = await journal.page({ after: null, limit: 1 });
        expect(slots.size).toBe(JOURNAL_SLOTS);
        expect(slots.get(7)).toEqual({ slot: 7, epoch: 1, open: false, mark: 0 });
        expect(await journal.append(appendOf('a', { epoch: 1, expect: { mark: 0 } }))).toEqual({ outcome: 'FENCED' });
        expect(await other.incarnation()).toBe(incarnation);
      });

      test('has one incarnation however many make it at once', async () => {
        await Promise.all([journal.init(1), other.init(1)]);
        expect(await journal.incarnation()).toBe(await other.incarnation());
        expect((await journal.page({ after: null, limit: 1 })).slots.size).toBe(JOURNAL_SLOTS);
      });

      test('answers nothing while another incarnation is trusted', async () => {
        await opened();
        const entry = await appended(appendOf('a'));
        const all: (() => Promise<unknown>)[] = [
          () => journal.init(1),
          () => journal.read([entry]),
          () => journal.append(appendOf('b')),
          () => journal.applied([noteOf(entry, 'OLD')]),
          () => journal.page({ after: null, limit: 5 }),
          () => journal.owed({ role: 'OLD', limit: 5, held: true }),
          () => journal.lacking('OLD', 'ALL'),
          () => journal.lacking('OLD', 'NOTED'),
          () => journal.status(),
          () => journal.note(3),
          () => journal.advance({ epoch: 3, dropDebtsOf: null }),
          () => journal.close(4),
          () => journal.discard(4),
          () => journal.sweep(10),
          () => journal.open({ epoch: 5, run: 5 }),
        ];
        journal.expect('some other');
        for (const method of all) await expect(method(), method.toString()).rejects.toMatchObject(unavailable);
        expect(await other.lacking('OLD', 'ALL'), 'nothing has happened').toBe(1);

        journal.expect(await journal.incarnation());
        for (const method of all) await method();
        journal.expect(null);
        await journal.status();
      });

      test('answers nothing from a slot that is lost, or from all of them together', async () => {
        await opened();
        const entry = await appended(appendOf('a'));
        await fixture.loseSlot(7);
        await expect(journal.read([entry])).rejects.toMatchObject(unavailable);
        await expect(journal.append(appendOf('b'))).rejects.toMatchObject(unavailable);
        await expect(journal.applied([noteOf(entry, 'OLD')])).rejects.toMatchObject(unavailable);
        await expect(journal.page({ after: null, limit: 5 })).rejects.toMatchObject(unavailable);
        await expect(journal.owed({ role: 'OLD', limit: 5, held: true })).rejects.toMatchObject(unavailable);
        await expect(journal.lacking('OLD', 'NOTED')).rejects.toMatchObject(unavailable);
        await expect(journal.status()).rejects.toMatchObject(unavailable);
        await expect(journal.advance({ epoch: 3, dropDebtsOf: null })).rejects.toMatchObject(unavailable);
        expect(await journal.append(appendOf('c', { slot: 8 })), 'a slot that is there').toMatchObject({
          outcome: 'APPENDED',
        });
      });

      test('says that it cannot be reached, and why', async () => {
        await opened();
        await fixture.cut();
        const refused = [journal.status(), journal.append(appendOf('a')), journal.read([{ key: 'a', slot: 7 }])].map(
          (answer) => expect(answer).rejects.toMatchObject({ ...unavailable, cause: expect.anything() }),
        );
        await Promise.all(refused);
        await other.status();
      });
    });

    describe('append', () => {
      beforeEach(opened);

      test('gives the next seq of the slot, and is seen by everybody', async () => {
        const first = await appended(appendOf('a'));
        const second = await appended(appendOf('b', { image: null, owedTo: ['OLD'] }));
        const elsewhere = await appended(appendOf('c', { slot: 8 }));
        const seqs = [packSeq(2, 1), packSeq(2, 2), packSeq(2, 1)];
        expect([first.seq, second.seq, elsewhere.seq]).toEqual(seqs);
        const lacks = { OLD: seqs[0], NEW: seqs[0] };
        expect(first).toEqual({ key: 'a', slot: 7, seq: seqs[0], image: imageOf('a'), lacks });
        expect(second).toEqual({ key: 'b', slot: 7, seq: seqs[1], image: null, lacks: { OLD: seqs[1], NEW: null } });
        const view = await other.read([first, { key: 'none', slot: 9 }, second, first]);
        expect([...view.entries.keys()].toSorted()).toEqual(['a', 'b']);
        expect([...view.slots.keys()].toSorted()).toEqual([7, 9]);
        expect(view.slots.get(7)).toEqual({ slot: 7, epoch: 2, open: true, mark: packSeq(2, 0) });
        expect((await other.read([])).entries.size).toBe(0);
      });

      test('many who ask at the same time get each what he asked for, whatever is asked together', async () => {
        const keys = ['a', 'b', 'c', 'd', 'e'];
        for (const [i, key] of keys.entries()) await appended(appendOf(key, { slot: 7 + (i % 3) }));
        const questions = Array.from({ length: 40 }, (_, i) => [
          { key: keys[i % 5] ?? '', slot: 7 + ((i % 5) % 3) },
          { key: `none ${i}`, slot: 20 + i },
        ]);
        const views = await Promise.all(questions.map((asked) => other.read(asked)));
        expect(views.map(({ entries }) => [...entries.keys()])).toEqual(questions.map(([there]) => [there?.key]));
        expect(views.map(({ slots }) => [...slots.keys()].toSorted((a, b) => a - b))).toEqual(
          questions.map((asked) => asked.map(({ slot }) => slot)),
        );
      });

      test('wants the entry that was read', async () => {
        const first = await appended(appendOf('a'));
        const again = (expected: Append['expect']) => journal.append(appendOf('a', { expect: expected }));
        expect(await again({ mark: packSeq(2, 0) }), 'none was read').toEqual({ outcome: 'CHANGED' });
        expect(await again({ seq: first.seq + 1 })).toEqual({ outcome: 'CHANGED' });
        expect(await again({ seq: first.seq })).toEqual({ outcome: 'APPENDED', seq: first.seq + 1 });
        expect(await again({ seq: first.seq }), 'replaced').toEqual({ outcome: 'CHANGED' });
      });

      test('wants the mark that was read where no entry was', async () => {
        const first = await appended(appendOf('a'));
        await settled(first);
        expect(await journal.append(appendOf('a')), 'came and left meanwhile').toEqual({ outcome: 'CHANGED' });
        expect(await journal.append(appendOf('a', { expect: { seq: first.seq } }))).toEqual({ outcome: 'CHANGED' });
        expect(await journal.append(appendOf('a', { expect: { mark: first.seq } }))).toMatchObject({
          outcome: 'APPENDED',
        });
        expect(await journal.append(appendOf('a', { slot: 8, expect: { mark: first.seq } })), 'another slot').toEqual({
          outcome: 'CHANGED',
        });
      });

      test('wants the slot open and at the same epoch', async () => {
        expect(await journal.append(appendOf('a', { epoch: 1 }))).toEqual({ outcome: 'FENCED' });
        expect(await journal.append(appendOf('a', { epoch: 3 }))).toEqual({ outcome: 'FENCED' });
        await other.advance({ epoch: 3, dropDebtsOf: null });
        expect(await journal.append(appendOf('a'))).toEqual({ outcome: 'FENCED' });
        expect(await journal.append(appendOf('a', { epoch: 3 }))).toMatchObject({ outcome: 'APPENDED' });
        await other.close(4);
        expect(await journal.append(appendOf('b', { epoch: 4 }))).toEqual({ outcome: 'FENCED' });
        expect(await entryOf('b')).toBeUndefined();
      });

      test('keeps the older debts of an entry that it replaces', async () => {
        const first = await appended(appendOf('a', { owedTo: ['OLD'] }));
        const both = await appended(appendOf('a', { expect: { seq: first.seq }, image: imageOf('x') }));
        expect(both).toMatchObject({ image: imageOf('x'), lacks: { OLD: first.seq, NEW: both.seq } });
        await journal.applied([noteOf(both, 'OLD')]);
        const third = await appended(appendOf('a', { expect: { seq: both.seq }, owedTo: ['OLD'], image: null }));
        expect(third).toMatchObject({ image: null, lacks: { OLD: third.seq, NEW: both.seq } });
      });

      test('gives the first answer to a repeated write', async () => {
        const write = appendOf('a');
        const { seq } = await appended(write);
        const answer = { outcome: 'APPENDED', seq };
        expect(await other.append(write)).toEqual(answer);
        expect(await other.append({ ...write, writeId: 'another' }), 'not the same write').toEqual({
          outcome: 'CHANGED',
        });
        const next = await appended(appendOf('a', { expect: { seq } }));
        expect(await other.append(write), 'replaced').toEqual(answer);
        await settled(next);
        expect(await other.append(write), 'left').toEqual(answer);
        expect(await entryOf('a')).toBeUndefined();
        await journal.close(3);
        expect(await other.append(write), 'closed').toEqual(answer);
        expect(await other.append({ ...write, writeId: 'another' })).toEqual({ outcome: 'FENCED' });
        await journal.open({ epoch: 4, run: 4 });
        expect(await other.append(write), 'in another run').toEqual(answer);
      });

      test('lets one of many at once take effect', async () => {
        const creates = Array.from({ length: 24 }, (_, i) => (i % 2 ? journal : other).append(appendOf('a')));
        const outcomes = (await Promise.all(creates)).map(({ outcome }) => outcome);
        expect(outcomes.toSorted()).toEqual(['APPENDED', ...Array.from({ length: 23 }, () => 'CHANGED')]);
        const write = appendOf('b');
        const repeated = await Promise.all(
          Array.from({ length: 8 }, (_, i) => (i % 2 ? journal : other).append(write)),
        );
        expect(new Set(repeated.map((result) => JSON.stringify(result))).size, 'one write, many times').toBe(1);
      });

      test('gives every key of a slot a seq of its own', async () => {
        const writes = Array.from({ length: 24 }, (_, i) => (i % 2 ? journal : other).append(appendOf(`k${i}`)));
        const results = await Promise.all(writes);
        const seqs = results.map((result) => (result.outcome === 'APPENDED' ? result.seq : result.outcome));
        expect(seqs.toSorted()).toEqual(Array.from({ length: 24 }, (_, i) => packSeq(2, i + 1)));
      });
    });

    describe('applied', () => {
      beforeEach(opened);

      test('lets an entry leave when no store lacks anything', async () => {
        const entry = await appended(appendOf('a'));
        await journal.applied([noteOf(entry, 'NEW')]);
        expect((await entryOf('a'))?.lacks).toEqual({ OLD: entry.seq, NEW: null });
        await other.applied([noteOf(entry, 'NEW'), noteOf(entry, 'OLD')]);
        expect(await entryOf('a')).toBeUndefined();
        expect((await slotOf())?.mark).toBe(entry.seq);
        expect(keysOf(await journal.page({ after: null, limit: 9, listed: { field: 'phone', value: 'a' } }))).toEqual(
          [],
        );
      });

      test('clears nothing of an entry that has been replaced', async () => {
        const first = await appended(appendOf('a'));
        const second = await appended(appendOf('a', { expect: { seq: first.seq } }));
        await settled(first);
        expect((await entryOf('a'))?.lacks).toEqual({ OLD: first.seq, NEW: first.seq });
        await settled(second);
        expect(await entryOf('a')).toBeUndefined();
        await settled(second);
        await journal.applied([]);
      });

      test('never lowers a mark', async () => {
        const [a, b, c] = [await appended(appendOf('a')), await appended(appendOf('b')), await appended(appendOf('c'))];
        await settled(b);
        expect((await slotOf())?.mark).toBe(b.seq);
        await settled(a);
        expect((await slotOf())?.mark).toBe(b.seq);
        await settled(c);
        expect((await slotOf())?.mark).toBe(c.seq);
      });

      test('takes many notes, of many slots, at once', async () => {
        const entries = await inTurns(700, (i) => appended(appendOf(`k${i}`, { slot: i % JOURNAL_SLOTS })));
        await journal.applied(entries.map((entry) => noteOf(entry, 'OLD')));
        expect(await other.status()).toMatchObject({ entries: 700, pending: { OLD: 0, NEW: 700 } });
        await journal.applied(entries.slice(1).map((entry) => noteOf(entry, 'NEW')));
        expect(keysOf(await other.page({ after: null, limit: 9 }))).toEqual(['k0']);
      });
    });

    describe('page', () => {
      beforeEach(opened);
      /** In byte order; by UTF-16 units the last two would change places. */
      const KEYS = ['A', 'B\u0001b', 'a', 'a\u0001a', 'ab', 'é', '\uffee', '\u{1f600}'];

      test('is in byte order over all slots, or in one', async () => {
        expect(KEYS.toSorted(compareKeys)).toEqual(KEYS);
        for (const [i, key] of [...KEYS.entries()].toReversed()) await appended(appendOf(key, { slot: i % 3 }));
        const all = await journal.page({ after: null, limit: 100 });
        expect(keysOf(all)).toEqual(KEYS);
        expect(all.slots.size).toBe(JOURNAL_SLOTS);
        expect(keysOf(await journal.page({ after: null, limit: 3 }))).toEqual(KEYS.slice(0, 3));
        expect(keysOf(await journal.page({ after: 'a', limit: 3 }))).toEqual(KEYS.slice(3, 6));
        expect(keysOf(await journal.page({ after: 'aa', limit: 100 })), 'after a key that is not there').toEqual(
          KEYS.slice(4),
        );
        const one = await journal.page({ after: 'B', limit: 2, slot: 1 });
        expect(keysOf(one)).toEqual(KEYS.filter((_, i) => i % 3 === 1).slice(0, 2));
        expect([...one.slots.keys()]).toEqual([1]);
      });

      test('lists an entry under all values it has had, until it leaves', async () => {
        const listed = (value: string | number | null, after: string | null = null) =>
          journal.page({ after, limit: 10, listed: { field: 'team', value } }).then(keysOf);
        const a = await appended(appendOf('a', { listed: { team: ['red', 1] } }));
        await appended(appendOf('b', { slot: 8, listed: { team: ['red', null] } }));
        expect([await listed('red'), await listed(1), await listed(null)]).toEqual([['a', 'b'], ['a'], ['b']]);
        expect([await listed('1'), await listed('Red'), await listed('null')]).toEqual([[], [], []]);
        expect(await listed('red', 'a')).toEqual(['b']);

        const moved = await appended(appendOf('a', { expect: { seq: a.seq }, listed: { team: ['red', 'blue'] } }));
        const gone = appendOf('a', { expect: { seq: moved.seq }, image: null, listed: { team: ['blue'] } });
        const tombstone = await appended(gone);
        expect([await listed('red'), await listed('blue'), await listed(1)]).toEqual([['a', 'b'], ['a'], ['a']]);
        const inSlot = await journal.page({ after: null, limit: 9, slot: 8, listed: { field: 'team', value: 'red' } });
        expect(keysOf(inSlot)).toEqual(['b']);

        await settled(tombstone);
        expect([await listed('red'), await listed('blue')]).toEqual([['b'], []]);
        const back = appendOf('a', { expect: { mark: tombstone.seq }, listed: { team: ['green'] } });
        await appended(back);
        expect([await listed('red'), await listed('green')], 'without the values of before').toEqual([['b'], ['a']]);
      });
    });

    describe('debts', () => {
      beforeEach(opened);

      test('are handed out oldest first, and not while their writer looks after them', async () => {
        const owed = (held: boolean, role: StoreRole = 'OLD', limit = 10) =>
          journal.owed({ role, limit, held }).then((entries) => entries.map(({ key }) => key));
        for (const [key, slot] of [
          ['c', 1],
          ['b', 2],
          ['a', 1],
        ] as const) {
          await appended(appendOf(key, { slot }));
          clock.now += 1000;
        }
        const held = await appended(appendOf('0', { holdMs: 5000, owedTo: ['OLD'] }));
        expect([await owed(true), await owed(false)]).toEqual([
          ['c', 'b', 'a', '0'],
          ['c', 'b', 'a'],
        ]);
        expect([await owed(true, 'OLD', 2), await owed(true, 'NEW')]).toEqual([
          ['c', 'b'],
          ['c', 'b', 'a'],
        ]);
        clock.now += 5000;
        expect(await owed(false)).toEqual(['c', 'b', 'a', '0']);

        const c = await entryOf('c', 1);
        await appended(appendOf('c', { slot: 1, expect: { seq: c?.seq ?? 0 } }));
        expect(await owed(false), 'replacing it makes it no younger').toEqual(['c', 'b', 'a', '0']);
        await journal.applied([noteOf(held, 'OLD')]);
        expect(await owed(true)).toEqual(['c', 'b', 'a']);
        const inSlots = async (from: number, below: number) =>
          (await journal.owed({ role: 'OLD', limit: 10, held: true, slots: { from, below } })).map(({ key }) => key);
        expect([await inSlots(0, 2), await inSlots(2, 64), await inSlots(3, 64)]).toEqual([['c', 'a'], ['b'], []]);
      });

      test('are counted, all or those up to the noted counters', async () => {
        const both = async (role: StoreRole = 'OLD') => [
          await journal.lacking(role, 'ALL'),
          await journal.lacking(role, 'NOTED'),
        ];
        const a = await appended(appendOf('a'));
        await appended(appendOf('b', { slot: 8, owedTo: ['NEW'] }));
        expect(await both()).toEqual([1, 0]);
        await other.note(5);
        expect([await both(), await both('NEW')]).toEqual([
          [1, 1],
          [2, 2],
        ]);

        await appended(appendOf('c'));
        const replaced = await appended(appendOf('a', { expect: { seq: a.seq } }));
        expect(await both(), 'the older debt of a replaced entry counts').toEqual([2, 1]);
        await other.note(5);
        await other.note(4);
        expect(await both(), 'noted under this number, or a later one').toEqual([2, 1]);
        await journal.applied([noteOf(replaced, 'OLD')]);
        expect(await both()).toEqual([1, 0]);
        await other.note(6);
        expect(await both()).toEqual([1, 1]);

        await appended(appendOf('d'));
        await journal.advance({ epoch: 3, dropDebtsOf: null });
        expect(await both(), 'the epoch is older than the last note').toEqual([2, 1]);
        await journal.advance({ epoch: 7, dropDebtsOf: null });
        expect(await both()).toEqual([2, 2]);
      });

      test('show in the status', async () => {
        expect(await journal.status()).toEqual({ entries: 0, oldestAgeSeconds: null, pending: { OLD: 0, NEW: 0 } });
        const a = await appended(appendOf('a', { owedTo: ['NEW'] }));
        clock.now += 1500;
        const b = await appended(appendOf('b', { slot: 3, owedTo: ['OLD'] }));
        expect(await other.status()).toEqual({ entries: 2, oldestAgeSeconds: 1.5, pending: { OLD: 1, NEW: 1 } });
        await settled(a);
        expect(await other.status()).toEqual({ entries: 1, oldestAgeSeconds: 0, pending: { OLD: 1, NEW: 0 } });
        await settled(b);
        expect((await other.status()).entries).toBe(0);
      });
    });

    describe('moves of the slots', () => {
      beforeEach(opened);

      test('open drops everything and starts the run, upwards only', async () => {
        await appended(appendOf('a'));
        await journal.note(2);
        for (const epoch of [1, 2]) await other.open({ epoch, run: 9 });
        expect(await journal.status()).toMatchObject({ entries: 1 });
        await other.open({ epoch: 5, run: 5 });
        expect(await journal.status()).toMatchObject({ entries: 0, pending: { OLD: 0, NEW: 0 } });
        expect(await slotOf()).toEqual({ slot: 7, epoch: 5, open: true, mark: packSeq(5, 0) });
        expect(keysOf(await journal.page({ after: null, limit: 9, listed: { field: 'phone', value: 'a' } }))).toEqual(
          [],
        );
        const entry = await appended(appendOf('a', { epoch: 5, expect: { mark: packSeq(5, 0) } }));
        expect(entry.seq).toBe(packSeq(5, 1));
        expect(await journal.lacking('OLD', 'NOTED')).toBe(0);
      });

      test('advance moves the epoch and keeps all else, upwards only', async () => {
        const entry = await appended(appendOf('a'));
        await other.advance({ epoch: 3, dropDebtsOf: null });
        expect(await slotOf()).toEqual({ slot: 7, epoch: 3, open: true, mark: packSeq(2, 0) });
        expect(await entryOf('a')).toEqual(entry);
        for (const epoch of [2, 3]) await other.advance({ epoch, dropDebtsOf: 'NEW' });
        expect(await slotOf()).toMatchObject({ epoch: 3 });
        expect(await entryOf('a')).toEqual(entry);
        expect((await appended(appendOf('b', { epoch: 3 }))).seq).toBe(entry.seq + 1);
      });

      test('advance drops the debts of a store, and what only that store lacked', async () => {
        const both = await appended(appendOf('a'));
        const old = await appended(appendOf('b', { owedTo: ['OLD'] }));
        const gone = await appended(appendOf('c', { owedTo: ['NEW'] }));
        await other.advance({ epoch: 3, dropDebtsOf: 'NEW' });
        expect(await entryOf('a')).toEqual({ ...both, lacks: { OLD: both.seq, NEW: null } });
        expect(await entryOf('b')).toEqual(old);
        expect(await entryOf('c')).toBeUndefined();
        expect(await slotOf()).toMatchObject({ epoch: 3, mark: gone.seq });
        expect(await slotOf(8)).toMatchObject({ epoch: 3, mark: packSeq(2, 0) });
        expect(await journal.status()).toMatchObject({ entries: 2, pending: { OLD: 2, NEW: 0 } });
        expect(
          keysOf(await journal.page({ after: null, limit: 9, listed: { field: 'event', value: 'party' } })),
        ).toEqual(['a', 'b']);
      });

      test('close keeps epoch and entries, upwards only', async () => {
        const entry = await appended(appendOf('a'));
        for (const epoch of [1, 2]) await other.close(epoch);
        expect(await slotOf()).toMatchObject({ epoch: 2, open: true });
        await other.close(3);
        expect(await slotOf()).toEqual({ slot: 7, epoch: 3, open: false, mark: packSeq(2, 0) });
        await other.advance({ epoch: 3, dropDebtsOf: null });
        await other.open({ epoch: 3, run: 3 });
        expect(await slotOf()).toMatchObject({ epoch: 3, open: false });
        expect(await entryOf('a')).toEqual(entry);
        await journal.applied([noteOf(entry, 'NEW')]);
        expect((await entryOf('a'))?.lacks, 'it can be drained').toEqual({ OLD: entry.seq, NEW: null });
      });

      test('discard drops the entries of slots that are closed at the epoch', async () => {
        const count = 1100;
        await inTurns(count, (i) => journal.append(appendOf(`k${i}`, { slot: i % 9 })));
        expect(await journal.discard(2), 'open').toBe(0);
        await journal.close(3);
        expect([await journal.discard(2), await journal.discard(4)], 'another epoch').toEqual([0, 0]);
        expect((await other.status()).entries).toBe(count);
        expect(await journal.discard(3)).toBe(count);
        expect(await other.status()).toMatchObject({ entries: 0, pending: { OLD: 0, NEW: 0 } });
        expect(keysOf(await other.page({ after: null, limit: 9, listed: { field: 'event', value: 'party' } }))).toEqual(
          [],
        );
        expect(await journal.discard(3)).toBe(0);
      });

      test('a key whose entry was dropped is as new: by opening', async () => {
        const before = await appended(appendOf('a', { listed: { team: ['red'] } }));
        clock.now += 60_000;
        await journal.open({ epoch: 5, run: 5 });
        const fresh = { epoch: 5, listed: { team: ['blue'] } };
        const write = (expected: Append['expect']) => appendOf('a', { ...fresh, expect: expected, owedTo: ['OLD'] });
        expect(await journal.append(write({ seq: before.seq }))).toEqual({ outcome: 'CHANGED' });
        const after = await appended(write({ mark: packSeq(5, 0) }));
        expect(after.lacks).toEqual({ OLD: after.seq, NEW: null });
        expect([await teamed('red'), await teamed('blue')]).toEqual([[], ['a']]);
        expect(await other.status(), 'no older than its append').toEqual({
          entries: 1,
          oldestAgeSeconds: 0,
          pending: { OLD: 1, NEW: 0 },
        });
        await settled(before);
        expect(await entryOf('a'), 'not the seq that was applied').toEqual(after);
      });

      test('a key whose entry was dropped is as new: by dropping its last debt', async () => {
        const before = await appended(appendOf('a', { owedTo: ['NEW'], listed: { team: ['red'] } }));
        clock.now += 60_000;
        await journal.advance({ epoch: 3, dropDebtsOf: 'NEW' });
        expect(keysOf(await other.page({ after: null, limit: 9 }))).toEqual([]);
        expect(await other.owed({ role: 'NEW', limit: 9, held: true })).toEqual([]);
        const fresh = { epoch: 3, listed: { team: ['blue'] } };
        const write = (expected: Append['expect']) => appendOf('a', { ...fresh, expect: expected });
        expect(await journal.append(write({ mark: packSeq(2, 0) })), 'came and left meanwhile').toEqual({
          outcome: 'CHANGED',
        });
        expect(await journal.append(write({ seq: before.seq }))).toEqual({ outcome: 'CHANGED' });
        const after = await appended(write({ mark: before.seq }));
        expect(after.lacks).toEqual({ OLD: after.seq, NEW: after.seq });
        expect([await teamed('red'), await teamed('blue')]).toEqual([[], ['a']]);
        expect(await other.status()).toEqual({ entries: 1, oldestAgeSeconds: 0, pending: { OLD: 1, NEW: 1 } });
      });

      test('dropped debts stay dropped, and new ones count', async () => {
        const both = await appended(appendOf('a'));
        const gone = await appended(appendOf('b', { owedTo: ['NEW'] }));
        await journal.advance({ epoch: 3, dropDebtsOf: 'NEW' });
        const mark = gone.seq;
        expect(await slotOf()).toMatchObject({ mark });
        const owed = async (role: StoreRole) => [
          (await other.owed({ role, limit: 9, held: true })).map(({ key }) => key),
          await other.lacking(role, 'ALL'),
          await other.lacking(role, 'NOTED'),
        ];
        expect([await owed('OLD'), await owed('NEW')]).toEqual([
          [['a'], 1, 1],
          [[], 0, 0],
        ]);
        await journal.applied([noteOf(both, 'NEW'), noteOf(gone, 'NEW')]);
        expect(await other.status(), 'late notes of what was dropped').toMatchObject({
          entries: 1,
          pending: { OLD: 1, NEW: 0 },
        });

        const next = await appended(appendOf('a', { epoch: 3, expect: { seq: both.seq } }));
        expect(next.lacks, 'the older debt of the one store, the new one of the other').toEqual({
          OLD: both.seq,
          NEW: next.seq,
        });
        expect([await owed('OLD'), await owed('NEW')]).toEqual([
          [['a'], 1, 1],
          [['a'], 1, 0],
        ]);
        await journal.advance({ epoch: 4, dropDebtsOf: 'OLD' });
        expect((await entryOf('a'))?.lacks).toEqual({ OLD: null, NEW: next.seq });
        await journal.applied([noteOf(next, 'NEW')]);
        expect(await entryOf('a'), 'the only debt left is cleared').toBeUndefined();
        expect(await other.status()).toMatchObject({ entries: 0, pending: { OLD: 0, NEW: 0 } });
      });

      test('discard counts what was there, and a late note finds nothing', async () => {
        const a = await appended(appendOf('a'));
        await appended(appendOf('b', { owedTo: ['NEW'] }));
        await settled(await appended(appendOf('c')));
        await journal.advance({ epoch: 3, dropDebtsOf: 'NEW' });
        await journal.close(4);
        expect(await journal.discard(4)).toBe(1);
        await settled(a);
        expect(await other.status()).toMatchObject({ entries: 0, pending: { OLD: 0, NEW: 0 } });
        expect([await entryOf('a'), await other.lacking('OLD', 'ALL'), await other.lacking('OLD', 'NOTED')]).toEqual([
          undefined,
          0,
          0,
        ]);
        expect(await slotOf()).toMatchObject({ epoch: 4, open: false });
      });

      test('sweeping changes nothing that can be seen, and comes to an end', async () => {
        const keys = Array.from({ length: 200 }, (_, i) => `k${String(i).padStart(3, '0')}`);
        const write = (epoch: number, run: number, some: readonly string[]) =>
          Promise.all(
            some.map((key, i) =>
              journal.append(appendOf(key, { slot: i % 9, epoch, expect: { mark: packSeq(run, 0) } })),
            ),
          );
        await write(2, 2, keys);
        await journal.close(3);
        await journal.discard(3);
        await journal.open({ epoch: 4, run: 4 });
        await write(4, 4, keys);
        await journal.open({ epoch: 5, run: 5 });
        const half = keys.slice(0, 100);
        const [swept] = await Promise.all([
          Promise.all([sweepAll(journal, 30), sweepAll(other, 7)]),
          write(5, 5, half),
        ]);
        expect(Math.max(...swept), 'calls').toBeLessThan(1000);
        expect(await journal.sweep(1)).toBe('SWEPT');
        expect(keysOf(await other.page({ after: null, limit: 500 }))).toEqual(half);
        const listed = { field: 'event', value: 'party' };
        expect(keysOf(await other.page({ after: null, limit: 500, listed }))).toEqual(half);
        expect(await other.status()).toMatchObject({ entries: 100, pending: { OLD: 100, NEW: 100 } });
        await journal.advance({ epoch: 6, dropDebtsOf: 'NEW' });
        await sweepAll(journal, 1000);
        expect(keysOf(await other.page({ after: null, limit: 500, listed }))).toEqual(half);
        expect(await other.status()).toMatchObject({ entries: 100, pending: { OLD: 100, NEW: 0 } });
      });

      test('a write that raced with a close is either in the journal or refused', async () => {
        const writes = Array.from({ length: 20 }, (_, i) => journal.append(appendOf(`k${i}`)));
        await other.close(3);
        const before = await other.status();
        const outcomes = (await Promise.all(writes)).map(({ outcome }) => outcome);
        expect(outcomes.filter((outcome) => outcome === 'APPENDED')).toHaveLength(before.entries);
        expect(await other.status(), 'nothing came after').toEqual(before);
      });
    });

    test('any interleaving through two handles is some order of its steps', async () => {
      await opened();
      const { slotBySlot = false, interleavings: runs = 40 } = kind;
      await journalAgainstModel(journal, other, { slotBySlot, runs });
    });
  });
}
