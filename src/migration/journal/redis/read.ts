/** What is read of the journal. */
import type { Value } from '../../dataset.ts';
import { compareKeys } from '../../key.ts';
import type { Image, Journal, JournalEntry, Slot } from '../journal.ts';
import { ALL_SLOTS, chunks, type Access, type Step } from './access.ts';
import { firstOf, type Batch, type Place } from './merge.ts';

/** Keys that one script looks up. */
const READ_KEYS = 256;
/** Strings that a script gives for an entry: member, lacked by OLD, lacked by NEW, and what is stored. */
const STRINGS = 4;

/** Between the head of what is stored of an entry and its image. */
const STORED_IMAGE = '\u0002';

/** An entry as a script gives it. More are read than are wanted, so that images are parsed of those that are. */
interface Found extends Omit<JournalEntry, 'image'> {
  /** JSON; '': tombstone. */
  readonly image: string;
  /** When the oldest append arrived of which a store lacks something, milliseconds since 1970. */
  readonly since: number;
}

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
      const name = listed ? listedName(listed.field, listed.value) : '';
      // Members are name, NUL, key: U+0001 in place of the NUL is above all of them.
      const upTo = `(${name}\u0001`;
      const skip = Buffer.byteLength(name);
      const stepAt = ({ slot: number, from }: Place, count: number): Step => {
        const start = from ?? (after === null ? null : memberOf(after));
        const bound = start === null ? `[${name}\0` : `(${name}${start}`;
        return { slot: number, args: [bound, upTo, count, skip] };
      };
      const fetch = (places: readonly Place[], count: number) => batches(access, 'page', places, count, stepAt);
      const asked = slot === undefined ? ALL_SLOTS : [slot];
      const { entries, slots } = await firstOf(asked, limit, fetch, byKey);
      return { entries: entries.map(entryOf), slots };
    },

    async owed({ role, limit, held, slots }) {
      const now = held ? '' : access.clock.wall();
      const stepAt = ({ slot, from }: Place, count: number): Step => {
        return { slot, args: [role, from ?? 0, count, now] };
      };
      const fetch = (places: readonly Place[], count: number) => batches(access, 'owed', places, count, stepAt);
      const asked = slots ? ALL_SLOTS.slice(slots.from, slots.below) : ALL_SLOTS;
      return (await firstOf(asked, limit, fetch, byAge)).entries.map(entryOf);
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

function byKey(a: Found, b: Found): number {
  return compareKeys(a.key, b.key);
}

/** A slot gives out its entries by what the store lacks of them, which is this order but for entries that it began to lack later. */
function byAge(a: Found, b: Found): number {
  return a.since - b.since || byKey(a, b);
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

async function batches(
  access: Access,
  script: 'page' | 'owed',
  places: readonly Place[],
  count: number,
  stepAt: (place: Place, count: number) => Step,
): Promise<readonly Batch<Found>[]> {
  const steps = places.map((place) => stepAt(place, count));
  const replies = await access.runEach(script, steps);
  return replies.map(({ values }, i) => {
    const slot = steps[i]?.slot ?? 0;
    return { slot: slotOf(slot, values), entries: foundIn(slot, values.slice(4)), next: values[3] || null };
  });
}

function slotOf(slot: number, [epoch, open, mark]: readonly string[]): Slot {
  return { slot, epoch: Number(epoch), open: open === '1', mark: Number(mark) };
}

function foundIn(slot: number, values: readonly string[]): readonly Found[] {
  return chunks(values, STRINGS).map(([member = '', old, next, stored = '']) => {
    const [head, image] = halves(stored, STORED_IMAGE);
    const [seq, since] = head.split(' ', 2);
    return {
      key: member.slice(1),
      slot,
      seq: Number(seq),
      image,
      lacks: { OLD: old ? Number(old) : null, NEW: next ? Number(next) : null },
      since: Number(since),
    };
  });
}

function halves(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}

function entryOf({ key, slot, seq, image, lacks }: Found): JournalEntry {
  return { key, slot, seq, image: image ? imageOf(image) : null, lacks };
}

function imageOf(text: string): Image {
  return JSON.parse(text);
}
