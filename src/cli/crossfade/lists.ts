/** Lists of the operator's schema: a page, or all of it page by page. */
import type { Context, Given, OptionSpec } from './command.ts';
import { text } from './command.ts';
import { CommandFailure } from './exit.ts';
import { wholeNumber } from './numbers.ts';

export const LIST_OPTIONS: readonly OptionSpec[] = [
  { flags: '--first <number>', meaning: 'how many, 1 to 100; 20 if not given' },
  { flags: '--after <cursor>', meaning: 'go on behind this one; the end of a page names it' },
];

export interface Listed<N> {
  readonly totalCount: number;
  readonly nodes: readonly N[];
  /** To go on from; null: this is the end. */
  readonly next: string | null;
}

interface Answer<N> {
  readonly migration: {
    readonly list: {
      readonly totalCount: number;
      readonly edges: readonly { readonly node: N }[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
    };
  } | null;
}

export async function readList<N>(
  { client, dataset }: Context,
  field: string,
  node: string,
  given: Given,
): Promise<Listed<N>> {
  const query = `query ($dataset: String!, $first: Int, $after: String) {
    migration(dataset: $dataset) {
      list: ${field}(first: $first, after: $after) { totalCount edges { node { ${node} } } pageInfo { hasNextPage endCursor } }
    }
  }`;
  const first = wholeNumber(given, 'first', 1, 100) ?? 20;
  const { migration } = await client.ask<Answer<N>>(query, { dataset, first, after: text(given, 'after') });
  if (!migration) throw new CommandFailure('USAGE', `There is no dataset ${JSON.stringify(dataset)}.`);
  const { totalCount, edges, pageInfo } = migration.list;
  const next = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  return { totalCount, nodes: edges.map((edge) => edge.node), next };
}

/** The last line of a page. */
export function more({ next }: Listed<unknown>): readonly string[] {
  return next === null ? [] : [`More: --after ${next}`];
}
