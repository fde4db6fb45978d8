import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControlTables } from '../../src/migration/control/sql/index.ts';
import { openSqliteFile } from '../../src/migration/stores/sqlite/database.ts';
import { controlContract } from './control.contract.ts';

controlContract('SQLite', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'crossfade-control-'));
  return {
    connect: () => openSqliteFile<ControlTables>(join(dir, 'control.sqlite')),
    dispose: () => rm(dir, { recursive: true }),
  };
});
