/**
 * A database server of a test's own: processes in a temporary directory, on a free port of this machine. It can be stopped in good order,
 * killed, frozen and started again where it lay. What was committed is kept through all of that; through a crash of the machine it need
 * not be, so files are not synced where a server lets that be.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Reaper } from './reaper.ts';

const START_MS = 60_000;
/** How long one question may take, milliseconds. */
const ANSWER_MS = 10_000;
const RETRY_MS = 25;

export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/** What a kind of server is. */
export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly account: Account;
  /** Ends it in good order without waiting for clients. */
  readonly stopSignal: 'SIGINT' | 'SIGTERM';
  /** Resolves if it answers a question. */
  readonly ping: () => Promise<void>;
}

export class OwnServer {
  readonly url: string;
  readonly #program: Program;
  readonly #directory: string;
  readonly #reaper: Reaper;
  #child: ChildProcess | null = null;
  #frozen: readonly number[] = [];

  constructor(url: string, program: Program, directory: string, reaper: Reaper) {
    this.url = url;
    this.#program = program;
    this.#directory = directory;
    this.#reaper = reaper;
  }

  get name(): string {
    return this.#program.name;
  }

  get running(): boolean {
    return this.#child !== null;
  }

  /** Resolves when it answers. `more`: settings for this life. */
  async start(more: readonly string[] = []): Promise<void> {
    if (this.#child) throw new Error(`${this.name} is running already`);
    const { command, args, account } = this.#program;
    const log = openSync(join(this.#directory, 'output.log'), 'a');
    const child = spawn(command, [...args, ...more], { ...account, detached: true, stdio: ['ignore', log, log] });
    this.#reaper.watch(child);
    this.#child = child;
    const ended = once(child, 'exit').then(() => 'ENDED' as const);
    for (const until = performance.now() + START_MS; ;) {
      const asked = this.#program.ping().then(() => 'UP' as const, failure);
      const answer = await Promise.race([asked, ended, delay(ANSWER_MS, 'it does not answer', { ref: false })]);
      if (answer === 'UP') return;
      if (answer === 'ENDED' || performance.now() > until) {
        throw new Error(`${this.name} did not start: ${String(answer)}\n${this.log}`);
      }
      await delay(RETRY_MS);
    }
  }

  /** In good order: everything is written down, clients are sent away. */
  async stop(): Promise<void> {
    const child = this.#take();
    if (!child) return;
    const ended = once(child, 'exit');
    child.kill(this.#program.stopSignal);
    await ended;
  }

  /** As the out-of-memory killer does: all of its processes at once. */
  async kill(): Promise<void> {
    const child = this.#take();
    if (!child) return;
    const ended = once(child, 'exit');
    const pids = [child.pid ?? 0, ...childrenOf(child.pid)];
    signalAll(pids, 'SIGKILL');
    await ended;
    while (areAlive(pids)) await delay(2);
  }

  /** All of its processes stand still; its connections stay, and say nothing. */
  freeze(): void {
    const { pid } = this.#child ?? {};
    if (pid === undefined) return;
    // Nobody new comes once the parent stands still.
    signalAll([pid], 'SIGSTOP');
    const children = childrenOf(pid);
    signalAll(children, 'SIGSTOP');
    this.#frozen = [...children, pid];
  }

  thaw(): void {
    signalAll(this.#frozen, 'SIGCONT');
    this.#frozen = [];
  }

  /** Its own words, the last of them. */
  get log(): string {
    return readFileSync(join(this.#directory, 'output.log'), 'utf8').slice(-3000);
  }

  #take(): ChildProcess | null {
    this.thaw();
    const child = this.#child;
    this.#child = null;
    return child && child.exitCode === null && child.signalCode === null ? child : null;
  }
}

function failure(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function childrenOf(pid: number | undefined): readonly number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=', '-o', 'ppid='], { encoding: 'utf8' }).trim().split('\n');
  const pairs = lines.map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([child, parent]) => (child !== undefined && parent === pid ? [child] : []));
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      // One that has ended by itself since we looked.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}

/** A dead process that nobody has asked after yet holds nothing any more. */
function areAlive(pids: readonly number[]): boolean {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=', '-o', 'state='], { encoding: 'utf8' }).trim().split('\n');
  return lines.some((line) => {
    const [pid, state = 'Z'] = line.trim().split(/\s+/);
    return !state.startsWith('Z') && pids.includes(Number(pid));
  });
}

/** A server that refuses to run as root runs as the user it is installed with. */
export function accountOf(user: string): Account {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
