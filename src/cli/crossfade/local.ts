/**
 * What the doctor looks at himself with `--local`, in the environment that the server is started in: the servers of stores, control
 * store and journal, opened with the server's own code. Embedded files belong to the process that serves them and are left alone.
 */
import { participationDataset } from '../../activity/dataset.ts';
import { ConfigError, loadConfig, maskPassword, type Config, type Environment } from '../../config.ts';
import { systemClock } from '../../migration/clock.ts';
import { STORE_ROLES, type StoreRole } from '../../migration/dataset.ts';
import { openJournalServer } from '../../migration/journal/open.ts';
import { engineOf } from '../../migration/stores/open.ts';
import { amiss, well, type Finding } from './finding.ts';

// Tables do not depend on what the catalogue knows.
const dataset = participationDataset({ getMany: async () => new Map() });

export async function localFindings(env: Environment): Promise<readonly Finding[]> {
  try {
    const config = loadConfig(env);
    const stores = STORE_ROLES.map((role) => storeFindings(config, role));
    const findings = await Promise.all([...stores, controlFinding(config), journalFinding(config)]);
    return [well('variables', 'each is what it may be'), ...findings.flat()];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [amiss('variables', error.message, 'Correct the variable; README.md lists them.')];
  }
}

async function storeFindings(config: Config, role: StoreRole): Promise<readonly Finding[]> {
  const url = role === 'OLD' ? config.oldStoreUrl : config.newStoreUrl;
  const check = `${role.toLowerCase()} store`;
  const engine = engineOf(url);
  if (engine.directory(url) !== null) return [well(check, 'embedded')];
  const store = engine.openStore(url, role, dataset);
  try {
    await store.ping();
    const { name } = dataset.table(role);
    const server = await store.serverVersion();
    const answers = well(check, `${maskPassword(url)} answers (${server}), and has the table ${name}`);
    return role === 'OLD' ? [answers, othersFinding(name, (await store.otherWriters()) ?? [])] : [answers];
  } catch (error) {
    return [
      amiss(check, `${maskPassword(url)}: ${reason(error)}`, 'Mend what it says; npm run setup makes the tables.'),
    ];
  } finally {
    await store.close();
  }
}

/** Nothing is amiss as long as they do not write: that they may is told, so that somebody sees to it. */
function othersFinding(table: string, others: readonly string[]): Finding {
  const check = 'other writers';
  if (others.length === 0) return well(check, `nobody else may write ${table}, as far as this user can see`);
  return well(check, `${others.join(', ')} may write ${table}; see that they do not, from MIGRATING to CATCHING_UP`);
}

async function controlFinding({ controlUrl }: Config): Promise<Finding> {
  const check = 'control store';
  const engine = engineOf(controlUrl);
  if (engine.directory(controlUrl) !== null) return well(check, 'embedded');
  try {
    const database = engine.openDatabase(controlUrl);
    try {
      // A transaction that changes nothing, on the connection that writes.
      await database.migrate([]);
      return well(check, `${maskPassword(controlUrl)} answers`);
    } finally {
      await database.close();
    }
  } catch (error) {
    return amiss(check, `${maskPassword(controlUrl)}: ${reason(error)}`, 'Mend what it says.');
  }
}

/** What a server is like does not depend on whose journal is looked at. */
async function journalFinding({ journalUrl, requestTimeoutMs }: Config): Promise<Finding> {
  const check = 'journal';
  if (journalUrl === null) return well(check, 'tables in the control store');
  const journal = openJournalServer(journalUrl, { dataset, deployment: 'none', clock: systemClock, requestTimeoutMs });
  try {
    const risks = await journal.risks();
    if (risks.length === 0) return well(check, `${maskPassword(journalUrl)} answers, and is safe`);
    return amiss(check, risks.join(' '), 'Change these settings; docs/journal.md says which gives which promise.');
  } catch (error) {
    return amiss(check, `${maskPassword(journalUrl)}: ${reason(error)}`, 'Mend what it says.');
  } finally {
    await journal.stop();
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  const why = cause instanceof Error && !message.includes(cause.message) ? `${message} (${cause.message})` : message;
  return why.replaceAll(/\s+/g, ' ');
}
