/**
 * What a schema says about migration, read once at start: which types are datasets (`@migration`) and which of their fields only one
 * of the two stores has a column for (`@storedIn`).
 */
import { getDirectiveValues, isObjectType } from 'graphql';
import type { GraphQLDirective, GraphQLObjectType, GraphQLSchema } from 'graphql';
import { STORE_ROLES, type Dataset, type Faces, type StoreRole, type Value } from './dataset.ts';
import { CrossfadeError } from './errors.ts';

/** The states a dataset can start in: those in which one store has everything. */
export const INITIAL_STATES = ['OLD', 'NEW'] as const;
export type InitialState = (typeof INITIAL_STATES)[number];

export interface StoredField {
  readonly store: StoreRole;
  /** The dataset's field, in that store's table. */
  readonly field: string;
}

export interface MigratedType<D extends DatasetTables = DatasetTables> {
  readonly dataset: D;
  readonly initial: InitialState;
  /** By the names that the schema has for them, which are the dataset's own. */
  readonly fields: ReadonlyMap<string, StoredField>;
}
/** By the name of the type. */
export type MigratedTypes<D extends DatasetTables = DatasetTables> = ReadonlyMap<string, MigratedType<D>>;

/** Of a dataset, what is needed to check a schema against it. */
export type DatasetTables = Pick<Dataset, 'name' | 'table'>;

/** Throws `CrossfadeError` INTERNAL with a sentence that names what does not fit, so that a wrong schema does not start. */
export function migratedTypes<D extends DatasetTables>(
  schema: GraphQLSchema,
  datasets: readonly D[],
): MigratedTypes<D> {
  const found = new Map<string, MigratedType<D>>();
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    const migrated = migratedType(schema, type, datasets);
    if (migrated) found.set(type.name, migrated);
  }
  return found;
}

function migratedType<D extends DatasetTables>(
  schema: GraphQLSchema,
  type: GraphQLObjectType,
  datasets: readonly D[],
): MigratedType<D> | null {
  const stored = storedFields(schema, type);
  const migration = valuesOf(schema.getDirective('migration'), [type.astNode, ...type.extensionASTNodes]);
  if (!migration) {
    const field = stored.keys().next().value;
    if (field === undefined) return null;
    throw refused(`${type.name}.${field} has @storedIn, but ${type.name} has no @migration`);
  }
  const dataset = datasets.find(({ name }) => name === migration['dataset']);
  if (!dataset) {
    throw refused(
      `@migration on ${type.name} names the dataset ${JSON.stringify(migration['dataset'])}, which there is not`,
    );
  }
  const initial = INITIAL_STATES.find((state) => state === migration['initial']);
  if (!initial) {
    throw refused(`@migration on ${type.name} begins in ${String(migration['initial'])}, and only OLD and NEW will do`);
  }
  for (const { store, field } of stored.values()) {
    const table = dataset.table(store);
    if (Object.hasOwn(table.columns, field)) continue;
    throw refused(`${type.name}.${field} is stored in ${store}, but the table ${table.name} has no field ${field}`);
  }
  return { dataset, initial, fields: stored };
}

function storedFields(schema: GraphQLSchema, type: GraphQLObjectType): ReadonlyMap<string, StoredField> {
  const directive = schema.getDirective('storedIn');
  const stored = new Map<string, StoredField>();
  for (const field of Object.values(type.getFields())) {
    const values = valuesOf(directive, [field.astNode]);
    const store = STORE_ROLES.find((role) => role === values?.['store']);
    if (store) stored.set(field.name, { store, field: field.name });
  }
  return stored;
}

type Annotated = Parameters<typeof getDirectiveValues>[1] | null | undefined;

function valuesOf(
  directive: GraphQLDirective | null | undefined,
  nodes: readonly Annotated[],
): Readonly<Record<string, unknown>> | undefined {
  if (!directive) return undefined;
  for (const node of nodes) {
    const values = node && getDirectiveValues(directive, node);
    if (values) return values;
  }
  return undefined;
}

/** A resolver for each `@storedIn` field that has none: from the row's face of that store; null if the row has no such face. */
export function resolveStoredFields(schema: GraphQLSchema, types: MigratedTypes): void {
  for (const [name, { fields }] of types) {
    const type = schema.getType(name);
    if (!isObjectType(type)) continue;
    const definitions = type.getFields();
    for (const [field, stored] of fields) {
      const definition = definitions[field];
      if (definition) definition.resolve ??= (faces: Faces): Value => valueOf(faces, stored);
    }
  }
}

function valueOf(faces: Faces, { store, field }: StoredField): Value {
  return (store === 'OLD' ? faces.old : faces.new)?.[field] ?? null;
}

function refused(why: string): CrossfadeError {
  return new CrossfadeError('INTERNAL', { message: `The schema is refused: ${why}.` });
}
