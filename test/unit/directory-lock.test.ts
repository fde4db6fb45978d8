import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DirectoryInUse, lockDirectory } from '../../src/directory-lock.ts';

const module = new URL('../../src/directory-lock.ts', import.meta.url).href;
const script = `
  const { lockDirectory } = await import(${JSON.stringify(module)});
  lockDirectory(process.argv[1]);
  globalThis.gc();
  process.stdout.write('locked');
  process.stdin.resume();
`;

describe('the lock on a directory', () => {
  let dir: string;
  let children: ChildProcess[];

  beforeEach(async () => {
    children = [];
    dir = await mkdtemp(join(tmpdir(), 'crossfade-lock-'));
  });
  afterEach(async () => {
    for (const child of children) await end(child);
    await rm(dir, { recursive: true });
  });

  const start = (path: string) => {
    const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', script, path], {
      stdio: 'pipe',
    });
    children.push(child);
    return child;
  };
  const startLocked = async (path: string) => {
    const child = start(path);
    const [said] = await once(child.stdout, 'data');
    expect(String(said)).toBe('locked');
    return child;
  };
  const end = async (child: ChildProcess) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };

  test('is refused to a second process with one clear sentence, and free again when the first was killed', async () => {
    const first = await startLocked(dir);

    const second = start(dir);
    const [errors, [code]] = await Promise.all([text(second.stderr), once(second, 'exit')]);
    expect(code).toBe(1);
    expect(errors).toContain(
      `DirectoryInUse: Another process is using ${dir}: stop it first, or set DATA_DIR to another directory.\n`,
    );
    expect(() => lockDirectory(dir)).toThrow(DirectoryInUse);

    await end(first);
    lockDirectory(dir).release();
    await startLocked(dir);
    expect(await readdir(dir)).toEqual(['crossfade.lock']);
  });

  test('is one a process too, ends when released, and makes the directory', () => {
    const inner = join(dir, 'a', 'b');
    const lock = lockDirectory(inner);
    expect(() => lockDirectory(inner)).toThrow(DirectoryInUse);
    lockDirectory(join(dir, 'other')).release();
    lock.release();
    lock.release();
    lockDirectory(inner).release();
  });

  test('fails with what is wrong, when there can be no such file', async () => {
    await writeFile(join(dir, 'file'), '');
    expect(() => lockDirectory(join(dir, 'file'))).toThrow(/EEXIST|ENOTDIR/);
    await writeFile(join(dir, 'crossfade.lock'), 'something that is no lock'.repeat(100));
    expect(() => lockDirectory(dir)).toThrow(/not a database/);
  });
});
