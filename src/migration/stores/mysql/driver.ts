/** The driver, loaded when the first connection is made: most processes have no such server, and do without its memory. */
import { createRequire } from 'node:module';
import type * as Module from 'mysql2/promise';

type Driver = typeof Module;

const require = createRequire(import.meta.url);
let loaded: Driver | null = null;

export function loadDriver(): Driver {
  const found: Driver = loaded ?? require('mysql2/promise');
  loaded = found;
  return found;
}
