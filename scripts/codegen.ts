/**
 * `npm run codegen` writes src/generated/schema.ts from schema/*.graphql; with `--check` it writes nothing and fails if that would change it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import type { TypeScriptPluginConfig } from '@graphql-codegen/typescript';
import * as resolvers from '@graphql-codegen/typescript-resolvers';
import type { TypeScriptResolversPluginConfig } from '@graphql-codegen/typescript-resolvers';
import { concatAST, Kind, parse, type DefinitionNode } from 'graphql';

const root = new URL('../', import.meta.url);
const target = fileURLToPath(new URL('src/generated/schema.ts', root));
const HEADER = '// Made by `npm run codegen` from schema/*.graphql; edit those.\n';

const SCHEMA_FILES = ['schema/activity.graphql', 'schema/migration.graphql'] as const;

/** Types that resolvers pass on as something else than the schema shows; the names are those of src/resolvers/models.ts. */
const MODELS = [
  'Phone',
  'Event',
  'EventEdge',
  'EventConnection',
  'Participation',
  'ParticipationEdge',
  'ParticipationConnection',
  'Migration',
  'Switching',
  'CopyProgress',
  'JournalStatus',
  'Verification',
  'Instance',
  'Move',
  'Blocker',
  'Difference',
  'DifferenceEdge',
  'DifferenceConnection',
  'QuarantinedRow',
  'QuarantineEdge',
  'QuarantineConnection',
  'Transition',
  'TransitionEdge',
  'TransitionConnection',
] as const;

const config: TypeScriptPluginConfig & TypeScriptResolversPluginConfig = {
  useTypeImports: true,
  importExtension: '.ts',
  enumsAsTypes: true,
  immutableTypes: true,
  strictScalars: true,
  scalars: { DateTime: 'string', PhoneNumber: 'string', _FieldSet: 'string' },
  federation: true,
  contextType: '../resolvers/context.ts#RequestContext',
  resolversNonOptionalTypename: { unionMember: true },
  mappers: Object.fromEntries(MODELS.map((type) => [type, `../resolvers/models.ts#${type}Model`])),
};

async function generate(): Promise<string> {
  const sources = await Promise.all(SCHEMA_FILES.map((file) => readFile(new URL(file, root), 'utf8')));
  const schema = concatAST(sources.map((source) => parse(source)));
  const output = await codegen({
    filename: target,
    schema: { ...schema, definitions: schema.definitions.map(withoutLinks) },
    documents: [],
    config,
    plugins: [{ typescript: {} }, { resolvers: {} }],
    pluginMap: { typescript, resolvers },
    importExtension: '.ts',
  });
  return HEADER + output;
}

/** The directives on the schema itself speak to composers; the generator knows no definition for them. */
function withoutLinks(node: DefinitionNode): DefinitionNode {
  return node.kind === Kind.SCHEMA_DEFINITION ? { ...node, directives: [] } : node;
}

const current = await readFile(target, 'utf8').catch(() => '');
const fresh = await generate();
if (process.argv.includes('--check')) {
  if (current !== fresh) {
    process.stderr.write(
      'src/generated/schema.ts does not match schema/*.graphql: run `npm run codegen` and commit it.\n',
    );
    process.exitCode = 1;
  }
} else if (current !== fresh) {
  await writeFile(target, fresh);
}
