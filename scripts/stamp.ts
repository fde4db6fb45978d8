/** The last step of a build: `dist/.built` says that it came to its end, and when (start.sh). */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

await writeFile(join(import.meta.dirname, '../dist/.built'), `${new Date().toISOString()}\n`);
