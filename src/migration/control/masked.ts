/** Differences without the values that differ, for those who may not see them: nothing that keeps or shows them ever gets them. */
import type { ControlStore, FoundDifference } from './control.ts';
import { isNoAnswer } from './unanswered.ts';

const MASKED = '***';

/** The same control store; of differences it is told the key, the field and the kind alone. */
export function masked(control: ControlStore): ControlStore {
  const own: Pick<ControlStore, 'advanceVerification' | 'settleDifferences' | 'noteDifferences'> = {
    advanceVerification: (of, from, step, found) => control.advanceVerification(of, from, step, found.map(mask)),
    settleDifferences: (dataset, keys, found) => control.settleDifferences(dataset, keys, found.map(mask)),
    noteDifferences: (dataset, found) => control.noteDifferences(dataset, found.map(mask)),
  };
  return new Proxy(control, {
    get: (target, name) => {
      const found: unknown = Reflect.get(name in own ? own : target, name);
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });
}

/** A side that has nothing is still seen to have nothing, and one that did not answer not to have answered: that is no value of a row. */
function mask(difference: FoundDifference): FoundDifference {
  const shown = (value: string | null): string | null => (isNoAnswer(difference, value) ? value : value && MASKED);
  return { ...difference, old: shown(difference.old), new: shown(difference.new) };
}
