/** What others compose and depend on: a change here is a change of the product, and is seen in review. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { printSubgraphSchema } from '@apollo/subgraph';
import { composeSchemaContract, composeServices } from '@theguild/federation-composition';
import {
  buildSchema,
  execute,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isObjectType,
  isUnionType,
  parse,
  print,
  printType,
  validateSchema,
  type DirectiveNode,
  type DocumentNode,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { participationDataset } from '../../src/activity/dataset.ts';
import { ACCEPTED } from '../../src/activity/participate.ts';
import { BLOCKER_CODES } from '../../src/migration/api.ts';
import { STORE_ROLES } from '../../src/migration/dataset.ts';
import { STATES } from '../../src/migration/states.ts';
import { buildSubgraph } from '../../src/resolvers/index.ts';

const run = promisify(execFile);
const { schema, types } = buildSubgraph([participationDataset({ getMany: async () => new Map() })]);
const sdl = printSubgraphSchema(schema);
const service = { name: 'activity', typeDefs: parse(sdl), url: 'http://127.0.0.1:4001/graphql' };

test('the subgraph', async () => {
  await expect(sdl).toMatchFileSnapshot('./__snapshots__/subgraph.graphql');
});

test('the supergraph, with what the directives say', async () => {
  const { errors, supergraphSdl } = composeServices([service]);
  expect(errors).toBeUndefined();
  expect(supergraphSdl).toContain('type Participation @migration(dataset: "participation")');
  expect(supergraphSdl).toContain('answer: String @storedIn(store: OLD)');
  await expect(supergraphSdl).toMatchFileSnapshot('./__snapshots__/supergraph.graphql');
});

test('printed for a schema registry, it composes to the same supergraph', async () => {
  const { stdout } = await run(process.execPath, ['src/cli/sdl.ts']);
  const told = await execute({ schema, document: parse('{ _service { sdl } }') });
  expect(told).toEqual({ data: { _service: { sdl: stdout.trimEnd() } } });
  const supergraph = (typeDefs: DocumentNode) =>
    parse(composeServices([{ ...service, typeDefs }]).supergraphSdl ?? '')
      .definitions.map((definition) => print(definition))
      .toSorted();
  expect(supergraph(parse(stdout))).toEqual(supergraph(service.typeDefs));
});

describe('beside a subgraph that extends Phone and requires fields of Participation', async () => {
  const customers = parse(await readFile(new URL('../support/customers/schema.graphql', import.meta.url), 'utf8'));
  const { errors, supergraphSdl = '' } = composeServices([service, { name: 'customers', typeDefs: customers }]);

  test('it composes', () => {
    expect(errors).toBeUndefined();
    const lines = supergraphSdl.split('\n').map((line) => line.trim());
    expect(lines).toContain('owner: String @join__field(graph: CUSTOMERS)');
    expect(lines).toContain(
      'rewarded: Boolean! @join__field(graph: ACTIVITY) @join__field(graph: CUSTOMERS, external: true)',
    );
  });

  test('with what the directives say, and every tag', () => {
    const together = parse(supergraphSdl, { noLocation: true });
    expect(marked(together, 'tag')).toEqual(marked(parse(sdl), 'tag'));
    expect(marked(together, 'migration')).toEqual(['Participation @migration(dataset: "participation")']);
    expect(marked(together, 'storedIn')).toEqual(marked(parse(sdl), 'storedIn'));
  });
});

/** Applications of a directive in a document, each with the type or field it is on. */
function marked(document: DocumentNode, directive: string): readonly string[] {
  const found: string[] = [];
  const note = (place: string, directives: readonly DirectiveNode[] = []) => {
    for (const one of directives) if (one.name.value === directive) found.push(`${place} ${print(one)}`);
  };
  for (const definition of document.definitions) {
    if (!('name' in definition) || !definition.name) continue;
    const type = definition.name.value;
    note(type, definition.directives);
    if (!('fields' in definition)) continue;
    for (const field of definition.fields ?? []) note(`${type}.${field.name.value}`, field.directives);
  }
  return found.toSorted();
}

