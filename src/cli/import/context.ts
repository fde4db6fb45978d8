/** What an import works on: the control store with the catalogue, and the old store, as the configuration has them. */
import { openCatalogue, type Catalogue, type CatalogueTables } from '../../activity/catalogue.ts';
import { participationDataset, type ParticipationDataset } from '../../activity/dataset.ts';
import { phoneParser, type PhoneParser } from '../../activity/phone.ts';
import { ConfigError, maskPassword, type Config } from '../../config.ts';
import { systemClock } from '../../migration/clock.ts';
import type { ControlRecord, ControlStore } from '../../migration/control/control.ts';
import { sqlControl, type ControlTables } from '../../migration/control/sql/index.ts';
import type { MigrationState } from '../../migration/states.ts';
import type { SqlDatabase } from '../../migration/sql/database.ts';
import { engineOf } from '../../migration/stores/open.ts';
import type { Store } from '../../migration/stores/store.ts';

/** Where lines for people go; `stderr` shows the progress bar if it is a terminal. */
export interface Output {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

export interface Context {
  readonly config: Config;
  readonly control: ControlStore;
  readonly catalogue: Catalogue;
  readonly dataset: ParticipationDataset;
  readonly phones: PhoneParser;
  readonly old: Store;
  readonly output: Output;
}

/** Opens what the work needs, and closes it afterwards; the old store is opened when it is first used. */
export async function withContext<T>(
  config: Config,
  output: Output,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  const database = openControl(config.controlUrl);
  const control = sqlControl({ database, clock: systemClock });
  try {
    const catalogue = await openCatalogue(database);
    const phones = phoneParser(config.phoneRegion);
    const dataset = participationDataset(catalogue, phones);
    const old = engineOf(config.oldStoreUrl).openStore(config.oldStoreUrl, 'OLD', dataset);
    try {
      return await work({ config, control, catalogue, dataset, phones, old, output });
    } finally {
      await old.close();
    }
  } finally {
    await control.close();
  }
}

function openControl(url: string): SqlDatabase<ControlTables & CatalogueTables> {
  try {
    return engineOf(url).openDatabase(url);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`CONTROL_URL is ${JSON.stringify(maskPassword(url))}, which cannot be opened: ${why}.`);
  }
}

/** Is it in one of these states, with no switch on its way? */
export function isSettledIn({ place, switching }: ControlRecord, ...states: readonly MigrationState[]): boolean {
  return (switching === null || switching.phase === 'SETTLE') && states.includes(place.state);
}
