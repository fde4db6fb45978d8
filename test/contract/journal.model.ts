/**
 * The journal against a model of it: steps run at the same time through two handles, and what they answered and left behind
 * must be what the model answers and leaves behind for some order of them.
 */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import type { StoreRole } from '../../src/migration/dataset.ts';
import type { Append, AppendResult, Applied, Journal, JournalEntry } from '../../src/migration/journal/journal.ts';
import { packSeq, type Seq } from '../../src/migration/seq.ts';

const ADDRESSES = [
  { key: 'a', slot: 1, bucket: 0 },
  { key: 'b', slot: 1, bucket: 0 },
  { key: 'c', slot: 2, bucket: 0 },
] as const;
const SLOTS = [1, 2];

type Step =
  | { readonly do: 'APPEND'; readonly append: Append }
  | { readonly do: 'APPLIED'; readonly note: Applied }
  | { readonly do: 'ADVANCE'; readonly epoch: number; readonly dropDebtsOf: StoreRole | null }
  | { readonly do: 'CLOSE'; readonly epoch: number }
  | { readonly do: 'OPEN'; readonly epoch: number }
  | { readonly do: 'DISCARD'; readonly epoch: number }
  | { readonly do: 'SWEEP'; readonly limit: number };
type Answer = AppendResult | number | undefined;

interface ModelSlot {
  readonly epoch: number;
  readonly open: boolean;
  readonly mark: Seq;
  readonly last: Seq;
  readonly noted: Seq;
}

class Model {
  readonly slots: Map<number, ModelSlot>;
  readonly entries: Map<string, JournalEntry>;
  readonly answers: Map<string, AppendResult>;

  constructor(slots: Model['slots'], entries: Model['entries'], answers: Model['answers']) {
    this.slots = slots;
    this.entries = entries;
    this.answers = answers;
  }

  static opened(epoch: number): Model {
    const start = packSeq(epoch, 0);
    const slot: ModelSlot = { epoch, open: true, mark: start, last: start, noted: start };
    return new Model(new Map(SLOTS.map((number) => [number, slot])), new Map(), new Map());
  }

  copy(): Model {
    return new Model(new Map(this.slots), new Map(this.entries), new Map(this.answers));
  }

  slot(number: number): ModelSlot {
    const slot = this.slots.get(number);
    if (!slot) throw new RangeError(`no slot ${number}`);
    return slot;
  }

  run(step: Step): Answer {
    if (step.do === 'APPEND') return this.append(step.append);
    if (step.do === 'APPLIED') this.applied(step.note);
    else if (step.do === 'DISCARD') return this.discard(step.epoch);
    else if (step.do !== 'SWEEP') for (const number of SLOTS) this.move(number, step);
    return undefined;
  }

  append({ address, epoch, expect, image, owedTo, writeId }: Append): AppendResult {
    const answer = this.answers.get(writeId);
    if (answer) return answer;
    const slot = this.slot(address.slot);
    if (!slot.open || slot.epoch !== epoch) return { outcome: 'FENCED' };
    const entry = this.entries.get(address.key);
    const standing = entry ? { seq: entry.seq } : { mark: slot.mark };
    if (!isDeepStrictEqual(expect, standing)) return { outcome: 'CHANGED' };
    const seq = slot.last + 1;
    const lacks = (role: StoreRole) => entry?.lacks[role] ?? (owedTo.includes(role) ? seq : null);
    const { key, slot: number } = address;
    this.entries.set(key, { key, slot: number, seq, image, lacks: { OLD: lacks('OLD'), NEW: lacks('NEW') } });
    this.slots.set(number, { ...slot, last: seq });
    const appended: AppendResult = { outcome: 'APPENDED', seq };
    this.answers.set(writeId, appended);
    return appended;
  }

  applied({ address, seq, role }: Applied): void {
    if (this.entries.get(address.key)?.seq === seq) this.forgive(address.key, role);
  }

  move(number: number, step: Extract<Step, { readonly do: 'ADVANCE' | 'CLOSE' | 'OPEN' }>): void {
    const slot = this.slot(number);
    const { epoch } = step;
    if (epoch <= slot.epoch) return;
    if (step.do === 'CLOSE') {
      this.slots.set(number, { ...slot, epoch, open: false });
      return;
    }
    if (step.do === 'OPEN') {
      const start = packSeq(epoch, 0);
      this.slots.set(number, { epoch, open: true, mark: start, last: start, noted: start });
      for (const key of this.keysIn(number)) this.entries.delete(key);
      return;
    }
    const { dropDebtsOf } = step;
    this.slots.set(number, { ...slot, epoch, open: true, noted: slot.last, ...(dropDebtsOf && { mark: slot.last }) });
    if (dropDebtsOf) for (const key of this.keysIn(number)) this.forgive(key, dropDebtsOf);
  }

