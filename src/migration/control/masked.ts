/** Differences without the values that differ, for those who may not see them: nothing that keeps or shows them ever gets them. */
import type { ControlStore, FoundDifference } from './control.ts';

const MASKED = '***';

/** The same control store; of differences it is told the key, the field and the kind alone. */
export function masked(control: ControlStore): ControlStore {
  const own: Pick<ControlStore, 'advanceVerification' | 'settleDifferences'> = {
    advanceVerification: (from, next, found) => control.advanceVerification(from, next, found.map(mask)),
    settleDifferences: (dataset, keys, found) => control.settleDifferences(dataset, keys, found.map(mask)),
  };
  return new Proxy(control, {
    get: (target, name) => {
      const found: unknown = Reflect.get(name in own ? own : target, name);
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });
}

/** A side that has nothing is still seen to have nothing. */
function mask(difference: FoundDifference): FoundDifference {
  return { ...difference, old: difference.old && MASKED, new: difference.new && MASKED };
}
