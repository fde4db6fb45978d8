/**
 * Gateways are large, and one of them has a licence that the product must not depend on: they are a package of their own in
 * test/gateway, which nobody installs with the product.
 *
 *   npm run gateway            Hive Gateway in front of a running Crossfade; says what to do first if it is not installed
 *   npm run gateway:install    installs the package, if it is missing or not as its lock says
 */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const HOME = new URL('../test/gateway/', import.meta.url);

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

async function manifest(path: string): Promise<Manifest | null> {
  try {
    return JSON.parse(await readFile(new URL(path, HOME), 'utf8')) as Manifest;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Each dependency is there in the version that is pinned. */
async function isInstalled(): Promise<boolean> {
  const pinned = Object.entries((await manifest('package.json'))?.dependencies ?? {});
  const found = await Promise.all(pinned.map(([name]) => manifest(`node_modules/${name}/package.json`)));
  return found.every((one, i) => one?.version === pinned[i]?.[1]);
}

function run(program: string, args: readonly string[]): number {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (error) throw error;
  return status ?? 1;
}

const [command, ...rest] = process.argv.slice(2);
if (command === 'install') {
  process.exitCode = (await isInstalled()) ? 0 : run('npm', ['ci', '--prefix', fileURLToPath(HOME)]);
} else if (command !== 'start') {
  process.stderr.write('Usage: node scripts/gateway.ts install | start [--public]\n');
  process.exitCode = 2;
} else if (await isInstalled()) {
  process.argv = [process.argv[0] ?? '', fileURLToPath(new URL('start.ts', HOME)), ...rest];
  await import(new URL('start.ts', HOME).href);
} else {
  process.stderr.write(
    'Hive Gateway is not installed: it does not come with the product. Run `npm run gateway:install`, then this again.\n',
  );
  process.exitCode = 1;
}
