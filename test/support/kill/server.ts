/** The server as a process of its own on one directory: started, killed, and started again. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Trap } from './trap.ts';

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
export const TOKEN = 'token-of-the-kill-tests';

interface Life {
  readonly child: ChildProcess;
  readonly url: string;
  /** How it ended: a signal or an exit code. */
  readonly ended: Promise<string>;
}

export class ServerProcess {
  readonly directory: string;
  readonly #env: Readonly<Record<string, string>>;
  #life: Life | null = null;
  #up = Promise.withResolvers<string>();
  #stderr = '';
  /** From the spawn to the line that says ready, milliseconds; each start adds one. */
  readonly starts: number[] = [];

  constructor(directory: string, env: Readonly<Record<string, string>> = {}) {
    this.directory = directory;
    this.#env = env;
  }

  /** The endpoint, once there is one: between a kill and the next start this waits. */
  get url(): Promise<string> {
    return this.#up.promise;
  }

  /** What it wrote on standard error in its last life. */
  get complaints(): string {
    return this.#stderr;
  }

  get pid(): number | undefined {
    return this.#life?.child.pid;
  }

  /** Returns how it ended if it did not get ready; null: it is. */
  async start(trap?: Trap): Promise<string | null> {
    const began = performance.now();
    const child = fork(CHILD, trap ? [JSON.stringify(trap)] : [], {
      env: {
        PATH: process.env['PATH'],
        DATA_DIR: join(this.directory, 'data'),
        PORT: '0',
        ADMIN_TOKEN: TOKEN,
        LOG_LEVEL: 'info',
        // Nearly all of a start is loading modules, and there are many starts.
        NODE_COMPILE_CACHE: join(tmpdir(), 'crossfade-compile-cache'),
        LEASE_MS: '300',
        REQUEST_TIMEOUT_MS: '5000',
        ...this.#env,
      },
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const ended = once(child, 'close').then(([code, signal]) => String(code ?? signal));
    this.#stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    const url = await Promise.race([readyUrl(child), ended.then(() => null)]);
    if (url === null) return ended;
    this.starts.push(performance.now() - began);
    const over = ended.then((how) => {
      this.#life = null;
      this.#up = Promise.withResolvers();
      return how;
    });
    this.#life = { child, url, ended: over };
    this.#up.resolve(url);
    return null;
  }

  /** Returns when the process has it; only calls after that count. */
  async set(trap: Trap): Promise<void> {
    const { child } = this.#alive();
    const set = once(child, 'message');
    child.send(trap);
    await set;
  }

  /** Resolves when the process has ended; requests wait for the next one from then on. Throws after `withinMs`. */
  end(withinMs: number): Promise<string> {
    const { ended } = this.#alive();
    const late = () => Promise.reject(new Error(`the process did not end within ${withinMs} ms`));
    return Promise.race([ended, delay(withinMs, null, { ref: false }).then(late)]);
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<string> {
    const { child, ended } = this.#alive();
    child.kill(signal);
    return ended;
  }

  /** SIGSTOP: it stands still, SIGCONT: it goes on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#alive().child.kill(signal);
  }

  /** A request to it broke: resolves when that process has ended. */
  async gone(url: string): Promise<void> {
    if (this.#life?.url === url) await this.#life.ended;
  }

  dispose(): void {
    this.#life?.child.kill('SIGKILL');
  }

  #alive(): Life {
    if (!this.#life) throw new Error('the process is not running');
    return this.#life;
  }
}

async function readyUrl(child: ChildProcess): Promise<string | null> {
  let text = '';
  const url = Promise.withResolvers<string | null>();
  child.stdout?.setEncoding('utf8').on('data', (more: string) => {
    text += more;
    const [, found] = /GraphQL +(\S+)\n/.exec(text) ?? [];
    if (found !== undefined) url.resolve(found);
  });
  return url.promise;
}
