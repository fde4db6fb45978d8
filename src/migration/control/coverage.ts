/** What a verification rests on when it says that every row was compared. Pure. */
import { compareKeys } from '../key.ts';
import type { VerificationRange } from './control.ts';

/**
 * Do these ranges leave no key out, and was each gone through to its end? The first is open below and the last one above, and each of the
 * others begins with the very key that the one before it ends with.
 */
export function coversEverything(ranges: readonly VerificationRange[]): boolean {
  const inOrder = ranges.toSorted((a, b) => a.part - b.part);
  if (inOrder.at(-1)?.upTo !== null) return false;
  return inOrder.every(({ part, after, upTo, position, covered }, i) => {
    const isNext = part === i && after === (i === 0 ? null : inOrder[i - 1]?.upTo) && (i === 0 || after !== null);
    const goesUp = after === null || upTo === null || compareKeys(after, upTo) < 0;
    return isNext && goesUp && covered && (upTo === null || position === upTo);
  });
}
