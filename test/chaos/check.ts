/** Checks a history that was written before: node test/chaos/check.ts FILE */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { check } from './checker.ts';
import type { Line } from './record.ts';
import { show } from './report.ts';

export async function checkFile(file: string) {
  const lines: Line[] = [];
  for await (const line of createInterface({ input: createReadStream(file) })) lines.push(JSON.parse(line) as Line);
  return check(lines);
}

if (import.meta.main) {
  const [, , file] = process.argv;
  if (file === undefined) throw new Error('which file?');
  const verdict = await checkFile(file);
  process.stdout.write(`${show(verdict)}\n`);
  process.exitCode = verdict.violations.length > 0 ? 1 : 0;
}
