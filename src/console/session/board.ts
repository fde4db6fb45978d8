/** What the page knows of one dataset: the newest answer, part by part. */
import type {
  CopyProgress,
  Difference,
  JournalStatus,
  Move,
  QuarantinedRow,
  Transition,
  Verification,
} from '../../generated/schema.ts';
import type { Place } from '../../migration/states.ts';
import type { Answer } from './api.ts';
import { listed, type BoardAnswer, type Listed, type Now, type Part } from './documents.ts';
import type { Problem } from './problem.ts';

export interface Board {
  readonly now: Now;
  readonly place: Place;
  readonly moves: readonly Move[];
  readonly copy: CopyProgress | null;
  readonly journal: JournalStatus | null;
  readonly verification: Verification | null;
  readonly differences: Listed<Difference> | null;
  readonly quarantine: Listed<QuarantinedRow> | null;
  readonly history: Listed<Transition> | null;
  /** Why a part is missing. */
  readonly missing: ReadonlyMap<Part, Problem>;
}

/** Null when not even the state could be told. */
export function boardOf({ data, problems }: Answer<BoardAnswer>): Board | null {
  if (!data?.now) return null;
  const { now, moves, copy, journal, verification, differences, quarantine, history } = data;
  return {
    now,
    place: { state: now.state, percent: now.readNewPercent },
    moves: moves?.moves ?? [],
    copy: copy?.copy ?? null,
    journal: journal?.journal ?? null,
    verification: verification?.verification ?? null,
    differences: differences && listed(differences.differences),
    quarantine: quarantine && listed(quarantine.quarantine),
    history: history && listed(history.history),
    missing: new Map(problems.map((problem) => [String(problem.path[0]) as Part, problem])),
  };
}
