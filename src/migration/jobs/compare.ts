/** One key in both stores, field by field and in both directions. Pure. */
import type { FoundDifference } from '../control/control.ts';
import { noAnswer } from '../control/unanswered.ts';
import type { Dataset, Mapper, Row, StoreRole, Value } from '../dataset.ts';
import type { Stored } from '../stores/store.ts';
import { mapped } from './mapping.ts';
import type { Answers } from './sides.ts';

/** What the two stores hold under one key; undefined: nothing. */
export interface Pair {
  readonly key: string;
  readonly old: Stored | undefined;
  readonly new: Stored | undefined;
}

/**
 * Empty if the stores agree. The new face is compared first, with what the old row maps to; fields that differ are shown as the
 * new table has them. Where it agrees, the old face is compared with what the new row maps back to: that is where a field
 * that only the old table has can differ.
 */
export function compare(dataset: Dataset, mapper: Mapper, pair: Pair): readonly FoundDifference[] {
  const { key } = pair;
  if (reasonOf(pair.old) !== null || reasonOf(pair.new) !== null) {
    return [{ key, field: null, kind: 'UNREADABLE', old: wholeOrReason(pair.old), new: wholeOrReason(pair.new) }];
  }
  const old = rowOf(pair.old);
  const now = rowOf(pair.new);
  if (!old && !now) return [];

  const there = old && mapped(() => mapper.toNew(old));
  const back = now && mapped(() => mapper.toOld(now));
  if ((there && 'reason' in there) || (back && 'reason' in back)) {
    const sides = {
      old: there && 'reason' in there ? there.reason : whole(pair.old),
      new: back && 'reason' in back ? back.reason : whole(pair.new),
    };
    return [{ key, field: null, kind: 'UNREADABLE', ...sides }];
  }
  if (!now || !back) return [{ key, field: null, kind: 'ONLY_IN_OLD', old: whole(pair.old), new: null }];
  if (!old || !there) return [{ key, field: null, kind: 'ONLY_IN_NEW', old: null, new: whole(pair.new) }];

  const newFace = fieldsThatDiffer(key, Object.keys(dataset.definition.new.columns), there.row, now);
  if (newFace.length > 0) return newFace;
  return fieldsThatDiffer(key, Object.keys(dataset.definition.old.columns), old, back.row);
}

/** Keys that could not be compared, because a store did not answer: what the one that did has, and why the other one has not. */
export function compareOneSided(keys: readonly string[], { OLD, NEW }: Answers): readonly FoundDifference[] {
  const side = (answer: Answers[StoreRole], key: string): string | null =>
    typeof answer === 'object' ? wholeOrReason(answer.get(key)) : noAnswer(answer ?? 'DEADLINE_EXCEEDED');
  return keys.map((key) => ({ key, field: null, kind: 'UNREADABLE', old: side(OLD, key), new: side(NEW, key) }));
}

function fieldsThatDiffer(key: string, fields: readonly string[], old: Row, now: Row): FoundDifference[] {
  return fields
    .filter((field) => old[field] !== now[field])
    .map((field) => ({ key, field, kind: 'DIFFERS', old: show(old[field]), new: show(now[field]) }));
}

function reasonOf(stored: Stored | undefined): string | null {
  return stored && 'unreadable' in stored ? stored.unreadable : null;
}

function rowOf(stored: Stored | undefined): Row | undefined {
  return stored && 'row' in stored ? stored.row : undefined;
}

function wholeOrReason(stored: Stored | undefined): string | null {
  return reasonOf(stored) ?? whole(stored);
}

function whole(stored: Stored | undefined): string | null {
  const row = rowOf(stored);
  return row ? JSON.stringify(row) : null;
}

function show(value: Value | undefined): string | null {
  return value === undefined || value === null ? null : String(value);
}
