/**
 * Takes the safety mechanisms out of the engine, one at a time, and sees whether a test notices: `npm run mutants`.
 *
 * Each mutant is a copy of the tree with one mechanism removed (mutants/table.ts); the test that is about it has to fail there and to pass
 * in a copy that nothing was taken out of. Exit code 1 if a mutant survives, if a test does not pass unchanged, or if a mutant
 * does not fit the code any more.
 *
 *   npm run mutants                           all of them, two at a time
 *   npm run mutants -- fence                  those whose mechanism has this word
 *   npm run mutants -- --write docs/safety.md also writes the table between the markers of that page
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify, stripVTControlCharacters } from 'node:util';
import { MUTANTS, type Mutant } from './mutants/table.ts';

const ROOT = join(import.meta.dirname, '..');
const COPIED = ['src', 'test', 'schema', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
const ABREAST = 2;
/** One run of one test, milliseconds: far beyond the timeouts of the test itself. */
const RUN_MS = 90_000;
const TIMEOUTS = ['--testTimeout=20000', '--hookTimeout=10000', '--teardownTimeout=2000'];
const [BEGIN, END] = ['<!-- mutants: begin -->', '<!-- mutants: end -->'];

type Outcome =
  | { readonly kind: 'PASSED' }
  | { readonly kind: 'FAILED'; readonly why: string }
  | { readonly kind: 'NOT_RUN'; readonly why: string };

interface Result {
  readonly mutant: Mutant;
  readonly verdict: 'killed' | 'SURVIVED' | 'BROKEN';
  readonly how: string;
}

/** What is read of vitest's JSON report. */
interface Report {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}

async function copyTree(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'crossfade-mutant-'));
  for (const name of COPIED) await cp(join(ROOT, name), join(directory, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  return directory;
}

async function takeOut(directory: string, { edits }: Mutant): Promise<void> {
  for (const { file, find, replace } of edits) {
    const path = join(directory, file);
    const code = await readFile(path, 'utf8');
    const found = code.split(find).length - 1;
    if (found !== 1) throw new Error(`${file} has ${found} places, not one, that read\n${find}`);
    await writeFile(
      path,
      code.replace(find, () => replace),
    );
  }
}

/** Runs the tests of this file whose name has `name` in it; all of them if it is empty. */
async function runTests(directory: string, file: string, name = ''): Promise<Outcome> {
  const report = join(directory, 'report.json');
  await rm(report, { force: true });
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const pattern = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const args = [vitest, 'run', file, '--reporter=json', `--outputFile=${report}`, ...TIMEOUTS];
  if (name) args.push('-t', pattern);
  const run = promisify(execFile)(process.execPath, args, { cwd: directory, timeout: RUN_MS, killSignal: 'SIGKILL' });
  const failed = await run.then(
    () => null,
    (error: unknown) => error,
  );
  const text = await readFile(report, 'utf8').catch(() => null);
  if (text === null) return { kind: 'NOT_RUN', why: `no report: ${String(failed)}` };
  const { testResults }: Report = JSON.parse(text);
  const tests = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status !== 'skipped');
  if (tests.length === 0) return { kind: 'NOT_RUN', why: testResults[0]?.message || 'no test has this name' };
  const failure = tests.find(({ status }) => status === 'failed');
  if (!failure) return failed ? { kind: 'NOT_RUN', why: String(failed) } : { kind: 'PASSED' };
  return { kind: 'FAILED', why: firstLine(failure.failureMessages?.[0] ?? 'failed') };
}

function firstLine(message: string): string {
  const [line = ''] = stripVTControlCharacters(message).split('\n');
  return line.length > 110 ? `${line.slice(0, 109)}…` : line;
}

async function tryMutant(mutant: Mutant): Promise<Result> {
  const directory = await copyTree();
  try {
    await takeOut(directory, mutant);
    const outcome = await runTests(directory, mutant.test, mutant.name);
    if (outcome.kind === 'NOT_RUN') return { mutant, verdict: 'BROKEN', how: outcome.why };
    if (outcome.kind === 'PASSED') return { mutant, verdict: 'SURVIVED', how: 'its test passes' };
    return { mutant, verdict: 'killed', how: outcome.why };
  } catch (error) {
    return { mutant, verdict: 'BROKEN', how: error instanceof Error ? error.message : String(error) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Files with tests that do not pass in a copy as it is; what they say of a mutant would mean nothing. */
async function unfit(mutants: readonly Mutant[]): Promise<string[]> {
  const directory = await copyTree();
  try {
    const wrong: string[] = [];
    for (const file of new Set(mutants.map(({ test }) => test))) {
      const outcome = await runTests(directory, file);
      if (outcome.kind !== 'PASSED') wrong.push(`${file}: ${outcome.why}`);
    }
    return wrong;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function markdown(results: readonly Result[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const code = ({ edits }: Mutant) =>
    [...new Set(edits.map(({ file }) => `\`${file.replace('src/migration/', '')}\``))].join(', ');
  const test = ({ test: file, name }: Mutant) => `\`${file.replace('test/engine/protocol/', '')}\`: ${cell(name)}`;
  const rows = results.map(
    ({ mutant, verdict, how }) =>
      `| ${cell(mutant.mechanism)} | ${mutant.promises} | ${code(mutant)} | ${test(mutant)} | ${verdict}: ${cell(how)} |`,
  );
  const killed = results.filter(({ verdict }) => verdict === 'killed').length;
  return [
    `${killed} of ${results.length} mutants are killed.`,
    '',
    '| mechanism taken out | promises | code | test that fails | result |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

async function writeTable(file: string, results: readonly Result[]): Promise<void> {
  const page = await readFile(file, 'utf8');
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${file} lacks ${BEGIN} and ${END}`);
  await writeFile(file, `${before}${BEGIN}\n\n${markdown(results)}\n\n${END}${after}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { write: { type: 'string' } }, allowPositionals: true });
  const [word = ''] = positionals;
  const chosen = MUTANTS.filter(({ mechanism }) => mechanism.includes(word));
  const wrong = await unfit(chosen);
  for (const line of wrong) say(`does not pass unchanged: ${line}`);
  if (wrong.length > 0 || chosen.length === 0) return 1;

  const results: Result[] = [];
  const queue = chosen.entries();
  const worker = async (): Promise<void> => {
    for (const [index, mutant] of queue) {
      const result = await tryMutant(mutant);
      results[index] = result;
      say(`${result.verdict.padEnd(8)}  ${mutant.mechanism}\n          ${result.how}`);
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, worker));
  const alive = results.filter(({ verdict }) => verdict !== 'killed');
  say(`\n${results.length - alive.length} of ${results.length} mutants killed`);
  if (values.write !== undefined) await writeTable(values.write, results);
  return alive.length === 0 ? 0 : 1;
}

process.exitCode = await main();
