/**
 * Ends what a test started, and removes what it wrote, also when the test itself is killed: a shell of its own waits until the test's end
 * of a pipe closes, whatever closed it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `$1`: a directory whose `pids` has a file for each process that is running; each leads a group of its own. */
const SCRIPT = `
cat > /dev/null
for file in "$1"/pids/*; do
  [ -e "$file" ] || continue
  pid=$(basename "$file")
  children=$(ps -A -o pid= -o ppid= | awk -v parent="$pid" '$2 == parent { print $1 }')
  for signal in KILL CONT; do kill -s $signal -- "-$pid" $pid $children 2> /dev/null; done
done
rm -rf "$1"
`;

export class Reaper {
  readonly #root: string;
  readonly #shell: ChildProcess;
  #directories = 0;

  constructor(prefix = 'crossfade-own-') {
    this.#root = mkdtempSync(join(tmpdir(), prefix));
    // Servers run as users of their own, who have to get through.
    chmodSync(this.#root, 0o755);
    mkdirSync(join(this.#root, 'pids'));
    this.#shell = spawn('sh', ['-c', SCRIPT, 'reaper', this.#root], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#shell.unref();
  }

  directory(name: string): string {
    const path = join(this.#root, `${name}-${++this.#directories}`);
    mkdirSync(path);
    return path;
  }

  /** From now on the process ends with this one; until it has ended by itself. */
  watch(child: ChildProcess): void {
    const { pid } = child;
    if (pid === undefined) return;
    const file = join(this.#root, 'pids', `${pid}`);
    writeFileSync(file, '');
    child.once('exit', () => rmSync(file, { force: true }));
  }

  /** Ends everything now. */
  async close(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.stdin?.writableEnded) return;
    this.#shell.ref();
    const ended = once(this.#shell, 'exit');
    this.#shell.stdin?.end();
    await ended;
  }
}
