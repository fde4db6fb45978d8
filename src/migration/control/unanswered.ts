/**
 * How a difference shows the side of a store that did not answer when its row was asked for: by the code of the failure and nothing else,
 * so that no SQL, URL or row gets into the list this way.
 */
import { ERRORS, type ErrorCode } from '../errors.ts';
import type { FoundDifference } from './control.ts';

export function noAnswer(code: ErrorCode): string {
  return `no answer: ${code}`;
}

const SENTENCES: ReadonlySet<string> = new Set(Object.keys(ERRORS).map((code) => `no answer: ${code}`));

/** Is this what `noAnswer` says? Of the kind UNREADABLE alone: in another kind it is the row that has these words. */
export function isNoAnswer({ kind }: Pick<FoundDifference, 'kind'>, value: string | null): boolean {
  return kind === 'UNREADABLE' && value !== null && SENTENCES.has(value);
}
