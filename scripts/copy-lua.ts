/** `node scripts/copy-lua.ts [DIRECTORY]` puts the scripts of the journal in Redis beside the built code in DIRECTORY (dist), which reads them. */
import { cp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPTS = 'migration/journal/redis/scripts';

const source = fileURLToPath(new URL(`../src/${SCRIPTS}`, import.meta.url));
const target = join(resolve(process.argv[2] ?? fileURLToPath(new URL('../dist', import.meta.url))), SCRIPTS);
await cp(source, target, { recursive: true });
