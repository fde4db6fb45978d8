/**
 * The writing device: one write, whatever state the dataset is in or goes through meanwhile.
 *
 *   direct      read the row -> decide -> compare-and-set under the store's fence. The commit is the acknowledgement.
 *   journaled   read (epoch, entry, mark), without an entry the authority's row -> decide -> append, if nothing has changed
 *               -> see the entry home: bring it to the stores until the rule in force lets it be acknowledged.
 *
 * Before the append a refused writer reads the control record again and starts over. After it, it never starts over: its write has
 * taken effect, and it waits until that may be told.
 */
import { randomUUID } from 'node:crypto';
import type { Decision, Mutated, Situation } from './api.ts';
import type { Clock } from './clock.ts';
import type { ControlRecord } from './control/control.ts';
import type { View } from './control/view.ts';
import { epochOf, logicOf, placeOf } from './control/situation.ts';
import { Unmappable, type Address, type Faces, type Row, type StoreRole } from './dataset.ts';
import { badInput, CrossfadeError, hasCode } from './errors.ts';
import { facesOf, facesOfImage, mapStored } from './faces.ts';
import { seeHome, type HomeDevices, type Traveller } from './home.ts';
import type { AppendResult, Image, JournalEntry, Listed, Slot } from './journal/journal.ts';
import { authorityOf, LADDER, soleAuthority, type JournalWrite } from './states.ts';

export interface WriteDevices extends HomeDevices {
  readonly clock: Clock;
}

/** One write on its way. */
export interface Write<R> {
  readonly address: Address;
  readonly decide: (current: Faces | null, situation: Situation) => Decision<Row, Row, R>;
  readonly deadline: number;
  /** Wait for both stores, whatever the rule in force says. */
  readonly everywhere: boolean;
}

/** What a write found where it will write. */
interface Base {
  readonly faces: Faces | null;
  /** The row as the authority's table has it: what a direct write compares with. */
  readonly stored: Row | null;
  /** The key is taken by a row that waits in the new store's quarantine. */
  readonly quarantined: boolean;
}

/** How long a writer looks after its own entry before replay may, milliseconds. */
const HOLD_MS = 1000;
/** An append whose answer was lost is repeated under its write id this often. */
const APPEND_TRIES = 3;

type Attempt<R> = Mutated<Row, Row, R> | 'AGAIN';

export async function mutate<R>(devices: WriteDevices, write: Write<R>): Promise<Mutated<Row, Row, R>> {
  let writeId: string | undefined;
  for (;;) {
    const view = devices.lease.held() ?? (await devices.lease.current(write.deadline));
    const rung = LADDER[placeOf(view.record).state];
    const attempt =
      rung.write.via === 'STORE'
        ? await direct(devices, write, view)
        : await journaled(devices, write, view, rung.write, (writeId ??= randomUUID()));
    if (attempt !== 'AGAIN') return attempt;
    goOnInTime(devices, write);
  }
}

async function direct<R>(devices: WriteDevices, write: Write<R>, view: View): Promise<Attempt<R>> {
  const { record } = view;
  const place = placeOf(record);
  // In the states with direct writes a key is at home where all are, and need not be placed.
  const role = soleAuthority(place) ?? authorityOf(place, write.address.bucket);
  const base = await readBase(devices, role, write.address.key);
  const decision = write.decide(base.faces, situationOf(record));
  if ('refuse' in decision) {
    if (!(await stillDirect(devices, role, record))) {
      await devices.lease.changed(view, write);
      return 'AGAIN';
    }
    // A refusal tells what the row is, so it needs what any read needs: that its view is still the one in force.
    return devices.lease.peek() === view ? refused(decision.refuse, base.faces) : 'AGAIN';
  }
  const after = await facesAfter(devices, write.address, decision);
  const next = after && (role === 'OLD' ? after.old : after.new);
  if (after && !next) throw unmappable('The row has no counterpart in the store that is in use.');
  goOnInTime(devices, write);
  const outcome = await devices.stores[role].writer.direct({
    epoch: epochOf(record),
    key: write.address.key,
    expect: base.stored,
    next,
    ...(base.quarantined && { releases: true }),
  });
  if (outcome === 'WRITTEN') return { outcome: 'WRITTEN', before: base.faces, after };
  if (outcome === 'FENCED') await devices.lease.changed(view, write);
  return 'AGAIN';
}