  discard(epoch: number): number {
    let dropped = 0;
    for (const number of SLOTS) {
      const slot = this.slot(number);
      if (slot.open || slot.epoch !== epoch) continue;
      this.slots.set(number, { ...slot, mark: slot.last });
      for (const key of this.keysIn(number)) dropped += Number(this.entries.delete(key));
    }
    return dropped;
  }

  keysIn(number: number): readonly string[] {
    return [...this.entries.values()].filter(({ slot }) => slot === number).map(({ key }) => key);
  }

  forgive(key: string, role: StoreRole): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    const lacks = { ...entry.lacks, [role]: null };
    this.entries.set(key, { ...entry, lacks });
    if (lacks.OLD !== null || lacks.NEW !== null) return;
    this.entries.delete(key);
    const slot = this.slot(entry.slot);
    this.slots.set(entry.slot, { ...slot, mark: Math.max(slot.mark, entry.seq) });
  }

  /** In the shape of `observe`. */
  observed() {
    const noted = (role: StoreRole) =>
      [...this.entries.values()].filter(({ slot, lacks }) => {
        const lowest = lacks[role];
        return lowest !== null && lowest <= this.slot(slot).noted;
      }).length;
    const owed = (role: StoreRole) => [...this.entries.values()].filter(({ lacks }) => lacks[role] !== null);
    const page = [...this.entries.keys()].toSorted();
    return {
      entries: ADDRESSES.map(({ key }) => this.entries.get(key)),
      pages: [page, page],
      owed: [owed('OLD'), owed('NEW')].map((entries) => entries.map(({ key }) => key).toSorted()),
      status: { entries: this.entries.size, pending: { OLD: owed('OLD').length, NEW: owed('NEW').length } },
      slots: SLOTS.map((slot) => {
        const { epoch, open, mark } = this.slot(slot);
        return { slot, epoch, open, mark };
      }),
      noted: [noted('OLD'), noted('NEW')],
    };
  }
}

/** Nobody changes anything meanwhile, so that all is asked at once. */
async function observe(journal: Journal) {
  const keys = (found: readonly { readonly key: string }[]) => found.map(({ key }) => key);
  const owed = async (role: StoreRole) => keys(await journal.owed({ role, limit: 9, held: true })).toSorted();
  const page = async (query: Pick<Parameters<Journal['page']>[0], 'listed'>) =>
    keys((await journal.page({ after: null, limit: 9, ...query })).entries);
  const [view, pages, owing, { entries, pending }, noted] = await Promise.all([
    journal.read(ADDRESSES),
    Promise.all([page({}), page({ listed: { field: 'all', value: 1 } })]),
    Promise.all([owed('OLD'), owed('NEW')]),
    journal.status(),
    Promise.all([journal.lacking('OLD', 'NOTED'), journal.lacking('NEW', 'NOTED')]),
  ]);
  return {
    entries: ADDRESSES.map(({ key }) => view.entries.get(key)),
    pages,
    owed: owing,
    status: { entries, pending },
    slots: SLOTS.map((slot) => view.slots.get(slot)),
    noted,
  };
}

const role = fc.constantFrom<StoreRole>('OLD', 'NEW');
const at = fc.constantFrom(...ADDRESSES);
/** What somebody is up to. The fresh ones know what stands in the journal, the others what stood there a while ago. */
const plan = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('APPEND' as const),
      at,
      fresh: fc.boolean(),
      owedTo: fc.subarray<StoreRole>(['OLD', 'NEW'], { minLength: 1 }),
      tombstone: fc.boolean(),
      id: fc.nat(30),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('APPLIED' as const), at, fresh: fc.boolean(), role }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('ADVANCE' as const), ahead: fc.nat(1), dropDebtsOf: fc.option(role) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('CLOSE' as const), ahead: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('OPEN' as const), ahead: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('SWEEP' as const), limit: fc.integer({ min: 1, max: 3 }) }) },
);
/** Of slots that are closed, which nobody moves meanwhile. */
const discard = fc.constant({ do: 'DISCARD' as const });
const isMove = (what: { readonly do: Step['do'] }) => ['ADVANCE', 'CLOSE', 'OPEN'].includes(what.do);
type Plan = typeof plan | typeof discard extends fc.Arbitrary<infer T> ? T : never;

