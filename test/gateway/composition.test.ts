/** Composed by Apollo's own composer, which the product does not have among its dependencies. */
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { composeServices, type CompositionResult } from '@apollo/composition';
import { parse, print, type DirectiveNode } from 'graphql';
import { describe, expect, test } from 'vitest';
import { CUSTOMERS_SDL } from './support/subgraphs.ts';

const { stdout: sdl } = await promisify(execFile)(process.execPath, ['src/cli/sdl.ts']);
const activity = { name: 'activity', typeDefs: parse(sdl), url: 'http://127.0.0.1:4001/graphql' };
const customers = { name: 'customers', typeDefs: parse(CUSTOMERS_SDL), url: 'http://127.0.0.1:4002/' };

/** Types and fields on which a directive is applied, with its arguments as they are written. */
function marked(text: string, directive: string): readonly string[] {
  const found: string[] = [];
  const note = (place: string, directives: readonly DirectiveNode[] = []) => {
    for (const one of directives) if (one.name.value === directive) found.push(`${place} ${print(one)}`);
  };
  for (const definition of parse(text).definitions) {
    if (!('name' in definition) || !definition.name || !('directives' in definition)) continue;
    const type = definition.name.value;
    note(type, definition.directives);
    if (!('fields' in definition)) continue;
    for (const field of definition.fields ?? []) note(`${type}.${field.name.value}`, field.directives);
  }
  return found.toSorted();
}

describe.each<{ readonly how: string; readonly composed: CompositionResult }>([
  { how: 'alone', composed: composeServices([activity]) },
  { how: 'beside a second subgraph', composed: composeServices([activity, customers]) },
])('$how', ({ composed }) => {
  test('it composes, without a hint at something that is amiss', () => {
    expect(composed.errors).toBeUndefined();
    expect(composed.hints?.map(({ definition, message }) => `${definition.level.name}: ${message}`) ?? []).toEqual([]);
  });

  test.each(['tag', 'migration', 'storedIn'])('@%s survives', (directive) => {
    const before = marked(sdl, directive);
    expect(before.length).toBeGreaterThan(0);
    expect(marked(composed.supergraphSdl ?? '', directive)).toEqual(before);
  });
});
