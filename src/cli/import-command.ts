/**
 * Fills the old store from a CSV file, or the event catalogue from a JSON file.
 *
 *   exit code 0   everything is there now
 *             1   some lines or events were rejected, or nothing could be done; says which
 *             2   the dataset is not in OLD, where alone the old store is filled; names the state
 */
import { parseArgs } from 'node:util';
import { NotImportable } from '../activity/import.ts';
import { ConfigError, loadConfig, type Environment } from '../config.ts';
import { DirectoryInUse, lockDirectories } from '../directory-lock.ts';
import { CrossfadeError } from '../migration/errors.ts';
import { withContext, type Output } from './import/context.ts';
import { importEvents } from './import/events.ts';
import { importRows } from './import/rows.ts';

const USAGE = 'Usage: npm run import -- FILE.csv\n       npm run import -- --events FILE.json\n';

/** Returns the exit code. Reads the configuration that the server reads, and locks out a server on embedded files. */
export async function importCommand(args: readonly string[], env: Environment, output: Output): Promise<number> {
  const task = taskOf(args);
  if (!task) {
    output.stderr.write(USAGE);
    return 1;
  }
  try {
    const config = loadConfig(env);
    const lock = lockDirectories(config);
    try {
      return await withContext(config, output, (context) =>
        task.events ? importEvents(task.file, context) : importRows(task.file, context),
      );
    } finally {
      lock.release();
    }
  } catch (error) {
    const line = lineFor(error);
    if (line === null) throw error;
    output.stderr.write(`${line}\n`);
    return 1;
  }
}

interface Task {
  readonly file: string;
  readonly events: boolean;
}

function taskOf(args: readonly string[]): Task | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { events: { type: 'string' } },
      allowPositionals: true,
    });
    const [file, ...more] = positionals;
    if (values.events !== undefined) return file === undefined ? { file: values.events, events: true } : null;
    return file === undefined || more.length > 0 ? null : { file, events: false };
  } catch {
    // An option that there is none of: the usage says what there is.
    return null;
  }
}

/** The line for whoever typed the command; null: a fault of ours. */
function lineFor(error: unknown): string | null {
  if (error instanceof ConfigError || error instanceof DirectoryInUse || error instanceof NotImportable) {
    return error.message;
  }
  if (error instanceof CrossfadeError) {
    return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
  }
  // Of the file system: no such file, no permission, no space.
  return error instanceof Error && 'syscall' in error ? error.message : null;
}
