/** The package as others get it: built, packed, unpacked into a project of theirs, and used from there with plain Node. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, glob, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../support/tmp.ts';

const execute = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const VITE = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');

/** What the program says when it fails is the failure's message: compilers tell their errors on standard output. */
async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await execute(program, args, { cwd })).stdout;
  } catch (error) {
    const said = error instanceof Error && 'stdout' in error && 'stderr' in error ? [error.stdout, error.stderr] : [];
    throw new Error(`${program} ${args.join(' ')} failed: ${said.join('\n')}`, { cause: error });
  }
}

/** Only what a project needs that has `crossfade` among its dependencies; nothing of this repository. */
let project: string;
let files: readonly string[];

beforeAll(async () => {
  const dir = await temporaryDirectory();
  const source = join(dir, 'source');
  const manifest: unknown = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const { files: kept } = manifest as { readonly files: readonly string[] };
  await mkdir(source);
  for (const file of ['package.json', ...kept.filter((name) => name !== 'dist')]) {
    await cp(join(ROOT, file), join(source, file), { recursive: true });
  }
  const build = ['-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(source, 'dist')];
  await run(process.execPath, [TSC, ...build], source);
  await run(process.execPath, [join(ROOT, 'scripts', 'copy-lua.ts'), join(source, 'dist')], source);
  const page = ['build', join(ROOT, 'src', 'console'), '--outDir', join(source, 'dist', 'console'), '--emptyOutDir'];
  await run(process.execPath, [VITE, ...page], source);
  const pack = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', dir], source);
  const [packed] = JSON.parse(pack) as readonly { readonly filename: string; files: { readonly path: string }[] }[];
  files = packed?.files.map(({ path }) => path) ?? [];

  project = join(dir, 'project');
  const installed = join(project, 'node_modules', 'crossfade');
  await mkdir(installed, { recursive: true });
  await run('tar', ['-xzf', join(dir, packed?.filename ?? ''), '--strip-components=1', '-C', installed], dir);
  await symlink(join(ROOT, 'node_modules'), join(installed, 'node_modules'));
  await symlink(join(ROOT, 'node_modules', '@types'), join(project, 'node_modules', '@types'));
  await cp(join(ROOT, 'examples', 'orders.ts'), join(project, 'orders.ts'));
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
}, 60_000);

/** A module run in the project, as its own code would be. */
function evaluate(code: string): Promise<string> {
  return run(process.execPath, ['--input-type=module', '-e', code], project);
}

test('holds what is built, the schema and what to read, and nothing else', () => {
  const tops = new Set(files.map((path) => path.split('/')[0]));
  expect(tops).toEqual(new Set(['dist', 'schema', 'package.json', 'README.md', 'LICENSE']));
  expect(files.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([]);
});

describe('what it exports', () => {
  test('the engine', async () => {
    expect(await evaluate(`console.log(typeof (await import('crossfade')).createEngine)`)).toBe('function\n');
  });

  test('each folder of a store, a journal or a control store with a face of its own, under the path of the folder', async () => {
    const names: string[] = [];
    const faces = glob('{stores,journal,control}/*/index.ts', { cwd: join(ROOT, 'src/migration') });
    for await (const face of faces) names.push(`crossfade/${dirname(face)}`);
    expect(names).toContain('crossfade/control/sql');
    const code = `for (const name of ${JSON.stringify(names)}) console.log(name, Object.keys(await import(name)).length > 0)`;
    expect(await evaluate(code)).toBe(names.map((name) => `${name} true\n`).join(''));
  });

  test('the journal in Redis with its scripts', async () => {
    const code = `
      const { redisJournal } = await import('crossfade/journal/redis');
      const clock = { monotonic: () => 0, wall: () => 0, delay: async () => {} };
      const journal = redisJournal({ url: 'redis://127.0.0.1:1', dataset: { name: 'none' }, deployment: 'none', clock, timeoutMs: 10 });
      console.log(await journal.status().catch((error) => error.code));
      await journal.stop();`;
    expect(await evaluate(code)).toBe('JOURNAL_UNAVAILABLE\n');
  });

  test('nothing else', async () => {
    const inner = `await import('crossfade/dist/migration/engine.js')`;
    await expect(evaluate(inner)).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED');
    await expect(evaluate(`await import('crossfade/stores/none')`)).rejects.toThrow('ERR_MODULE_NOT_FOUND');
  });
});

test("the README's example compiles in somebody else's project, under strict rules", async () => {
  const strict = ['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes'];
  const modern = ['--target', 'es2024', '--module', 'nodenext', '--types', 'node', '--noEmit'];
  expect(await run(process.execPath, [TSC, ...strict, ...modern, 'orders.ts'], project)).toBe('');
});

test("the README's example moves its orders from the old store to the new one", async () => {
  const said = await run(process.execPath, ['orders.ts'], project);
  expect(said.split('\n')).toEqual([
    'WRITTEN',
    'WRITTEN MIGRATING: open is P1, one of 2',
    'EXISTS NEW: paid is P2, one of 2',
    '',
  ]);
});

test('the command line runs from it', async () => {
  const { bin } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    readonly bin: { crossfade: string };
  };
  const program = join(project, 'node_modules', 'crossfade', bin.crossfade);
  expect(await run(process.execPath, [program, 'switch', '--help'], project)).toMatch(/^Usage: crossfade switch /);
  expect((await readFile(program, 'utf8')).startsWith('#!/usr/bin/env node\n')).toBe(true);
});

test('the server starts from it, serves, and ends on SIGTERM', async () => {
  const { bin } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { readonly bin: object };
  const [[name, path]] = Object.entries(bin) as [[string, string]];
  expect([name, basename(path)]).toEqual(['crossfade-server', 'main.js']);
  const server = spawn(process.execPath, [join(project, 'node_modules', 'crossfade', path)], {
    cwd: project,
    env: { PATH: process.env['PATH'], PORT: '0', SAMPLE_DATA: '10', LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'close');
  let said = '';
  server.stdout.setEncoding('utf8');
  for await (const text of server.stdout) {
    said += String(text);
    if (said.includes('admin token')) break;
  }
  const [url = ''] = /http\S+graphql/.exec(said) ?? [];
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ events { totalCount } }' }),
  });
  expect(await answer.json()).toEqual({ data: { events: { totalCount: 3 } } });
  const page = await fetch(new URL('/console', url));
  const [, script = ''] = /src="(.+?)"/.exec(await page.text()) ?? [];
  expect((await fetch(new URL(script, url))).headers.get('content-type')).toContain('javascript');
  server.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
