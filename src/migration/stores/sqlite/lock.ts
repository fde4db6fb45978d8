/**
 * A lock that ends with the process that holds it, however that ends: an exclusive transaction that stays open.
 *
 * The kernel frees it after SIGKILL too, and there is no process id in it that another process could come to have.
 */
import SqliteDriverDatabase from 'better-sqlite3';
import { isBusy } from './database.ts';

export interface FileLock {
  release(): void;
}

/** The driver closes a database that nobody refers to any more, and a lock must not end that way. */
const held = new Set<SqliteDriverDatabase.Database>();

/** Takes the lock or returns null, at once; makes the file. It stays empty and stays there. Throws the driver's error for a path that can't be a lock. */
export function lockFile(file: string): FileLock | null {
  const db = new SqliteDriverDatabase(file, { timeout: 0 });
  try {
    db.pragma('journal_mode = MEMORY');
    db.exec('begin exclusive');
  } catch (error) {
    db.close();
    if (isBusy(error)) return null;
    throw error;
  }
  held.add(db);
  return {
    release: () => {
      held.delete(db);
      db.close();
    },
  };
}
