/** Operators' commands: who may, in what time, once, and on record. */
import type { GraphQLResolveInfo } from 'graphql';
import type { MigrationStatus, Operator } from '../migration/api.ts';
import { CrossfadeError } from '../migration/errors.ts';
import { PARTICIPATION } from '../activity/dataset.ts';
import type { RequestContext } from './context.ts';

export interface Command {
  readonly dataset: string;
  readonly info: GraphQLResolveInfo;
  readonly context: RequestContext;
  /** Everything that was asked for but the dataset, for the record. */
  readonly input?: object;
  readonly reason?: string;
  /** What it changes, for the record; null: nothing but what `status` tells. */
  readonly about?: (operator: Operator) => Promise<unknown>;
}

/** Commands wait for other processes, so they get an operator's deadline. Throws UNKNOWN_DATASET. Returns who is asking. */
export async function administer(dataset: string, context: RequestContext): Promise<string> {
  const actor = await context.authorize('migration:admin');
  if (dataset !== PARTICIPATION) {
    throw new CrossfadeError('UNKNOWN_DATASET', { message: `There is no dataset ${JSON.stringify(dataset)}.` });
  }
  context.extendDeadline();
  return actor;
}

/** Does it once, and answers with the migration as it is then. */
export async function command(asked: Command, effect: (operator: Operator) => Promise<void>): Promise<MigrationStatus> {
  const { context, info } = asked;
  const { operator } = context.engine;
  const actor = await administer(asked.dataset, context);
  await context.once(info, () => recorded(asked, actor, () => effect(operator)));
  return operator.status();
}

export function recorded<T>(
  { context, info, dataset, input = {}, reason, about }: Command,
  actor: string,
  effect: () => Promise<T>,
  outcome?: (result: T) => string,
): Promise<T> {
  const { operator } = context.engine;
  const look = async (): Promise<object> => ({
    ...facts(await operator.status()),
    ...(about && { about: await about(operator) }),
  });
  const { requestId } = context;
  const asked = { actor, command: info.fieldName, dataset, input, reason: reason ?? null, requestId, look };
  return context.audit.record(asked, effect, outcome);
}

function facts({ place, epoch, settled, logic, logicPinned, copySettings }: MigrationStatus): object {
  return { ...place, epoch, settled, logic, logicPinned, copy: copySettings };
}
