/** Limits on the form of an operation: depth, aliases, directives. Broken ones are GRAPHQL_VALIDATION_FAILED, and nothing is executed. */
import { ApolloArmor } from '@escape.tech/graphql-armor';
import { GraphQLError, type ValidationContext, type ValidationRule } from 'graphql';
import type { QueryLimits } from '../../config.ts';

export function limitRules(limits: QueryLimits): ValidationRule[] {
  const rule = (n: number, what: string) => ({
    n,
    // Reported like any other mistake of a document; thrown, it would be a fault of ours.
    propagateOnRejection: false,
    onReject: [
      (context: ValidationContext | null) => {
        context?.reportError(new GraphQLError(`An operation may have ${n} ${what}, and this one has more.`));
      },
    ],
  });
  const { validationRules } = new ApolloArmor({
    maxDepth: { ...rule(limits.depth, 'levels of fields'), flattenFragments: true, ignoreIntrospection: true },
    maxAliases: { ...rule(limits.aliases, 'aliases'), allowList: [] },
    maxDirectives: rule(limits.directives, 'directives'),
    // Costs depend on variables and page sizes, which it does not look at: see cost.ts. Tokens are counted by the parser.
    costLimit: { enabled: false },
    maxTokens: { enabled: false },
    // Apollo Server leaves suggestions away where the schema is not told.
    blockFieldSuggestion: { enabled: false },
  }).protect();
  return validationRules;
}
