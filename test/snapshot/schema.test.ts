/** What others compose and depend on: a change here is a change of the product, and is seen in review. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { printSubgraphSchema } from '@apollo/subgraph';
import { composeSchemaContract, composeServices } from '@theguild/federation-composition';
import { buildSchema, isEnumType, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { participationDataset } from '../../src/activity/dataset.ts';
import { ACCEPTED } from '../../src/activity/participate.ts';
import { BLOCKER_CODES } from '../../src/migration/api.ts';
import { STORE_ROLES } from '../../src/migration/dataset.ts';
import { STATES } from '../../src/migration/states.ts';
import { buildSubgraph } from '../../src/resolvers/index.ts';

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

describe('a public contract, without what is tagged admin', () => {
  const contract = composeSchemaContract([service], { include: new Set(), exclude: new Set(['admin']) }, true);
  const open = buildSchema(contract.publicSdl ?? 'type Query { failed: Int }');

  test('composes', () => {
    expect(contract.errors).toBeUndefined();
  });

  test('has the operations of the activity and no other', () => {
    expect(Object.keys(open.getQueryType()?.getFields() ?? {})).toEqual(['event', 'events', 'phone', 'participation']);
    expect(Object.keys(open.getMutationType()?.getFields() ?? {})).toEqual([
      'participate',
      'changeParticipation',
      'withdrawParticipation',
    ]);
  });

  test('has no type of the migration but the two enums that the directives need', () => {
    const named = Object.keys(open.getTypeMap()).filter((name) =>
      /Migrat|Switch|Store|Define|Blocker|Quarant/.test(name),
    );
    expect(named.toSorted()).toEqual(['MigrationState', 'StoreRole']);
  });
});

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
  const check = promisify(execFile)(process.execPath, ['scripts/codegen.ts', '--check']);
  await expect(check).resolves.toMatchObject({ stderr: '' });
});
