/**
 * Queries that are asked again and again, compiled: instead of going through the document for every row, as graphql-js does, a function
 * made of the document (graphql-jit) goes over the rows.
 *
 * What is told is always what graphql-js would tell. So only what reads is compiled; where variables do not fit, nothing compiled is run;
 * and where a resolver fails, graphql-js executes the query as if nothing had been, from what the operation has read already. Which
 * documents are compiled: compilable.ts.
 */
import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import {
  defaultFieldResolver,
  getNamedType,
  getVariableValues,
  isCompositeType,
  isObjectType,
  OperationTypeNode,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql';
import { compileQuery, isCompiledQuery, type CompiledQuery } from 'graphql-jit';
import { isCompilable } from './compilable.ts';

/** A document that the server keeps, by the operations in it. */
interface Known {
  readonly isCompilable: boolean;
  readonly operations: Map<string | null, Operation>;
}
interface Operation {
  asked: number;
  /** null: it is not compiled, or not yet. */
  query: CompiledQuery['query'] | null;
}

export function compiledQueries<C extends BaseContext>(after: number): ApolloServerPlugin<C> {
  const documents = new WeakMap<DocumentNode, Known>();
  return {
    serverWillStart: async ({ schema }) => callMethods(schema),
    requestDidStart: async () => ({
      responseForOperation: async ({ schema, document, operation, operationName, contextValue, request, response }) => {
        // Where no operation has the name that was asked for there is none, whatever the types say.
        if (operation?.operation !== OperationTypeNode.QUERY) return null;
        const query = queryOf(documents, schema, document, operationName, after);
        const given = request.variables ?? {};
        if (!query || !getVariableValues(schema, operation.variableDefinitions ?? [], given).coerced) return null;
        const { data, errors }: ExecutionResult = await query(undefined, contextValue, given);
        if (errors || !data) return null;
        return { http: response.http, body: { kind: 'single', singleResult: { data } } };
      },
    }),
  };
}

/**
 * Where a field has no resolver, what is compiled reads a property, and does not see that it is a method or a promise. A scalar or an enum
 * refuses those, and graphql-js gets its turn; of an object nothing would be left.
 */
function callMethods(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      if (isCompositeType(getNamedType(field.type))) field.resolve ??= defaultFieldResolver;
    }
  }
}

function queryOf(
  documents: WeakMap<DocumentNode, Known>,
  schema: GraphQLSchema,
  document: DocumentNode,
  name: string | null,
  after: number,
): CompiledQuery['query'] | null {
  let known = documents.get(document);
  if (!known) {
    known = { isCompilable: isCompilable(schema, document), operations: new Map() };
    documents.set(document, known);
  }
  if (!known.isCompilable) return null;
  let operation = known.operations.get(name);
  if (!operation) {
    operation = { asked: 0, query: null };
    known.operations.set(name, operation);
  }
  if (++operation.asked === after) {
    const compiled = compileQuery(schema, document, name ?? undefined);
    operation.query = isCompiledQuery(compiled) ? compiled.query : null;
  }
  return operation.query;
}
