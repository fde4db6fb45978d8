/**
 * What an operation may cost at most, worked out before anything is executed. Every field costs 1, once for each item of the lists
 * above it: a page counts as long as it may become, `_entities` as long as the list of references is. What makes a store count costs more.
 */
import type { ApolloServerPlugin } from '@apollo/server';
import {
  getNamedType,
  getNullableType,
  getVariableValues,
  GraphQLError,
  isCompositeType,
  isListType,
  isObjectType,
  isUnionType,
  isInterfaceType,
  Kind,
  valueFromAST,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { QueryLimits } from '../../config.ts';
import { badInput, type CrossfadeError } from '../../migration/errors.ts';

/** Lists of objects that are not pages are short, and this long here. */
const SHORT_LIST = 10;
/** A count is a statement of its own. */
const COUNTED: readonly string[] = ['totalCount', 'participationCount'];
const COUNT_COST = 10;

type Variables = Readonly<Record<string, unknown>>;

/** BAD_USER_INPUT for references that are too many or none, GRAPHQL_VALIDATION_FAILED for too high a cost. */
export function costLimit<C extends object>({ batchSize, cost, pageSize }: QueryLimits): ApolloServerPlugin<C> {
  return {
    requestDidStart: async () => ({
      didResolveOperation: async ({ schema, document, operation, request }) => {
        // Variables that do not fit are told by the execution, which does nothing else then.
        const { coerced } = getVariableValues(schema, operation?.variableDefinitions ?? [], request.variables ?? {});
        if (!operation || !coerced) return;
        const counting = new Counting(schema, document, coerced, pageSize);
        const found = counting.operation(operation);
        checkReferences(counting.references, batchSize, schema);
        if (found > cost) {
          throw refused(`An operation may cost ${cost}, and this one may cost ${found}.`);
        }
      },
    }),
  };
}

/** What comes from other subgraphs is not checked by GraphQL: a reference may be anything. */
function checkReferences(references: readonly unknown[], batchSize: number, schema: GraphQLSchema): void {
  if (references.length > batchSize) {
    const message = `A batch may have ${batchSize} references, and this one has ${references.length}.`;
    throw refused(badInput('representations', message));
  }
  const union = schema.getType('_Entity');
  const entities = isUnionType(union) ? union.getTypes().map(({ name }) => name) : [];
  const known = (reference: unknown): boolean =>
    typeof reference === 'object' &&
    reference !== null &&
    Object.hasOwn(reference, '__typename') &&
    '__typename' in reference &&
    entities.some((name) => name === reference.__typename);
  if (references.every(known)) return;
  throw refused(badInput('representations', `Each reference needs a __typename, one of ${entities.join(', ')}.`));
}

function refused(why: string | CrossfadeError): GraphQLError {
  const http = { status: 400 };
  return typeof why === 'string'
    ? new GraphQLError(why, { extensions: { code: 'GRAPHQL_VALIDATION_FAILED', http } })
    : new GraphQLError(why.message, { originalError: why, extensions: { http } });
}

class Counting {
  /** Of all fields that look entities up. */
  readonly references: unknown[] = [];
  readonly #schema: GraphQLSchema;
  readonly #variables: Variables;
  /** A page that is asked to be longer is refused by its resolver. */
  readonly #longestPage: number;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Fragments are worked out once for each length of the page they stand in: spread in spread they would be looked at without end. */
  readonly #known = new Map<string, number>();

  constructor(schema: GraphQLSchema, document: DocumentNode, variables: Variables, longestPage: number) {
    this.#schema = schema;
    this.#variables = variables;
    this.#longestPage = longestPage;
    this.#fragments = new Map(
      document.definitions.flatMap((node) =>
        node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
      ),
    );
  }

  operation({ operation, selectionSet }: OperationDefinitionNode): number {
    return this.#selections(selectionSet, this.#schema.getRootType(operation) ?? undefined, null);
  }

  /** `page`: how long the next list may become, where the page's length was asked for above it. */
  #selections({ selections }: SelectionSetNode, type: GraphQLNamedType | undefined, page: number | null): number {
    let sum = 0;
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) sum += this.#field(selection, type, page);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) sum += this.#fragment(selection.name.value, page);
      else
        sum += this.#selections(selection.selectionSet, this.#typeOf(selection.typeCondition?.name.value, type), page);
    }
    return sum;
  }

  #fragment(name: string, page: number | null): number {
    const fragment = this.#fragments.get(name);
    if (!fragment) return 0;
    const key = `${page} ${name}`;
    let cost = this.#known.get(key);
    if (cost === undefined) {
      cost = this.#selections(fragment.selectionSet, this.#typeOf(fragment.typeCondition.name.value, undefined), page);
      this.#known.set(key, cost);
    }
    return cost;
  }

  #field(node: FieldNode, parent: GraphQLNamedType | undefined, page: number | null): number {
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[node.name.value] : undefined;
    // Introspection is limited by rules of its own, and `__typename` is known without looking.
    if (!field) return node.name.value.startsWith('__') ? 0 : 1;
    const own = COUNTED.includes(field.name) ? COUNT_COST : 1;
    const type = getNamedType(field.type);
    if (!node.selectionSet || !isCompositeType(type)) return own;
    const asked = this.#asked(node, field);
    const list = isListType(getNullableType(field.type));
    const times = list ? (asked ?? page ?? SHORT_LIST) : 1;
    return own + times * this.#selections(node.selectionSet, type, list ? null : (asked ?? page));
  }

  /** The length that the arguments ask for: `first` of a page, the references of a batch; null: there are no such arguments. */
  #asked(node: FieldNode, field: GraphQLField<unknown, unknown>): number | null {
    for (const definition of field.args) {
      if (definition.name !== 'first' && definition.name !== 'representations') continue;
      const given = node.arguments?.find(({ name }) => name.value === definition.name);
      const value = given ? valueFromAST(given.value, definition.type, this.#variables) : undefined;
      const asked = value ?? definition.defaultValue;
      if (Array.isArray(asked)) {
        for (const reference of asked) this.references.push(reference);
        return asked.length;
      }
      if (typeof asked === 'number') return Math.min(Math.max(1, asked), this.#longestPage);
    }
    return null;
  }

  #typeOf(name: string | undefined, otherwise: GraphQLNamedType | undefined): GraphQLNamedType | undefined {
    return name === undefined ? otherwise : this.#schema.getType(name);
  }
}