async function journaled<R>(
  devices: WriteDevices,
  write: Write<R>,
  view: View,
  plan: JournalWrite,
  writeId: string,
): Promise<Attempt<R>> {
  const { address } = write;
  const { entry, slot } = await readEntry(devices, address);
  if (!slot.open || slot.epoch !== epochOf(view.record)) {
    await devices.lease.changed(view, write);
    return 'AGAIN';
  }
  const role = authorityOf(placeOf(view.record), address.bucket);
  const before = entry
    ? entry.image && facesOfImage(entry.key, entry.image)
    : (await readBase(devices, role, address.key)).faces;
  const decision = write.decide(before, situationOf(view.record));
  if ('refuse' in decision) {
    const holds = entry
      ? await isHome(devices, { address, ...entry }, write)
      : !(await hasChanged(devices, address, slot)) && devices.lease.peek() === view;
    return holds ? refused(decision.refuse, before) : 'AGAIN';
  }
  const image = await imageAfter(devices, decision);
  goOnInTime(devices, write);
  const appended = await append(devices, write, {
    epoch: epochOf(view.record),
    address,
    expect: entry ? { seq: entry.seq } : { mark: slot.mark },
    writeId,
    image,
    listed: listedValues(devices, before, image),
    owedTo: plan.owedTo,
    holdMs: plan.applyTo.length > 0 ? HOLD_MS : 0,
  });
  if (appended.outcome === 'CHANGED') return 'AGAIN';
  if (appended.outcome === 'FENCED') {
    await devices.lease.changed(view, write);
    return 'AGAIN';
  }
  await seeHome(devices, { address, seq: appended.seq, image }, write);
  return { outcome: 'WRITTEN', before, after: image && facesOfImage(address.key, image) };
}

/**
 * Nothing is written after the deadline, whatever the write has waited for: its client has been answered, and may have looked since what
 * became of it.
 */
function goOnInTime({ clock }: WriteDevices, { deadline }: { readonly deadline: number }): void {
  if (clock.monotonic() >= deadline) throw new CrossfadeError('DEADLINE_EXCEEDED');
}

/** An append that fails may have been made: only the same write id can tell. */
async function append<R>(
  devices: WriteDevices,
  write: Write<R>,
  request: Parameters<WriteDevices['journal']['append']>[0],
): Promise<AppendResult> {
  for (let tried = 1; ; tried++) {
    try {
      return await devices.journal.append(request);
    } catch (error) {
      if (!hasCode(error, 'JOURNAL_UNAVAILABLE')) throw error;
      const late = devices.clock.monotonic() >= write.deadline;
      if (tried === APPEND_TRIES || late) throw new CrossfadeError('OUTCOME_UNKNOWN', { cause: error });
    }
  }
}

async function readEntry(
  { journal }: WriteDevices,
  address: Address,
): Promise<{ readonly entry: JournalEntry | null; readonly slot: Slot }> {
  const { entries, slots } = await journal.read([address]);
  const slot = slots.get(address.slot);
  if (!slot) throw new CrossfadeError('JOURNAL_UNAVAILABLE', { message: `Journal slot ${address.slot} is missing.` });
  return { entry: entries.get(address.key) ?? null, slot };
}

/**
 * Had no journal taken over when the row was read? Under an announce another instance may know of the flip before this one does, and
 * have acknowledged a write that only the journal holds; as long as the fence stands, none can have.
 */
