/** One process for one directory of embedded stores: they are files without a server, and whoever has them trusts that nobody else writes them. */
import { accessSync, constants, existsSync, mkdirSync, opendirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ConfigError, type Config } from './config.ts';
import { engineOf, lockFile } from './migration/stores/open.ts';

export interface DirectoryLock {
  /** Idempotent. Without it the lock ends with the process, also when that is killed. */
  release(): void;
}

/** The message is written for whoever starts the second process. */
export class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse';
}

/** Makes the directory if it is missing. Throws `DirectoryInUse` at once if another process (or this one) has the lock. */
export function lockDirectory(dir: string): DirectoryLock {
  makeDirectory(dir);
  const lock = lockFile(join(dir, 'crossfade.lock'));
  if (!lock) {
    throw new DirectoryInUse(
      `Another process is using ${resolve(dir)}: stop it first, or set DATA_DIR to another directory.`,
    );
  }
  return lock;
}

/**
 * Locks all directories that no other process may use beside this one: that of the control store's file, and that of the embedded stores
 * and of the admin token. `DirectoryInUse`, or `ConfigError` for one that cannot be made or written; nothing is locked then.
 */
export function lockDirectories(config: Config): DirectoryLock {
  const locks: DirectoryLock[] = [];
  const release = (): void => {
    for (const lock of locks.splice(0)) lock.release();
  };
  try {
    for (const [dir, variable] of directoriesOf(config)) locks.push(lockWritable(dir, variable));
  } catch (error) {
    release();
    throw error;
  }
  return { release };
}

/** With the variables they come from. */
function directoriesOf({ embedded, dataDir, controlUrl, adminToken }: Config): ReadonlyMap<string, string> {
  const control = engineOf(controlUrl).directory(controlUrl);
  const own = embedded.old || embedded.new || embedded.control || adminToken === null;
  return new Map([
    ...(control === null ? [] : [[control, 'CONTROL_URL'] as const]),
    ...(own ? [[dataDir, 'DATA_DIR'] as const] : []),
  ]);
}

function lockWritable(dir: string, variable: string): DirectoryLock {
  try {
    makeDirectory(dir);
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    return lockDirectory(dir);
  } catch (error) {
    if (error instanceof DirectoryInUse) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`${variable}: ${dir} must be a directory that this process may write (${why}).`);
  }
}

/** Node's own recursive form never returns where a file system has no such thing as new directories (/proc, for one). */
function makeDirectory(dir: string): void {
  if (existsSync(dir)) return opendirSync(dir).closeSync();
  makeDirectory(dirname(dir));
  mkdirSync(dir);
}
