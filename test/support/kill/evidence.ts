/** Was the process killed where it should have been? What the files say of the call before or after which it died. */
import type { StoreRole } from '../../../src/migration/dataset.ts';
import type { Append } from '../../../src/migration/journal/journal.ts';
import type { RangeStep, VerificationRange, VerificationRow } from '../../../src/migration/control/control.ts';
import type { CopyBatch, DirectChange } from '../../../src/migration/stores/store.ts';
import type { Files } from './files.ts';
import { argumentsOf, roleOf, type Sprung } from './trap.ts';

/** null: the call left nothing that could be told apart, or is not known here. */
type Seen = 'BEFORE' | 'AFTER' | null;
type Look = (files: Files, sprung: Sprung) => Seen;

const after = (done: boolean): Seen => (done ? 'AFTER' : 'BEFORE');

const LOOKS: Readonly<Record<string, Look>> = {
  'control.compareAndSet': ({ record }, { args }) =>
    after(Number(record['revision']) >= argumentsOf('control.compareAndSet', args)[1].revision),

  'fence.raise': ({ fence }, { call, args }) => {
    const [wanted] = argumentsOf('fence.raise', args);
    const { epoch, step } = fence[roleOf(call)];
    return after(Number(epoch) === wanted.epoch && Number(step) === wanted.step);
  },

  'journal.open': ({ slots }, { args }) => slotsAt(slots, epochOf(args), 1),
  'journal.advance': ({ slots }, { args }) => slotsAt(slots, epochOf(args), 1),
  'journal.close': ({ slots }, { args }) => slotsAt(slots, Number(args[0]), 0),
  'journal.note': ({ slots }, { args }) => after(Number(slots.least['noted']) >= Number(args[0])),
  'journal.discard': ({ entries }, { result }) => (Number(result) > 0 || entries > 0 ? after(entries === 0) : null),

  'journal.append': (files, { args }) => {
    const [{ writeId }] = argumentsOf('journal.append', args);
    const made = files.all('CONTROL', 'select seq from crossfade_journal_write where write_id = ?', writeId);
    return after(made.length > 0);
  },

  'journal.applied': (files, { args, when }) => {
    const [notes] = argumentsOf('journal.applied', args);
    if (!notes.every(({ role, address, seq }) => files.guard(role, address.key) >= seq)) return null;
    // Entries that were replaced meanwhile owe for their own seq, and tell nothing.
    const same = notes.filter(({ address, seq }) => Number(files.entry(address.key)?.['seq'] ?? seq) === seq);
    if (same.length === 0) return when;
    return after(!same.some(({ role, address, seq }) => owes(files, role, address.key, seq)));
  },

  'writer.apply': (files, { call, args }) => {
    const role = roleOf(call);
    const [, entries] = argumentsOf('writer.apply', args);
    const done = entries.every(({ key, seq }) => files.guard(role, key) >= seq);
    // It is on its way: the journal still knows that this store lacks it.
    if (entries.some(({ key, seq }) => owes(files, role, key, seq))) return after(done);
    // Or the drain has brought it as well, and noted that, before this call answered: it is on its way as long as the other store lacks it.
    const other = role === 'OLD' ? 'NEW' : 'OLD';
    return done && entries.some(({ key, seq }) => owes(files, other, key, seq)) ? 'AFTER' : null;
  },

  'writer.copy': (files, { args }) => {
    const batch = args[1] as CopyBatch;
    const { after: position, complete } = files.one('NEW', 'select * from crossfade_checkpoint');
    if (position === batch.to) return complete === (batch.complete ? 1 : 0) ? 'AFTER' : null;
    return position === batch.from && files.entries > 0 ? 'BEFORE' : null;
  },

  'writer.empty': ({ fence }, { args, when }) =>
    fence.NEW['mode'] === 'CLOSED' && Number(fence.NEW['epoch']) === Number(args[0]) ? when : null,

  'writer.direct': (files, { call, args }) => {
    const { key, expect, next } = args[0] as DirectChange;
    const [phone, event] = key.split('\u0001');
    const found = files.participations(roleOf(call)).find((row) => row.phone === phone && row.event === event);
    const isThere = (row: DirectChange['next']) => (found?.updated_at ?? null) === (row?.['updatedAt'] ?? null);
    return isThere(next) ? 'AFTER' : isThere(expect) ? 'BEFORE' : null;
  },

  'writer.insertMissing': (files, { args }) => {
    const rows = args[1] as readonly { readonly phone: string }[];
    const there = new Set(files.participations('OLD').map(({ phone }) => phone));
    return after(rows.every(({ phone }) => there.has(phone)));
  },

  'control.splitVerification': (files) =>
    after(files.all('CONTROL', 'select * from crossfade_verification_range').length > 0),

  'control.advanceVerification': (files, { args }) => {
    const [, from, step] = args as readonly [VerificationRow, VerificationRange, RangeStep];
    const ranges = files.all('CONTROL', 'select * from crossfade_verification_range order by part');
    const { position, covered } = ranges[from.part] ?? {};
    if (position === step.position && covered === Number(step.covered)) return 'AFTER';
    return position === from.position && covered === 0 ? 'BEFORE' : null;
  },
  'control.startVerification': (files) =>
    after(files.all('CONTROL', 'select * from crossfade_verification').length > 0),
};

/** Where the files say that the process died. */
export function seenIn(files: Files, sprung: Sprung): Seen {
  const [call = ''] = sprung.call.split(' ');
  const look = LOOKS[call] ?? LOOKS[call.replace(/^(OLD|NEW)\./, '')];
  if (!look) throw new Error(`nobody knows how to see ${sprung.call}`);
  return look(files, sprung);
}

function owes(files: Files, role: StoreRole, key: string, seq: number): boolean {
  const entry = files.entry(key);
  if (!entry || Number(entry['seq']) < seq) return false;
  return entry[role === 'OLD' ? 'lacks_old' : 'lacks_new'] !== null;
}

function epochOf(args: readonly unknown[]): number {
  return (args[0] as Pick<Append, 'epoch'>).epoch;
}

function slotsAt({ least, most }: Files['slots'], epoch: number, open: 0 | 1): Seen {
  if (Number(least['epoch']) === epoch && Number(least['open']) === open && Number(most['open']) === open)
    return 'AFTER';
  return Number(most['epoch']) < epoch ? 'BEFORE' : null;
}
