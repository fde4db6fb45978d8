/** A Crossfade process as operators start it: killed, frozen, ended in good order, and started again whenever it has ended. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Reaper } from '../support/own/reaper.ts';
import { PROCESS_MS, within } from './within.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const IMPORT = fileURLToPath(new URL('../../src/cli/import.ts', import.meta.url));
const SETUP = fileURLToPath(new URL('../../src/cli/setup.ts', import.meta.url));
/** Whoever supervises processes waits a little between two starts, milliseconds. */
const RESPAWN_MS = 200;

export class Instance {
  readonly number: number;
  readonly url: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #reaper: Reaper;
  readonly #log: WriteStream;
  #child: ChildProcess | null = null;
  #up = Promise.withResolvers<void>();
  #wanted = false;
  #running: Promise<void> = Promise.resolve();
  /** Requests that wait for it; clients leave alone one that keeps many waiting. */
  busy = 0;
  ready = false;
  /** Somebody has ended it: its end is no surprise. One that does not get ready may have been cut off from what it needs. */
  #disturbed = false;
  /** How it ended when nobody had touched it. */
  readonly surprises: string[] = [];

  constructor(number: number, port: number, env: Readonly<Record<string, string>>, log: string, reaper: Reaper) {
    this.number = number;
    this.url = `http://127.0.0.1:${port}/graphql`;
    this.#env = { ...env, PORT: `${port}`, INSTANCE_ID: `chaos-${number}` };
    this.#log = createWriteStream(log, { flags: 'a' });
    this.#reaper = reaper;
  }

  /** Makes the dataset's tables, and fills the catalogue. */
  async setup(events: readonly object[]): Promise<void> {
    const file = join(this.#env['DATA_DIR'] ?? '', 'events.json');
    await writeFile(file, JSON.stringify(events));
    await this.#command(SETUP);
    await this.#command(IMPORT, '--events', file);
  }

  /** From now on it runs, and is started again when it has ended. */
  start(): void {
    this.#wanted = true;
    this.#running = this.#supervise();
  }

  /** Resolves when it is ready, in this life or a later one. */
  whenReady(): Promise<void> {
    return this.#up.promise;
  }

  /** Resolves when it has ended; it is started again after so many milliseconds. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    this.#disturbed = true;
    const ended = once(child, 'exit');
    child.kill(signal);
    if (signal === 'SIGKILL') child.kill('SIGCONT');
    await ended;
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** It is not started again, whenever it ends. */
  abandon(): void {
    this.#wanted = false;
  }

  /** Ends it in good order and for good; how it ended. */
  async stop(): Promise<string> {
    this.#wanted = false;
    this.#disturbed = true;
    const child = this.#child;
    let how = 'not running';
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const [code, signal] = await within(PROCESS_MS, `instance ${this.number} has ended after SIGTERM`, ended);
      how = String(code ?? signal);
    }
    await this.#running;
    this.#log.end();
    return how;
  }

  async #supervise(): Promise<void> {
    while (this.#wanted) {
      this.#disturbed = false;
      const { ended, wasReady } = await this.#live();
      if (wasReady && !this.#disturbed) this.surprises.push(`instance ${this.number} ended by itself with ${ended}`);
      if (this.#wanted) await delay(RESPAWN_MS);
    }
  }

  /** One life; how it ended. */
  async #live(): Promise<{ readonly ended: string; readonly wasReady: boolean }> {
    const child = spawn(process.execPath, [MAIN], {
      env: this.#environment(),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#reaper.watch(child);
    this.#child = child;
    child.stderr.pipe(this.#log, { end: false });
    const ended = once(child, 'exit');
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      if (this.ready || !text.includes('GraphQL')) return;
      this.ready = true;
      this.#up.resolve();
    });
    const [code, signal] = await ended;
    const wasReady = this.ready;
    if (wasReady) this.#up = Promise.withResolvers();
    this.ready = false;
    return { ended: String(code ?? signal), wasReady };
  }

  async #command(...words: readonly string[]): Promise<void> {
    const child = spawn(process.execPath, words, { env: this.#environment(), stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [code] = await within(PROCESS_MS, `${words.join(' ')} has ended`, once(child, 'exit'));
    if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${said}`);
  }

  #environment(): Record<string, string | undefined> {
    const { PATH, HOME, NODE_COMPILE_CACHE } = process.env;
    return { PATH, HOME, NODE_COMPILE_CACHE, ...this.#env };
  }
}
