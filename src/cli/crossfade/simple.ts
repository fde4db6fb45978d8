/** A mutation of the dataset that is asked for and done: what most commands are. */
import { rung } from '../../migration/states.ts';
import type { Context, Result } from './command.ts';
import { CommandFailure } from './exit.ts';
import { readStatus, type Status } from './status.ts';

/** In a dry run nothing is sent but a question, which shows that server, token and dataset are right. */
export async function change(
  context: Context,
  mutation: { readonly document: string; readonly variables?: object },
  said: { readonly done: string; readonly would: string },
): Promise<Result> {
  const { client, dataset, dryRun } = context;
  if (dryRun) {
    const { state, epoch } = await readStatus(context);
    return { json: { dryRun: true, would: said.would, state, epoch }, lines: [`It would ${said.would}.`] };
  }
  const data = await client.ask<object>(mutation.document, { dataset, ...mutation.variables });
  return { json: data, lines: [said.done] };
}

/** Throws `CommandFailure` where the server has nothing to compare, also in a dry run. */
export async function whereComparable(context: Context): Promise<Status> {
  const status = await readStatus(context);
  const { state, readNewPercent } = status;
  if (rung({ state, percent: readNewPercent }).authority === 'BY_KEY') return status;
  throw new CommandFailure('USAGE', `In ${state} the stores can't be compared; both hold everything in DUAL only.`);
}
