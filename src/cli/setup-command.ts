/**
 * Makes the dataset's tables where OLD_STORE_URL and NEW_STORE_URL lead to servers. Tables that are there stay as they are.
 *
 *   exit code 0   both stores can be used now
 *             1   one of them can't; says which and why
 */
import { participationDataset } from '../activity/dataset.ts';
import { ConfigError, loadConfig, maskPassword, type Config, type Environment } from '../config.ts';
import { STORE_ROLES, type StoreRole } from '../migration/dataset.ts';
import { CrossfadeError } from '../migration/errors.ts';
import { engineOf } from '../migration/stores/open.ts';

export interface SetupOutput {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/** Returns the exit code. Reads the configuration that the server reads. */
export async function setupCommand(env: Environment, { stdout, stderr }: SetupOutput): Promise<number> {
  let failures = 0;
  try {
    const config = loadConfig(env);
    for (const role of STORE_ROLES) {
      try {
        stdout.write(`${await setUp(config, role)}\n`);
      } catch (error) {
        if (!(error instanceof CrossfadeError)) throw error;
        failures += 1;
        stderr.write(`${lineFor(error)}\n`);
      }
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    failures += 1;
    stderr.write(`${error.message}\n`);
  }
  return failures === 0 ? 0 : 1;
}

/** The line that says what is there now. */
async function setUp(config: Config, role: StoreRole): Promise<string> {
  const url = role === 'OLD' ? config.oldStoreUrl : config.newStoreUrl;
  const name = `${role.toLowerCase()} store ${JSON.stringify(maskPassword(url))}`;
  const engine = engineOf(url);
  if (engine.directory(url) !== null) return `The ${name} needs no setup: its tables are made when it is first used.`;
  // Tables do not depend on what the catalogue knows.
  const dataset = participationDataset({ getMany: async () => new Map() });
  const store = engine.openStore(url, role, dataset, { create: true });
  try {
    await store.ping();
  } finally {
    await store.close();
  }
  return `The ${name} has the table ${dataset.table(role).name}.`;
}

function lineFor({ message, cause }: CrossfadeError): string {
  const why = cause instanceof Error && !message.includes(cause.message) ? ` (${cause.message})` : '';
  return `${message}${why}`.replaceAll(/\s+/g, ' ');
}