describe('a public contract, without what is tagged admin', () => {
  const contract = composeSchemaContract([service], { include: new Set(), exclude: new Set(['admin']) }, true);
  const open = buildSchema(contract.publicSdl ?? 'type Query { failed: Int }');

  test('composes', () => {
    expect(contract.errors).toBeUndefined();
    expect(validateSchema(open)).toEqual([]);
  });

  test('has the operations of the activity and no other', () => {
    expect(Object.keys(open.getQueryType()?.getFields() ?? {})).toEqual(['event', 'events', 'phone', 'participation']);
    expect(Object.keys(open.getMutationType()?.getFields() ?? {})).toEqual([
      'participate',
      'changeParticipation',
      'withdrawParticipation',
    ]);
  });

  test('has what these operations lead to, unabridged, and nothing that only operators get', () => {
    const within = reachable(open);
    const left = Object.values(open.getTypeMap()).filter((type) => !type.name.startsWith('__') && !within.has(type));
    // The two enums that the directives name stay with the directives: see schema/migration.graphql.
    expect(left.map(({ name }) => name).toSorted()).toEqual(['MigrationState', 'StoreRole']);
    for (const type of within) {
      if (type === open.getQueryType() || type === open.getMutationType()) continue;
      expect(printType(type)).toBe(printType(schema.getType(type.name) ?? type));
    }
    expect([...within].map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Participation', 'Entry', 'EventNotOpen']),
    );
  });

  test('without the tags it would have them all', () => {
    const untagged = { ...service, typeDefs: parse(sdl.replaceAll(' @tag(name: "admin")', '')) };
    const all = composeSchemaContract([untagged], { include: new Set(), exclude: new Set(['admin']) }, true);
    expect(all.publicSdl).toContain('switchMigration');
  });
});

/** The types that a client can meet from the operations on. */
function reachable(graph: GraphQLSchema): ReadonlySet<GraphQLNamedType> {
  const found = new Set<GraphQLNamedType>();
  const visit = (type: GraphQLNamedType): void => {
    if (found.has(type)) return;
    found.add(type);
    if (isUnionType(type)) type.getTypes().forEach((member) => visit(member));
    if (isInputObjectType(type)) for (const field of Object.values(type.getFields())) visit(getNamedType(field.type));
    if (!isObjectType(type)) return;
    for (const field of Object.values(type.getFields())) {
      visit(getNamedType(field.type));
      for (const argument of field.args) visit(getNamedType(argument.type));
    }
  };
  for (const root of [graph.getQueryType(), graph.getMutationType()]) if (root) visit(root);
  return found;
}

test('the enums are those of the code', () => {
  const values = (name: string) => {
    const type = schema.getType(name);
    return isEnumType(type) ? type.getValues().map((value) => value.name) : [];
  };
  expect(values('MigrationState').toSorted()).toEqual([...STATES].toSorted());
  expect(values('StoreRole')).toEqual([...STORE_ROLES]);
  expect(values('BlockerCode')).toEqual([...BLOCKER_CODES]);
  expect(values('Entry')).toEqual([...ACCEPTED.BOTH]);
});

test('everything has a description', () => {
  const bare: string[] = [];
  for (const type of Object.values(schema.getTypeMap())) {
    if (/^(_|federation__|link__)/.test(type.name) || !type.astNode) continue;
    const isRoot = type === schema.getQueryType() || type === schema.getMutationType();
    if (!type.description && !isRoot) bare.push(type.name);
    if (!('getFields' in type)) continue;
    for (const field of Object.values(type.getFields())) {
      if (!field.description && !field.name.startsWith('_')) bare.push(`${type.name}.${field.name}`);
    }
  }
  expect(bare).toEqual([]);
});

test('participations are a dataset that starts in OLD', () => {
  expect([...types].map(([name, { initial, fields }]) => [name, initial, [...fields.keys()]])).toEqual([
    ['Participation', 'OLD', ['answer', 'recommendationCode']],
  ]);
});

test('the generated types are those of this schema', async () => {
  const check = run(process.execPath, ['scripts/codegen.ts', '--check']);
  await expect(check).resolves.toMatchObject({ stderr: '' });
});
