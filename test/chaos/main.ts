/**
 * npm run chaos -- [--minutes N] [--seed S] [--instances 3..5] [--clients N] [--rows N] [--out DIRECTORY]
 *
 * Exit code 0: all promises were kept; 1: one was broken, or the run did not come to its end. What it did is repeated by its seed, as far as
 * the machine lets it.
 */
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { show } from './report.ts';
import { runChaos } from './run.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: `${Math.floor(Math.random() * 2 ** 31)}` },
    instances: { type: 'string', default: '4' },
    clients: { type: 'string', default: '10' },
    rows: { type: 'string', default: '1500' },
    stay: { type: 'string', default: '4000' },
    out: { type: 'string' },
  },
});
const [seed, minutes, instances, clients, rows, stayMs] = (
  ['seed', 'minutes', 'instances', 'clients', 'rows', 'stay'] as const
).map((name) => {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value < 0) throw new RangeError(`--${name} must be a number`);
  return value;
}) as [number, number, number, number, number, number];

const began = performance.now();
const say = (line: string) =>
  process.stdout.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}\n`);
say(`seed ${seed}, ${minutes} minutes, ${instances} instances, ${clients} clients`);
try {
  const directory = values.out ?? join(tmpdir(), `crossfade-chaos-${seed}`);
  const verdict = await runChaos({ seed, minutes, instances, clients, rows, stayMs, borrowed: null, directory, say });
  process.stdout.write(`${show(verdict)}\n`);
  process.exitCode = verdict.violations.length > 0 ? 1 : 0;
} catch (error) {
  say(`the run did not come to its end: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.exitCode = 1;
}
