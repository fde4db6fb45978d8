/** SIGTERM under load: the process says that it goes, serves on for a while, and no request that was sent to it fails. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { temporaryDirectory } from '../support/tmp.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

let child: ChildProcess | undefined;
afterEach(() => child?.kill('SIGKILL'));

async function start(env: Record<string, string>): Promise<{ url: string; ended: Promise<unknown> }> {
  child = spawn(process.execPath, [MAIN], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      DATA_DIR: await temporaryDirectory(),
      SAMPLE_DATA: '100',
      LOG_LEVEL: 'warn',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit').then(([code]) => code as unknown);
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
  while (!said.includes('admin token')) {
    const next = await Promise.race([once(child.stdout ?? child, 'data'), ended]);
    if (!Array.isArray(next)) throw new Error(`it ended with ${String(next)}`);
  }
  return { url: /GraphQL +(\S+)\/graphql/.exec(said)?.[1] ?? '', ended };
}

/** A load balancer: sends requests over connections that are kept, to an instance whose readiness is green. */
class Balancer {
  readonly #url: string;
  #ready = true;
  #number = 0;
  answered = 0;
  afterRed = 0;
  readonly failures: string[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  async watch(): Promise<void> {
    while (this.#ready) {
      const response = await fetch(`${this.#url}/readyz`);
      await response.body?.cancel();
      this.#ready = response.status === 200;
      await delay(20);
    }
  }

  async client(): Promise<void> {
    while (this.#ready) await this.#request();
    // It may take a while until everybody has heard of it: what still comes is served as well.
    this.afterRed += 1;
    await this.#request();
  }

  async #request(): Promise<void> {
    const n = this.#number++;
    const phone = `+861390000${String(n % 10_000).padStart(4, '0')}`;
    const query =
      n % 3 === 0
        ? `mutation { participate(input: { phone: "${phone}", event: "send-1g-traffic", answer: "B" }) { __typename } }`
        : `{ phone(number: "${phone}") { participations { edges { node { answer } } } } }`;
    try {
      const response = await fetch(`${this.#url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      });
      const body: unknown = await response.json();
      if (response.status !== 200 || JSON.stringify(body).includes('errors')) this.failures.push(JSON.stringify(body));
      else this.answered += 1;
    } catch (error) {
      this.failures.push(error instanceof Error ? `${error.message} ${String(error.cause)}` : String(error));
    }
  }
}

test('no request fails', { timeout: 60_000 }, async () => {
  const { url, ended } = await start({ SHUTDOWN_DELAY_MS: '2000' });
  const balancer = new Balancer(url);
  const working = [balancer.watch(), ...Array.from({ length: 8 }, () => balancer.client())];
  while (balancer.answered < 100) await delay(10);
  child?.kill('SIGTERM');
  await Promise.all(working);
  expect(balancer.failures).toEqual([]);
  expect(balancer.afterRed).toBe(8);
  expect(await ended).toBe(0);
});
