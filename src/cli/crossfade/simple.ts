/** A mutation of the dataset that is asked for and done: what most commands are. */
import type { Context, Result } from './command.ts';
import { readStatus } from './status.ts';

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
