/** What is read of the journal. */
import type { Value } from '../../dataset.ts';
import { compareKeys, encodeKey, type KeyField } from '../../key.ts';
import type { Image, Journal, JournalEntry, OwedEntry, Slot } from '../journal.ts';
import { ALL_SLOTS, chunks, type Access, type Step } from './access.ts';
import { firstOf, type Batch, type Place } from './merge.ts';

/** Keys that one script looks up. */
const READ_KEYS = 256;
/** Strings that a script gives for an entry: member, lacked by OLD, lacked by NEW, and what is stored. */
const STRINGS = 4;
/** Of one that is owed: member, and what is stored. */
const OWED_STRINGS = 2;

/** Between the head of what is stored of an entry and its image. */
const STORED_IMAGE = '\u0002';

/** An entry as a script gives it. More are read than are wanted, so that images are parsed of those that are. */
interface Owed extends Omit<OwedEntry, 'image'> {
  /** JSON; '': tombstone. */
  readonly image: string;
  /** When the oldest append arrived of which a store lacks something, milliseconds since 1970. */
  readonly since: number;
}
type Found = Owed & Pick<JournalEntry, 'lacks'>;

export function reads(access: Access): Pick<Journal, 'read' | 'page' | 'owed' | 'lacking' | 'status'> {
  return {
    async read(addresses) {
      const entries = new Map<string, JournalEntry>();
      const slots = new Map<number, Slot>();
      const bySlot = Map.groupBy(addresses, ({ slot }) => slot);
      const steps = [...bySlot].flatMap(([slot, ofSlot]) =>
        chunks([...new Set(ofSlot.map(({ key }) => memberOf(key)))], READ_KEYS).map((keys) => ({ slot, args: keys })),
      );
      const replies = await access.runEach('read', steps);
      for (const [i, { values }] of replies.entries()) {
        const slot = steps[i]?.slot ?? 0;
        slots.set(slot, slotOf(slot, values));
        for (const found of foundIn(slot, values.slice(3))) entries.set(found.key, entryOf(found));
      }
      return { entries, slots };
    },

    async page({ after, limit, listed, slot }) {
      const { name, least, upTo } = rangeOf(access.keyFields, listed);
      const skip = Buffer.byteLength(name);
      const begin =
        after !== null && compareKeys(memberOf(after), least) >= 0 ? `(${name}${memberOf(after)}` : `[${name}${least}`;
      const stepAt = ({ slot: number, from }: Place, count: number): Step => {
        return { slot: number, args: [from === null ? begin : `(${name}${from}`, upTo, count, skip] };
      };
      const fetch = (places: readonly Place[], count: number) =>
        batches(
          access,
          { script: 'page', foundIn },
          places.map((place) => stepAt(place, count)),
        );
      const asked = slot === undefined ? ALL_SLOTS : [slot];
      const { entries, slots } = await firstOf(asked, limit, fetch, byKey);
      return { entries: entries.map(entryOf), slots };
    },

    async owed({ role, limit, held, slots }) {
      const now = held ? '' : access.clock.wall();
      const stepAt = ({ slot, from }: Place, count: number): Step => {
        return { slot, args: [role, from ?? 0, count, now] };
      };
      const fetch = (places: readonly Place[], count: number) =>
        batches(
          access,
          { script: 'owed', foundIn: owedIn },
          places.map((place) => stepAt(place, count)),
        );
      const asked = slots ? ALL_SLOTS.slice(slots.from, slots.below) : ALL_SLOTS;
      const { entries } = await firstOf(asked, limit, fetch, byAge);
      return entries.map(({ key, slot, seq, image }) => ({ key, slot, seq, image: imageOf(image) }));
    },

    async lacking(role, what) {
      const { lacked, noted } = await counts(access);
      return what === 'ALL' ? lacked[role] : noted[role];
    },

    async status() {
      const { entries, lacked, oldest } = await counts(access);
      const age = oldest === null ? null : Math.max(0, access.clock.wall() - oldest) / 1000;
      return { entries, oldestAgeSeconds: age, pending: lacked };
    },
  };
}

function byKey(a: Owed, b: Owed): number {
  return compareKeys(a.key, b.key);
}

/**
 * A slot gives out its entries by what the store lacks of them, which is this order but for entries that it began to lack later; what
 * came in one millisecond has no other order.
 */
function byAge(a: Owed, b: Owed): number {
  return a.since - b.since;
}

