/**
 * Which documents may be compiled (compiled.ts).
 *
 * Compiling takes milliseconds and writes out what fragments spread, so they have to be short, and their fragments spread no others. And
 * what is compiled must say what graphql-js says: it takes input objects that lack a field for such that have null there, and those that
 * contain themselves it writes out for ever; a null that decides whether a field is there is no error in it; names like `__proto__` are lost.
 */
import {
  isInputObjectType,
  Kind,
  visit,
  BREAK,
  type ASTVisitor,
  type DocumentNode,
  type GraphQLSchema,
  type TypeNode,
} from 'graphql';

/** Characters at most, and how often fragments are spread at most. */
const LONGEST = 4000;
const MOST_SPREADS = 20;
const DECIDING: readonly string[] = ['skip', 'include'];
const LOST = '__proto__';

export function isCompilable(schema: GraphQLSchema, document: DocumentNode): boolean {
  if ((document.loc?.end ?? Infinity) > LONGEST) return false;
  let fits = true;
  const refuse = (unless: boolean): typeof BREAK | undefined => {
    if (unless) return undefined;
    fits = false;
    return BREAK;
  };
  visit(document, short(refuse));
  if (fits) visit(document, faithful(schema, document, refuse));
  return fits;
}

type Refuse = (unless: boolean) => typeof BREAK | undefined;

function short(refuse: Refuse): ASTVisitor {
  let spreads = 0;
  let inFragment = false;
  return {
    FragmentDefinition: {
      enter: () => {
        inFragment = true;
      },
      leave: () => {
        inFragment = false;
      },
    },
    FragmentSpread: () => refuse(!inFragment && ++spreads <= MOST_SPREADS),
  };
}

function faithful(schema: GraphQLSchema, document: DocumentNode, refuse: Refuse): ASTVisitor {
  const nullable = new Set<string>();
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    for (const { variable, type } of definition.variableDefinitions ?? []) {
      if (type.kind !== Kind.NON_NULL_TYPE) nullable.add(variable.name.value);
    }
  }
  return {
    Name: ({ value }) => refuse(value !== LOST),
    VariableDefinition: ({ type }) => refuse(!isInputObjectType(schema.getType(nameOf(type)))),
    ObjectField: ({ value }) => refuse(value.kind !== Kind.VARIABLE),
    Directive: ({ name, arguments: given = [] }) =>
      refuse(
        !DECIDING.includes(name.value) ||
          given.every(({ value }) => value.kind !== Kind.VARIABLE || !nullable.has(value.name.value)),
      ),
  };
}

function nameOf(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type);
}
