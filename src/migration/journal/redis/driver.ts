/** The driver, loaded when the first connection is made: most processes have their journal in tables, and do without its memory. */
import { createRequire } from 'node:module';
import type * as Module from 'ioredis';

type Driver = typeof Module;

const require = createRequire(import.meta.url);
let loaded: Driver | null = null;

export function loadDriver(): Driver {
  const found: Driver = loaded ?? require('ioredis');
  loaded = found;
  return found;
}
