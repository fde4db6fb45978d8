/**
 * Appends that are asked for at the same moment go to the server together: what a script costs before it does anything is more than
 * what one append costs. Each is decided for itself, and each slot's are one after the other; a script is atomic, so it is for each of them.
 */
import { CrossfadeError } from '../../errors.ts';
import type { KeyField } from '../../key.ts';
import type { Append, AppendResult } from '../journal.ts';
import type { Access, Appended } from './access.ts';
import { listedByKey, listedName, memberOf } from './read.ts';

/** Appends of one script: the server does nothing else meanwhile, and while it does this much, more are made ready. */
const MOST = 32;
const DEBTS = { OLD: 'O', NEW: 'N' } as const;

interface Waiting {
  readonly append: Append;
  /** What was trusted when it was asked for. */
  readonly trusted: string | null;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

/** What one script takes: all trust the same, and no two are of one key. On a cluster all are of one slot, whose keys are on one server. */
interface Batch {
  readonly trusted: string | null;
  readonly slot: number | null;
  readonly keys: Set<string>;
  readonly writes: Waiting[];
}

export class Appender {
  readonly #access: Access;
  readonly #answersMs: number;
  #waiting: Waiting[] = [];

  constructor(access: Access, answersMs: number) {
    this.#access = access;
    this.#answersMs = answersMs;
  }

  append(append: Append): Promise<AppendResult> {
    const { promise, resolve, reject } = Promise.withResolvers<AppendResult>();
    // After all that is ready to run now has run, and before anything is waited for.
    if (this.#waiting.length === 0) process.nextTick(() => this.#flush());
    this.#waiting.push({ append, trusted: this.#access.trusted, resolve, reject });
    return promise;
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const batch of batched(waiting, this.#access.connection.isSingle)) void this.#send(batch);
  }

  async #send({ trusted, writes }: Batch): Promise<void> {
    try {
      const { connection } = this.#access;
      const full = connection.seenFull() ?? (await this.#access.guard(null, () => connection.looksFull()));
      const groups = [...Map.groupBy(writes, ({ append }) => `${append.address.slot} ${append.epoch}`).values()];
      const ordered = groups.flat();
      const now = this.#access.clock.wall();
      const answers = await this.#access.append(
        { trusted, slots: groups.map(slotOf), of: ordered.map(({ append }) => append.address.slot) },
        [now, this.#answersMs, full ? 1 : 0, ...groups.flatMap((group) => argsOf(group, now, this.#access.keyFields))],
      );
      for (const [i, { append, resolve, reject }] of ordered.entries()) {
        try {
          const answer = answers[i];
          if (!answer) throw new RangeError('each write has one answer');
          resolve(this.#resultOf(append, answer(), full));
        } catch (error) {
          reject(error);
        }
      }
    } catch (error) {
      for (const { reject } of writes) reject(error);
    }
  }

  #resultOf({ address }: Append, { outcome, values }: Appended, full: boolean): AppendResult {
    if (outcome === 'APPENDED') return { outcome, seq: Number(values[0]) };
    if (outcome !== 'FULL') return { outcome };
    throw new CrossfadeError('JOURNAL_FULL', {
      message: full
        ? 'The memory of a server of the journal is nearly used up.'
        : `Slot ${address.slot} of the journal of ${this.#access.dataset} has given out all seqs of its run.`,
    });
  }
}

function batched(waiting: readonly Waiting[], isSingle: boolean): readonly Batch[] {
  const batches: Batch[] = [];
  for (const write of waiting) {
    const { key, slot } = write.append.address;
    const place = isSingle ? null : slot;
    // A later write of a key goes into a later script; scripts run in the order in which they are sent.
    const last = batches.findLast((batch) => batch.slot === place);
    const fits =
      last && last.trusted === write.trusted && last.writes.length < MOST && !last.keys.has(`${slot} ${key}`);
    const batch = fits ? last : { trusted: write.trusted, slot: place, keys: new Set<string>(), writes: [] };
    if (!fits) batches.push(batch);
    batch.keys.add(`${slot} ${key}`);
    batch.writes.push(write);
  }
  return batches;
}

function slotOf(group: readonly Waiting[]): number {
  const [first] = group;
  if (!first) throw new RangeError('a group has a write');
  return first.append.address.slot;
}

/** As the script takes them of one slot and epoch. */
function argsOf(group: readonly Waiting[], now: number, keyFields: readonly KeyField[]): readonly (string | number)[] {
  const args: (string | number)[] = [group[0]?.append.epoch ?? 0, group.length];
  for (const { append } of group) {
    const { address, expect, image, owedTo } = append;
    args.push(
      append.writeId,
      memberOf(address.key),
      'seq' in expect ? `s${expect.seq}` : `m${expect.mark}`,
      now + append.holdMs,
      owedTo.map((role) => DEBTS[role]).join(''),
      namesOf(append, keyFields),
      image ? JSON.stringify(image) : '',
    );
  }
  return args;
}

/** Each ended by U+0001, which JSON and names of fields do not have. What the order of the keys says needs no name. */
function namesOf({ listed }: Append, keyFields: readonly KeyField[]): string {
  let names = '';
  for (const field in listed) {
    if (listedByKey(keyFields, field)) continue;
    for (const value of listed[field] ?? []) names += `${listedName(field, value)}\u0001`;
  }
  return names;
}
