/** One process for one directory of embedded stores: they are files without a server, and the instance in it trusts that nobody else writes them. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lockFile } from './migration/stores/sqlite/lock.ts';

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
  mkdirSync(dir, { recursive: true });
  const lock = lockFile(join(dir, 'crossfade.lock'));
  if (!lock) {
    throw new DirectoryInUse(
      `Another process is using ${resolve(dir)}: stop it first, or set DATA_DIR to another directory.`,
    );
  }
  return lock;
}
