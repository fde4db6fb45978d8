/** Events into the catalogue: what the mutation `defineEvent` does, for a file. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { checkEvent } from '../../activity/define.ts';
import { NotImportable } from '../../activity/import.ts';
import { quote } from '../../activity/text.ts';
import { hasCode } from '../../migration/errors.ts';
import { isSettledIn, type Context } from './context.ts';

/** Returns the exit code. Each event is defined by itself: one that is rejected does not keep the others out. */
export async function importEvents(
  file: string,
  { config, control, catalogue, dataset, output }: Context,
): Promise<number> {
  await control.open();
  const events = eventsIn(await readFile(file, 'utf8'));
  const id = randomUUID();
  // Registered as an instance, so that no switch gets past its announce before the lease ends that this answer is good for.
  const mayAddPairs = async (): Promise<boolean> => {
    const { label, leaseMs } = config;
    const record = await control.renew({ dataset: dataset.name, id, label, leaseMs, epoch: 0, answered: 0 });
    return record === null || isSettledIn(record, 'OLD', 'NEW');
  };
  let refused = 0;
  try {
    for (const [i, event] of events.entries()) {
      try {
        await catalogue.define(checkEvent(event), mayAddPairs);
      } catch (error) {
        if (!hasCode(error, 'BAD_USER_INPUT')) throw error;
        refused += 1;
        output.stderr.write(`Event ${nameOf(event) ?? `number ${i + 1}`}: ${error.message}\n`);
      }
    }
  } finally {
    await control.release(dataset.name, id);
  }
  output.stdout.write(`${events.length} events: ${events.length - refused} in the catalogue, ${refused} rejected.\n`);
  return refused > 0 ? 1 : 0;
}

function eventsIn(json: string): readonly unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new NotImportable(`The file is not JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
  if (!Array.isArray(parsed)) throw new NotImportable('The file must hold a JSON array of events.');
  return parsed;
}

function nameOf(event: unknown): string | null {
  const name = typeof event === 'object' && event !== null && 'name' in event ? event.name : null;
  return typeof name === 'string' ? quote(name) : null;
}
