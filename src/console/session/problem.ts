/** What went wrong, as it is shown: a code that the run book explains, and a sentence. */
import type { ErrorCode } from '../../migration/errors.ts';

/** Beside the server's own codes: it could not be asked, or what came back is not an answer of it. */
export type ProblemCode = ErrorCode | 'CONNECTION_LOST' | 'NOT_UNDERSTOOD';

export interface Problem {
  readonly code: string;
  readonly message: string;
}

/** What to do about it, where the sentence does not say it already. */
const ADVICE: Readonly<Record<ProblemCode, string>> = {
  BAD_USER_INPUT: '',
  UNAUTHENTICATED: '',
  FORBIDDEN: 'Sign in with a token that has the scope migration:admin.',
  UNKNOWN_DATASET: '',
  STORE_UNAVAILABLE: 'The server’s log says which and why. The way back does not need the new store.',
  JOURNAL_UNAVAILABLE: 'Bring it back as it was; the server’s log says why it is not trusted.',
  JOURNAL_FULL: 'Give it room, or end the run: go on to CATCHING_UP, or back to OLD.',
  CONTROL_UNAVAILABLE: 'Requests are served again within a lease after it is back.',
  OUTCOME_UNKNOWN: '',
  DEADLINE_EXCEEDED: 'A store or the control store hangs, or somebody holds a lock in it.',
  INTERNAL: 'The server’s log has the details.',
  CONNECTION_LOST: 'It is tried again every few seconds; what is shown is what was last heard.',
  NOT_UNDERSTOOD: 'Is something else in front of the server?',
};

export function advice({ code }: Problem): string {
  return Object.hasOwn(ADVICE, code) ? ADVICE[code as ProblemCode] : '';
}

/** Thrown by whatever asks the server. */
export class Trouble extends Error {
  readonly problem: Problem;

  constructor(problem: Problem, cause?: unknown) {
    super(problem.message, { cause });
    this.name = 'Trouble';
    this.problem = problem;
  }
}

export function problemOf(error: unknown): Problem {
  if (error instanceof Trouble) return error.problem;
  return { code: 'NOT_UNDERSTOOD', message: error instanceof Error ? error.message : String(error) };
}