interface Range {
  /** Under which its entries are in the index. */
  readonly name: string;
  /** The least member (NUL, key) that it may have. */
  readonly least: string;
  /** A bound of the index. */
  readonly upTo: string;
}

/**
 * Where entries are that are listed under a value: under a name of their own, or, as all entries of one value of the first key field are
 * beside each other in the order of the keys, there.
 */
function rangeOf(
  keyFields: readonly KeyField[],
  listed: { readonly field: string; readonly value: Value } | undefined,
): Range {
  const first = listed && listedByKey(keyFields, listed.field);
  if (!first) {
    const name = listed ? listedName(listed.field, listed.value) : '';
    // Members are name, NUL, key: U+0001 in place of the NUL is above all of them.
    return { name, least: '\0', upTo: `(${name}\u0001` };
  }
  // No key has such a value, and no key is empty and below itself.
  if (listed.value === null || (typeof listed.value === 'number') !== (first.type === 'integer')) {
    return { name: '', least: '\0', upTo: '(\0' };
  }
  const part = memberOf(encodeKey([first], { [first.field]: listed.value }));
  if (keyFields.length === 1) return { name: '', least: part, upTo: `[${part}` };
  // Behind a part stands U+0001, and nothing lower.
  return { name: '', least: `${part}\u0001`, upTo: `(${part}\u0002` };
}

/** The first key field, if it is this one. */
export function listedByKey(keyFields: readonly KeyField[], field: string): KeyField | undefined {
  const [first] = keyFields;
  return first?.field === field ? first : undefined;
}

/** A field with one of its values, as entries are listed under it. JSON has no NUL. */
export function listedName(field: string, value: Value): string {
  return `${field}\0${JSON.stringify(value)}`;
}

/** A key as scripts know it. */
export function memberOf(key: string): string {
  return `\0${key}`;
}

async function counts(access: Access) {
  const replies = await access.runAll('counts', []);
  const sum = (column: number) => replies.reduce((total, { values }) => total + Number(values[column]), 0);
  const times = replies.flatMap(({ values }) => (values[5] === '' ? [] : [Number(values[5])]));
  return {
    entries: sum(0),
    lacked: { OLD: sum(1), NEW: sum(2) },
    noted: { OLD: sum(3), NEW: sum(4) },
    oldest: times.length === 0 ? null : Math.min(...times),
  };
}

async function batches<T>(
  access: Access,
  how: { readonly script: 'page' | 'owed'; foundIn(slot: number, values: readonly string[]): readonly T[] },
  steps: readonly Step[],
): Promise<readonly Batch<T>[]> {
  const replies = await access.runEach(how.script, steps);
  return replies.map(({ values }, i) => {
    const slot = steps[i]?.slot ?? 0;
    return { slot: slotOf(slot, values), entries: how.foundIn(slot, values.slice(4)), next: values[3] || null };
  });
}

function slotOf(slot: number, [epoch, open, mark]: readonly string[]): Slot {
  return { slot, epoch: Number(epoch), open: open === '1', mark: Number(mark) };
}

function foundIn(slot: number, values: readonly string[]): readonly Found[] {
  const found: Found[] = [];
  for (let i = 0; i < values.length; i += STRINGS) {
    const [old, next] = [values[i + 1], values[i + 2]];
    const lacks = { OLD: old ? Number(old) : null, NEW: next ? Number(next) : null };
    found.push({ ...storedAt(slot, values[i] ?? '', values[i + 3] ?? ''), lacks });
  }
  return found;
}

function owedIn(slot: number, values: readonly string[]): readonly Owed[] {
  const found: Owed[] = [];
  for (let i = 0; i < values.length; i += OWED_STRINGS)
    found.push(storedAt(slot, values[i] ?? '', values[i + 1] ?? ''));
  return found;
}

function storedAt(slot: number, member: string, stored: string): Owed {
  const image = stored.indexOf(STORED_IMAGE);
  const since = stored.indexOf(' ') + 1;
  return {
    key: member.slice(1),
    slot,
    seq: Number(stored.slice(0, since - 1)),
    since: Number(stored.slice(since, stored.indexOf(' ', since))),
    image: stored.slice(image + 1),
  };
}

function entryOf({ key, slot, seq, image, lacks }: Found): JournalEntry {
  return { key, slot, seq, image: imageOf(image), lacks };
}

function imageOf(text: string): Image | null {
  return text === '' ? null : JSON.parse(text);
}
