import { buildSchema, graphql } from 'graphql';
import { describe, expect, test } from 'vitest';
import { migratedTypes, resolveStoredFields } from '../../src/migration/directive.ts';
import { notes } from '../support/dataset.ts';

const DIRECTIVES = `
  enum MigrationState { OLD MIGRATING CATCHING_UP RETREATING DUAL NEW }
  enum StoreRole { OLD NEW }
  directive @migration(dataset: String!, initial: MigrationState! = OLD) on OBJECT
  directive @storedIn(store: StoreRole!) on FIELD_DEFINITION
`;
const schemaOf = (types: string) => buildSchema(`${DIRECTIVES} ${types}`);
const dataset = notes();

test('types and fields are found by their directives', () => {
  const schema = schemaOf(`
    type Query { notes: [Note] }
    type Note @migration(dataset: "notes") { owner: ID, answer: String @storedIn(store: OLD), code: String @storedIn(store: NEW) }
    type Renewed @migration(dataset: "notes", initial: NEW) { owner: ID }
  `);
  const types = migratedTypes(schema, [dataset]);
  expect([...types.keys()]).toEqual(['Note', 'Renewed']);
  expect(types.get('Note')).toMatchObject({ initial: 'OLD' });
  expect(types.get('Note')?.dataset).toBe(dataset);
  expect(types.get('Renewed')?.initial).toBe('NEW');
  expect(Object.fromEntries(types.get('Note')?.fields ?? [])).toEqual({
    answer: { store: 'OLD', field: 'answer' },
    code: { store: 'NEW', field: 'code' },
  });
});

test('a type can get its directives by extension', () => {
  const schema = schemaOf(`
    type Query { note: Note }
    type Note { owner: ID }
    extend type Note @migration(dataset: "notes") { code: String @storedIn(store: NEW) }
  `);
  expect(migratedTypes(schema, [dataset]).get('Note')?.fields.get('code')).toEqual({ store: 'NEW', field: 'code' });
});

test('a schema without the directives has no such types', () => {
  expect(migratedTypes(buildSchema('type Query { a: Int }'), [dataset]).size).toBe(0);
});

describe('a schema that does not fit is refused', () => {
  test.each([
    [
      'type Note @migration(dataset: "letters") { owner: ID }',
      'The schema is refused: @migration on Note names the dataset "letters", which there is not.',
    ],
    [
      'type Note @migration(dataset: "notes", initial: DUAL) { owner: ID }',
      'The schema is refused: @migration on Note begins in DUAL, and only OLD and NEW will do.',
    ],
    [
      'type Note { answer: String @storedIn(store: OLD) }',
      'The schema is refused: Note.answer has @storedIn, but Note has no @migration.',
    ],
    [
      'type Note @migration(dataset: "notes") { code: String @storedIn(store: OLD) }',
      'The schema is refused: Note.code is stored in OLD, but the table note_old has no field code.',
    ],
    [
      'type Note @migration(dataset: "notes") { constructor: String @storedIn(store: NEW) }',
      'The schema is refused: Note.constructor is stored in NEW, but the table note_new has no field constructor.',
    ],
  ])('%s', (type, message) => {
    expect(() => migratedTypes(schemaOf(`type Query { a: Int } ${type}`), [dataset])).toThrow(
      expect.objectContaining({ code: 'INTERNAL', message }),
    );
  });
});

test('stored fields are read from the face of their store; a resolver of its own goes first', async () => {
  const schema = schemaOf(`
    type Query { notes: [Note] }
    type Note @migration(dataset: "notes") { owner: String @storedIn(store: NEW), answer: String @storedIn(store: OLD), code: String @storedIn(store: NEW) }
  `);
  const own = schema.getType('Note');
  if (own && 'getFields' in own) Object.assign(own.getFields()['owner'] ?? {}, { resolve: () => 'own' });
  resolveStoredFields(schema, migratedTypes(schema, [dataset]));
  const both = { key: '1', old: { answer: 'A' }, new: { owner: 'o', code: '#A' } };
  const rootValue = { notes: [both, { ...both, old: null }, { ...both, new: null }] };
  const { data } = await graphql({ schema, source: '{ notes { owner answer code } }', rootValue });
  expect(data).toEqual({
    notes: [
      { owner: 'own', answer: 'A', code: '#A' },
      { owner: 'own', answer: null, code: '#A' },
      { owner: 'own', answer: 'A', code: null },
    ],
  });
});
