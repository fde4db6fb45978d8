/**
 * The operator's side of the schema. Every root field asks for the token first, so that without one nothing is told, not even what is
 * wrong with the input; the other types can be reached through these fields alone.
 */
import type { Operator, OperatorList, OperatorPage, SwitchInput, SwitchResult } from '../migration/api.ts';
import { badInput } from '../migration/errors.ts';
import type { Place } from '../migration/states.ts';
import { PARTICIPATION } from '../activity/dataset.ts';
import type { Resolvers, SwitchMigrationInput } from '../generated/schema.ts';
import { administer, command, recorded } from './command.ts';
import {
  connection,
  cursorForm,
  pageSize,
  type Connection,
  type CursorForm,
  type PageArguments,
} from './connection.ts';
import type { RequestContext } from './context.ts';

const DIFFERENCES = cursorForm('difference:', (position) => position !== '');
const QUARANTINE = cursorForm('quarantine:', (position) => position !== '');
const HISTORY = cursorForm('transition:', (position) => /^\d{1,15}$/.test(position));

export const migrationResolvers = {
  Query: {
    migrations: async (_, __, context) => {
      await context.authorize('migration:read');
      return [await context.engine.operator.status()];
    },
    migration: async (_, { dataset }, context) => {
      await context.authorize('migration:read');
      return dataset === PARTICIPATION ? context.engine.operator.status() : null;
    },
  },

  Mutation: {
    switchMigration: async (_, { input }, context, info) => {
      const { dataset, ...asked } = input;
      const { operator } = context.engine;
      const actor = await administer(dataset, context);
      const result = await context.once(info, async () => {
        const checked = switchInput(input, actor);
        if (checked.dryRun) return operator.switchTo(checked);
        const on = { dataset, context, info, input: asked, reason: checked.reason };
        return recorded(on, actor, () => operator.switchTo(checked), outcomeOf);
      });
      const migration = await operator.status();
      switch (result.outcome) {
        case 'SWITCHED':
          return { __typename: 'MigrationSwitched', migration, dryRun: result.dryRun, pauseMs: result.pauseMs };
        case 'BLOCKED':
          return { __typename: 'SwitchBlocked', migration, blockers: result.blockers };
        case 'EPOCH_CONFLICT':
          return { __typename: 'EpochConflict', migration };
      }
    },
    setBusinessLogic: (_, { dataset, logic }, context, info) =>
      command({ dataset, context, info, input: { logic } }, (operator) => operator.setBusinessLogic(logic ?? null)),
    pauseCopy: (_, { dataset }, context, info) =>
      command({ dataset, context, info }, (operator) => operator.pauseCopy()),
    resumeCopy: (_, { dataset }, context, info) =>
      command({ dataset, context, info }, (operator) => operator.resumeCopy()),
    setCopyRate: (_, { dataset, rowsPerSecond }, context, info) =>
      command({ dataset, context, info, input: { rowsPerSecond } }, (operator) =>
        operator.setCopyRate(copyRate(rowsPerSecond ?? null)),
      ),
    verifyMigration: (_, { dataset }, context, info) =>
      command({ dataset, context, info, about: verification }, (operator) => operator.verify()),
    repairDifferences: (_, { dataset }, context, info) =>
      command({ dataset, context, info, about: verification }, (operator) => operator.repair()),
    retryQuarantine: (_, { dataset }, context, info) =>
      command({ dataset, context, info, about: quarantine }, (operator) => operator.retryQuarantine()),
    waiveQuarantine: (_, { dataset, reason }, context, info) =>
      command({ dataset, context, info, reason, about: quarantine }, (operator) =>
        operator.waiveQuarantine(stated(reason)),
      ),
  },

  Migration: {
    state: ({ place }) => place.state,
    readNewPercent: ({ place }) => place.percent,
    businessLogic: ({ logic }) => logic,
    businessLogicPinned: ({ logicPinned }) => logicPinned,
    copy: (_, __, { engine }) => engine.operator.copyProgress(),
    journal: (_, __, { engine }) => engine.operator.journalStatus(),
    verification: (_, __, { engine }) => engine.operator.verification(),
    instances: (_, __, { engine }) => engine.operator.instances(),
    moves: (_, __, { engine }) => engine.operator.moves(),
    differences: (_, args, context) =>
      listed(DIFFERENCES, args, context, (page) => context.engine.operator.differences(page)),
    quarantine: (_, args, context) =>
      listed(QUARANTINE, args, context, (page) => context.engine.operator.quarantine(page)),
    history: (_, args, context) => listed(HISTORY, args, context, (page) => context.engine.operator.history(page)),
  },
  Switching: {
    to: ({ to }) => to.state,
    readNewPercent: ({ to }) => dualPercent(to),
  },
  JournalStatus: {
    pendingOld: ({ pending }) => pending.OLD,
    pendingNew: ({ pending }) => pending.NEW,
  },
  Transition: {
    from: ({ from }) => from.state,
    fromPercent: ({ from }) => dualPercent(from),
    to: ({ to }) => to.state,
    toPercent: ({ to }) => dualPercent(to),
  },
} satisfies Resolvers;

const verification = (operator: Operator): Promise<unknown> => operator.verification();
const quarantine = (operator: Operator): Promise<unknown> => operator.quarantineCounts();

/** For the record. */
function outcomeOf(result: SwitchResult): string {
  switch (result.outcome) {
    case 'SWITCHED':
      return 'DONE';
    case 'BLOCKED':
      return `BLOCKED: ${result.blockers.map(({ code }) => code).join(', ')}`;
    case 'EPOCH_CONFLICT':
      return result.outcome;
  }
}

/** Whether the percentage fits the state is the engine's to say. */
function switchInput(input: SwitchMigrationInput, actor: string): SwitchInput {
  return {
    to: input.to,
    readNewPercent: input.readNewPercent ?? null,
    expectedEpoch: input.expectedEpoch ?? null,
    reason: stated(input.reason),
    dryRun: input.dryRun ?? false,
    acceptRisk: input.acceptRisk ?? [],
    actor,
  };
}

function stated(reason: string): string {
  const text = reason.trim();
  if (text === '') throw badInput('reason', 'reason must say why; it is kept on record.');
  return text;
}

function copyRate(rowsPerSecond: number | null): number | null {
  if (rowsPerSecond !== null && rowsPerSecond < 1) {
    throw badInput('rowsPerSecond', `rowsPerSecond must be at least 1, or null for no limit, not ${rowsPerSecond}.`);
  }
  return rowsPerSecond;
}

/** Positions are the engine's; a client gets them wrapped, so that a cursor of another list is refused. */
async function listed<N>(
  form: CursorForm,
  args: PageArguments,
  context: RequestContext,
  read: (page: OperatorPage) => Promise<OperatorList<N>>,
): Promise<Connection<N>> {
  const first = pageSize(args, context);
  const list = await read({ first, after: typeof args.after === 'string' ? form.decode(args.after) : null });
  const edges = list.edges.map(({ node, cursor }) => ({ node, cursor: form.encode(cursor) }));
  return connection({ ...list, edges }, args.after);
}

/** The percentage says something in DUAL only. */
function dualPercent(place: Place): number | null {
  return place.state === 'DUAL' ? place.percent : null;
}
