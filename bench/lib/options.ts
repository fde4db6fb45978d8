/** What every benchmark is started with: `--quick`, `--rounds N`, `--json FILE`, `--only NAME,…`, and numbers of its own. */
import { parseArgs } from 'node:util';

export interface Options<N extends string> {
  /** For a look: small, one round, says nothing. */
  readonly quick: boolean;
  readonly rounds: number;
  readonly json: string | null;
  /** Parts of the benchmark; empty: all. */
  readonly only: readonly string[];
  readonly numbers: Readonly<Record<N, number>>;
}

/** `numbers`: further options with their defaults in a full and in a quick run. RangeError for what is none of them. */
export function readOptions<N extends string>(
  args: readonly string[],
  numbers: Readonly<Record<N, { readonly full: number; readonly quick: number }>>,
): Options<N> {
  const names = Object.keys(numbers) as N[];
  const extra = Object.fromEntries(names.map((name) => [name, { type: 'string' }] as const));
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      json: { type: 'string' },
      only: { type: 'string' },
      ...extra,
    },
  });
  const given: Readonly<Record<string, unknown>> = values;
  const quick = values.quick === true;
  const number = (name: string, fallback: number): number => {
    const text = given[name];
    if (text === undefined) return fallback;
    if (typeof text !== 'string' || !/^[1-9]\d{0,8}$/.test(text)) throw new RangeError(`--${name} must be a number`);
    return Number(text);
  };
  return {
    quick,
    rounds: number('rounds', quick ? 1 : 5),
    json: typeof given['json'] === 'string' ? given['json'] : null,
    only: typeof given['only'] === 'string' ? given['only'].split(',') : [],
    numbers: Object.fromEntries(
      names.map((name) => [name, number(name, quick ? numbers[name].quick : numbers[name].full)]),
    ) as Record<N, number>,
  };
}
