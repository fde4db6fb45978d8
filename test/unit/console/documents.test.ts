/** What the page asks is of the schema, and modest: a limit on depth or cost that is meant for the public must not meet it. */
import { Kind, parse, validate, visit } from 'graphql';
import { describe, expect, test } from 'vitest';
import { participationDataset } from '../../../src/activity/dataset.ts';
import { boardDocument, COMMANDS, DATASETS, SWITCH } from '../../../src/console/session/documents.ts';
import { buildSubgraph } from '../../../src/resolvers/index.ts';

const { schema } = buildSubgraph([participationDataset({ getMany: async () => new Map() })]);
const documents = {
  DATASETS,
  SWITCH,
  ...COMMANDS,
  'board without a list': boardDocument(null),
  'board with differences': boardDocument('differences'),
  'board with quarantine': boardDocument('quarantine'),
  'board with history': boardDocument('history'),
};

describe.each(Object.entries(documents))('%s', (_, text) => {
  const document = parse(text);

  test('is of the schema', () => {
    expect(validate(schema, document).map(({ message }) => message)).toEqual([]);
  });

  test('is shallow and short', () => {
    const [depth, aliases] = sizeOf(document);
    expect(depth).toBeLessThanOrEqual(5);
    expect(aliases).toBeLessThanOrEqual(8);
    expect(text.length).toBeLessThan(2000);
  });
});

function sizeOf(document: ReturnType<typeof parse>): readonly [depth: number, aliases: number] {
  let [depth, deepest, aliases] = [0, 0, 0];
  visit(document, {
    [Kind.FIELD]: {
      enter: ({ alias }) => {
        depth += 1;
        deepest = Math.max(deepest, depth);
        if (alias) aliases += 1;
      },
      leave: () => {
        depth -= 1;
      },
    },
  });
  return [deepest, aliases];
}
