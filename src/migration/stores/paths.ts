/** Paths of embedded databases. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** One name for a file or directory: absolute, links resolved as far as it is there. */
export function realPath(path: string): string {
  const full = resolve(path);
  if (existsSync(full)) return realpathSync(full);
  const around = dirname(full);
  return around === full ? full : join(realPath(around), basename(full));
}