function stepOf(what: Plan, now: Model, before: Model, run: number): Step {
  if (what.do === 'SWEEP') return what;
  if (what.do === 'DISCARD') return { do: what.do, epoch: now.slot(1).epoch };
  if (what.do === 'ADVANCE' || what.do === 'CLOSE' || what.do === 'OPEN') {
    const epoch = now.slot(1).epoch + what.ahead;
    return what.do === 'ADVANCE' ? { do: what.do, epoch, dropDebtsOf: what.dropDebtsOf } : { do: what.do, epoch };
  }
  const known = what.fresh ? now : before;
  const entry = known.entries.get(what.at.key);
  if (what.do === 'APPLIED') {
    return {
      do: what.do,
      note: { address: what.at, seq: entry?.seq ?? known.slot(what.at.slot).last, role: what.role },
    };
  }
  const { epoch, mark } = known.slot(what.at.slot);
  const append: Append = {
    epoch,
    address: what.at,
    expect: entry ? { seq: entry.seq } : { mark },
    writeId: `${run}-${what.at.key}-${what.id}`,
    image: what.tombstone ? null : { old: { id: what.id }, new: { id: String(what.id) } },
    listed: { all: [1] },
    owedTo: what.owedTo,
    holdMs: 0,
  };
  return { do: what.do, append };
}

async function perform(journal: Journal, step: Step): Promise<Answer> {
  switch (step.do) {
    case 'APPEND':
      return journal.append(step.append);
    case 'APPLIED':
      await journal.applied([step.note]);
      return undefined;
    case 'ADVANCE':
      await journal.advance(step);
      return undefined;
    case 'CLOSE':
      await journal.close(step.epoch);
      return undefined;
    case 'OPEN':
      await journal.open({ epoch: step.epoch, run: step.epoch });
      return undefined;
    case 'DISCARD':
      return journal.discard(step.epoch);
    case 'SWEEP':
      // How much there is to sweep is the journal's own business.
      await journal.sweep(step.limit);
      return undefined;
    default:
      return step satisfies never;
  }
}

function orders<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((item, i) => orders(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

/** The model after some order of the steps that gives these answers and leaves that behind; throws if there is none. */
function explain(model: Model, steps: readonly Step[], answers: readonly unknown[], left: unknown): Model {
  for (const order of orders([...steps.keys()])) {
    const after = model.copy();
    const given = new Map(order.map((i) => [i, steps[i] && after.run(steps[i])]));
    const same = answers.every((answer, i) => isDeepStrictEqual(answer, given.get(i)));
    if (same && isDeepStrictEqual(left, after.observed())) return after;
  }
  throw new Error(`No order of these steps explains the answers: ${JSON.stringify({ steps, answers, left })}`);
}

/**
 * Both handles are of one journal that has been opened below epoch 1000. `slotBySlot`: two moves at once may take effect in one order in one
 * slot and in the other order in the next, which epochs keep apart in earnest, so that they are tried one at a time.
 */
export async function journalAgainstModel(
  journal: Journal,
  other: Journal,
  { slotBySlot = false, runs = 40 } = {},
): Promise<void> {
  let run = 0;
  const batch = fc.oneof(
    {
      weight: 12,
      arbitrary: fc
        .array(plan, { minLength: 1, maxLength: 3 })
        .map((plans) => plans.filter((what, i) => !slotBySlot || !isMove(what) || plans.findIndex(isMove) === i)),
    },
    { weight: 1, arbitrary: fc.tuple(discard) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 12 }), async (batches) => {
      const epoch = ++run * 1000;
      await journal.open({ epoch, run: epoch });
      let model = Model.opened(epoch);
      let before = model;
      for (const plans of batches) {
        const known = model;
        const steps = plans.map((what) => stepOf(what, known, before, run));
        const answers = await Promise.all(steps.map((step, i) => perform(i % 2 ? other : journal, step)));
        before = model;
        model = explain(model, steps, answers, await observe(other));
      }
    }),
    { numRuns: runs },
  );
}