async function stillDirect({ stores }: WriteDevices, role: StoreRole, record: ControlRecord): Promise<boolean> {
  if (!record.switching) return true;
  const fence = await stores[role].fence.read();
  return fence?.mode === 'DIRECT' && fence.epoch === epochOf(record);
}

/** A refusal that rests on somebody's entry waits until that one may be acknowledged. If that stays unknown, this write has still changed nothing. */
async function isHome<R>(devices: WriteDevices, traveller: Traveller, write: Write<R>): Promise<boolean> {
  try {
    await seeHome(devices, traveller, write);
    return true;
  } catch (error) {
    if (hasCode(error, 'OUTCOME_UNKNOWN')) return false;
    throw error;
  }
}

/** A refusal that rests on a store's row holds only if no write of the key went through the journal meanwhile. */
async function hasChanged(devices: WriteDevices, address: Address, before: Slot): Promise<boolean> {
  const { entry, slot } = await readEntry(devices, address);
  return entry !== null || slot.mark !== before.mark || slot.epoch !== before.epoch;
}

async function readBase(devices: WriteDevices, role: StoreRole, key: string): Promise<Base> {
  const store = devices.stores[role];
  const stored = (await store.reader.load([key])).get(key);
  if (stored) {
    const [faces] = await mapStored(devices.dataset, role, [stored]);
    return { faces: faces ?? null, stored: 'row' in stored ? stored.row : null, quarantined: false };
  }
  const waiting = role === 'NEW' ? (await store.quarantine.find([key])).get(key) : undefined;
  if (!waiting) return { faces: null, stored: null, quarantined: false };
  const row = JSON.parse(waiting.row) as Row;
  return { faces: { key, old: row, new: null }, stored: null, quarantined: true };
}

/** Both faces of what a direct write leaves; the face of the store that is not in use may be missing. */
async function facesAfter(
  devices: WriteDevices,
  address: Address,
  decision: Exclude<Decision<Row, Row, never>, { refuse: never }>,
): Promise<Faces | null> {
  if ('remove' in decision) return null;
  const [role, row] = faceOf(decision.write);
  return facesOf(await devices.dataset.mapper([row]), role, address.key, row);
}

/** Both faces of what a journaled write leaves: both stores must be able to take it, or it is refused now. */
async function imageAfter(
  devices: WriteDevices,
  decision: Exclude<Decision<Row, Row, never>, { refuse: never }>,
): Promise<Image | null> {
  if ('remove' in decision) return null;
  const [role, row] = faceOf(decision.write);
  const mapper = await devices.dataset.mapper([row]);
  try {
    return role === 'OLD' ? { old: row, new: mapper.toNew(row) } : { old: mapper.toOld(row), new: row };
  } catch (error) {
    if (error instanceof Unmappable) throw unmappable(error.message);
    throw error;
  }
}

function faceOf(write: { readonly old: Row } | { readonly new: Row }): readonly [StoreRole, Row] {
  return 'old' in write ? ['OLD', write.old] : ['NEW', write.new];
}

/** Every value under which a store may show the row until the entry has left, and the one under which it will. */
function listedValues({ dataset }: WriteDevices, before: Faces | null, image: Image | null): Listed {
  const faces = [before?.old, before?.new, image?.old];
  return Object.fromEntries(
    dataset.definition.listBy.map((field) => {
      const values = faces.flatMap((row) => (row ? [row[field] ?? null] : []));
      return [field, [...new Set(values)]];
    }),
  );
}

function situationOf(record: ControlRecord): Situation {
  return { place: placeOf(record), logic: logicOf(record) };
}

function refused<R>(refusal: R, current: Faces | null): Mutated<Row, Row, R> {
  return { outcome: 'REFUSED', refusal, current };
}

function unmappable(reason: string): CrossfadeError {
  return badInput('input', `The row cannot be kept in both stores: ${reason}`);
}
