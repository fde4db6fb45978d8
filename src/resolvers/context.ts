/**
 * What resolvers get. One context an execution: when a lease runs out under an operation (`OperationExpired`), the server executes the
 * whole GraphQL operation again with a new context; the effects of mutations that already happened are handed over and not repeated.
 */
import type { GraphQLResolveInfo } from 'graphql';
import type { AuditTrail } from '../audit.ts';
import type { Engine, Operation } from '../migration/api.ts';
import type { Catalogue } from '../activity/catalogue.ts';
import type { NewParticipation, OldParticipation } from '../activity/dataset.ts';

export type ActivityOperation = Operation<OldParticipation, NewParticipation>;
export type ActivityEngine = Engine<OldParticipation, NewParticipation>;

export type Scope = 'migration:read' | 'migration:admin';

export interface RequestContext {
  readonly engine: ActivityEngine;
  readonly catalogue: Catalogue;
  readonly audit: AuditTrail;
  /** Of performance.now(). */
  readonly deadline: number;
  readonly requestId: string;
  /** Longest page of a list (MAX_PAGE_SIZE). */
  readonly maxPageSize: number;
  /** The operation that serves this field: one for a whole query, one for each top-level field of a mutation. */
  operation(info: GraphQLResolveInfo): Promise<ActivityOperation>;
  /** Runs the effect of a top-level mutation field once, however often the operation is executed. */
  once<T>(info: GraphQLResolveInfo, effect: () => Promise<T>): Promise<T>;
  /** For an operator's command, which waits for other processes: moves `deadline` to SWITCH_TIMEOUT_MS and more from now. */
  extendDeadline(): void;
  /** Throws UNAUTHENTICATED or FORBIDDEN; returns who is asking, for the history. */
  authorize(scope: Scope): Promise<string>;
}
