/**
 * The promises, checked against the history of a run and what the stores hold in the end; shares no code with the product.
 *
 *   P1 P2 P7   for each key one order of its writes explains what they found and what is there in the end: nothing acknowledged is lost,
 *              creates take effect once, nothing old comes back. A write may be in doubt only if its connection was lost, or if it was
 *              told OUTCOME_UNKNOWN; one that failed in another way has no effect.
 *   P3         reads by key and refusals that no switch overlapped are in that order too (a register is linearizable); all others, lists
 *              and counts too, may be of either side of what was under way, but of nothing that was over (they are regular)
 *   P4         one operation was told the same at its two ends, and that of a state that was in force
 *   P5         no request fails, but for those that a fault could have reached, or the end of one a moment before
 *   P6         every place of the walk was reached: whoever walks writes down where it was not
 */
import type {
  CountLine,
  ErrorLine,
  FaultLine,
  FailedWriteLine,
  Line,
  ListLine,
  ReadLine,
  StartLine,
  SwitchLine,
  Value,
  WriteLine,
} from './record.ts';
import { explain, type Read, type Write } from './register.ts';
import { Regular } from './regular.ts';

interface KeyHistory {
  readonly writes: Write[];
  readonly strict: Read[];
  readonly loose: Read[];
}

export interface Verdict {
  readonly violations: readonly string[];
  readonly operations: number;
  readonly unknown: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly switches: Readonly<Record<string, number>>;
  readonly longestPauseMs: number;
}

type Of<K extends Line['is']> = Extract<Line, { is: K }>;

export function check(lines: readonly Line[]): Verdict {
  const of = <K extends Line['is']>(kind: K) => lines.filter((line): line is Of<K> => line.is === kind);
  const [start] = of('start');
  if (!start) throw new Error('the history has no start');
  const [writes, failed, reads, lists, counts] = [of('write'), of('failed write'), of('read'), of('list'), of('count')];
  const [switches, faults, errors, accepts] = [of('switch'), of('fault'), of('error'), of('accepts')];
  const keys = historiesOf(start, writes, reads, lists, switches);
  const regulars = new Map([...keys].map(([key, { writes: own }]) => [key, new Regular(null, own)] as const));
  const violations = [
    ...of('violation').map(({ what }) => what),
    ...[...keys].flatMap(([key, history]) => checkKey(key, history, regulars.get(key))),
    ...failed.flatMap((line) => checkFailed(line, reads, lists, writes)),
    ...counts.flatMap((line) => checkCount(line, start, regulars)),
    ...accepts.flatMap((line) =>
      line.first === line.second ? [] : [`P4: one operation was told ${line.first}, then ${line.second}`],
    ),
    ...checkErrors(errors, faults, start.graceUs),
  ];
  return {
    violations,
    operations: writes.length + failed.length + reads.length + lists.length + counts.length + accepts.length,
    unknown: writes.filter(({ to }) => to === null).length,
    errors: tally(errors, ({ code }) => code),
    faults: tally(faults, ({ kind }) => kind),
    switches: tally(switches, ({ arrived }) => arrived),
    longestPauseMs: Math.max(0, ...switches.map(({ pauseMs }) => pauseMs ?? 0)),
  };
}

function tally<T>(items: readonly T[], nameOf: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[nameOf(item)] = (counts[nameOf(item)] ?? 0) + 1;
  return counts;
}

function historiesOf(
  { keys }: StartLine,
  writes: readonly WriteLine[],
  reads: readonly ReadLine[],
  lists: readonly ListLine[],
  switches: readonly SwitchLine[],
): Map<string, KeyHistory> {
  const calm = ({ from, to }: { from: number; to: number }) => !switches.some((s) => s.from <= to && from <= s.to);
  const histories = new Map<string, KeyHistory>(keys.map((key) => [key, { writes: [], strict: [], loose: [] }]));
  const historyOf = (key: string): KeyHistory => {
    const history = histories.get(key) ?? { writes: [], strict: [], loose: [] };
    histories.set(key, history);
    return history;
  };
  for (const { key, kind, from, to, before, after } of writes)
    historyOf(key).writes.push({ kind, from, to: to ?? Infinity, before, after });
  for (const { key, ...read } of reads) {
    const history = historyOf(key);
    (read.how === 'final' || calm(read) ? history.strict : history.loose).push(read);
  }
  for (const { of, first, last, found, from, to } of lists) {
    const there = new Map(found);
    for (const key of keys) {
      if (!isOf(key, of) || (first !== null && key <= first) || (last !== null && key > last)) continue;
      historyOf(key).loose.push({ from, to, value: there.get(key) ?? null, how: `list of ${of}` });
      there.delete(key);
    }
    for (const [key, value] of there) historyOf(key).loose.push({ from, to, value, how: `list of ${of}` });
  }
  return histories;
}

/** Keys are `event/phone`; a list is of an event or of a phone. */
function isOf(key: string, list: string): boolean {
  return key.startsWith(`${list}/`) || key.endsWith(`/${list}`);
}

function checkKey(key: string, { writes, strict, loose }: KeyHistory, regular: Regular | undefined): string[] {
  const seen = new Set<Value>(loose.map(({ value }) => value));
  const order = explain({ initial: null, writes, reads: strict, seen });
  const complaints = [...strict, ...loose].flatMap(({ value, from, to, how }) => {
    const complaint = regular?.complaint(value, from, to);
    return complaint ? [`P3: ${key}: [${from}, ${to}] READ by ${how} -> ${value}: ${complaint}`] : [];
  });
  return [...(order === null ? [] : [`P1/P2/P3/P7: ${key}: ${order}`]), ...complaints];
}

/** Nobody may have seen what a write left that was told that it had not taken effect. */
function checkFailed(
  { kind, key, after, code, from, to }: FailedWriteLine,
  reads: readonly ReadLine[],
  lists: readonly ListLine[],
  writes: readonly WriteLine[],
): string[] {
  if (after === null) return [];
  const seen =
    reads.some((read) => read.key === key && read.value === after) ||
    writes.some((write) => write.key === key && write.before === after) ||
    lists.some(({ found }) => found.some(([of, value]) => of === key && value === after));
  return seen ? [`P1: ${key}: [${from}, ${to}] ${kind} -> ${after} was answered ${code}, and took effect`] : [];
}

function checkCount(
  { of, from, to, count }: CountLine,
  { untouched, keys }: StartLine,
  regulars: ReadonlyMap<string, Regular>,
): string[] {
  let [least, most] = [untouched[of] ?? 0, untouched[of] ?? 0];
  for (const key of keys) {
    if (!isOf(key, of)) continue;
    const regular = regulars.get(key);
    if (regular?.mayBePresent(from, to)) most++;
    if (regular && !regular.mayBeAbsent(from, to)) least++;
  }
  if (count >= least && count <= most) return [];
  return [`P3: [${from}, ${to}] the count of ${of} was ${count}, and may be ${least} to ${most}`];
}

function checkErrors(errors: readonly ErrorLine[], faults: readonly FaultLine[], graceUs: number): string[] {
  return errors.flatMap(({ what, code, from, to, via }) => {
    const excused = faults.some(
      (fault) => (fault.on === 'all' || fault.on === via) && fault.from <= to && from <= fault.to + graceUs,
    );
    return excused
      ? []
      : [`P5: [${from}, ${to}] ${what} through instance ${via} failed with ${code}, and no fault was near`];
  });
}
