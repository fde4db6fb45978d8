/**
 * `npm run bench`: all benchmarks, one after the other, with the options that they share.
 *
 *   --quick  --rounds N  --json DIRECTORY  --only router,fence,journal,serve,growth,copy
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOptions } from './lib/options.ts';
import { print } from './lib/report.ts';

const BENCHMARKS = ['router', 'fence', 'journal', 'serve', 'growth', 'copy'] as const;

const options = readOptions(process.argv.slice(2), {});
if (options.json !== null) await mkdir(options.json, { recursive: true });
for (const name of BENCHMARKS) {
  if (options.only.length > 0 && !options.only.includes(name)) continue;
  print(`\n## ${name}\n`);
  const args = [
    fileURLToPath(new URL(`${name}.ts`, import.meta.url)),
    ...(options.quick ? ['--quick'] : []),
    '--rounds',
    `${options.rounds}`,
    ...(options.json === null ? [] : ['--json', join(options.json, `${name}.json`)]),
  ];
  const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'exit');
  if (code !== 0) {
    print(`${name} ended with ${code}`);
    process.exitCode = 1;
  }
}
