/** A server under test: a process of its own, asked and measured from outside. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export interface Served {
  readonly url: string;
  /** Milliseconds from its start until it said where it listens. */
  readonly startMs: number;
  ask<T>(body: string, token?: string): Promise<T>;
  /** Processor time so far, seconds; NaN where the system does not tell. */
  cpuSeconds(): Promise<number>;
  /** Resident memory, MB; NaN where the system does not tell. */
  residentMb(): Promise<number>;
  stop(): Promise<void>;
}

const URL_LINE = /(http:\/\/\S+\/graphql)\s/;
/** Of /proc: clock ticks a second, on every Linux that Node runs on. */
const TICKS = 100;

/** `program`: a path from this folder. Resolves when it listens. */
export async function serve(program: string, env: NodeJS.ProcessEnv): Promise<Served> {
  const began = performance.now();
  const file = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await listening(program, child);
  const startMs = performance.now() - began;
  return {
    url,
    startMs,
    ask: async <T>(body: string, token?: string) => {
      const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
      const answer = (await (await fetch(url, { method: 'POST', headers, body })).json()) as {
        readonly data?: T;
        readonly errors?: unknown;
      };
      if (answer.errors || !answer.data) throw new Error(`${program} answers ${JSON.stringify(answer)}`);
      return answer.data;
    },
    cpuSeconds: async () => {
      const fields = (await proc(child, 'stat')).split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11] ?? NaN) + Number(fields[12] ?? NaN)) / TICKS;
    },
    residentMb: async () => Number(/^VmRSS:\s+(\d+) kB/m.exec(await proc(child, 'status'))?.[1] ?? NaN) / 1024,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function proc({ pid }: ChildProcess, file: 'stat' | 'status'): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
}

async function listening(program: string, child: ChildProcess): Promise<string> {
  let said = '';
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    const found = URL_LINE.exec(said)?.[1];
    if (found !== undefined) resolve(found);
  });
  child.once('error', reject);
  child.once('exit', (code) => reject(new Error(`${program} ended with ${code} before it listened`)));
  return promise;
}
