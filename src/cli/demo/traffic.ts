/**
 * Steady traffic with a memory: clients take part, change and withdraw with phones of their own, read back at once what was acknowledged,
 * and remember it. Whatever is not as remembered, now or at the end, is counted as wrong.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from './client.ts';

export type Known = { readonly answer: string; readonly code: string } | null;

export interface TrafficReport {
  readonly requests: number;
  readonly errors: readonly string[];
  readonly wrong: readonly string[];
  readonly medianMs: number;
  readonly slowestMs: number;
}

const EVENT = 'send-1g-traffic';
const CHOICES = ['A', 'B', 'C', 'D'] as const;
/** Between two requests of one client, milliseconds. */
const PACE_MS = 8;
/** Samples have other prefixes, so that these phones are the demo's own. */
const PREFIX = '+86199';

interface Participation {
  readonly answer: string | null;
  readonly recommendationCode: string | null;
}
type Written = { readonly outcome: { readonly __typename: string; readonly accepts?: readonly string[] } };

const FIELDS = `__typename ... on EntryNotAccepted { accepts }`;
const OPERATIONS = {
  participate: `mutation ($input: ParticipateInput!) { outcome: participate(input: $input) { ${FIELDS} } }`,
  change: `mutation ($input: ParticipateInput!) { outcome: changeParticipation(input: $input) { ${FIELDS} } }`,
  withdraw: `mutation ($phone: PhoneNumber!, $event: String!) { outcome: withdrawParticipation(phone: $phone, event: $event) { __typename } }`,
  read: `query ($phone: PhoneNumber!, $event: String!) { participation(phone: $phone, event: $event) { answer recommendationCode } }`,
} as const;

export class Traffic {
  readonly known = new Map<string, Known>();
  readonly #client: Client;
  readonly #errors: string[] = [];
  readonly #wrong: string[] = [];
  readonly #times: number[] = [];
  readonly #loops: Promise<void>[] = [];
  #stopped = false;
  #phones = 0;
  #turn = 0;
  #withCodes = false;

  constructor(client: Client) {
    this.#client = client;
  }

  start(clients: number): void {
    for (let i = 0; i < clients; i++) this.#loops.push(this.#loop());
  }

  async stop(): Promise<TrafficReport> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    const times = this.#times.toSorted((a, b) => a - b);
    return {
      requests: times.length,
      errors: this.#errors,
      wrong: this.#wrong,
      medianMs: times[Math.floor(times.length / 2)] ?? 0,
      slowestMs: times.at(-1) ?? 0,
    };
  }

  get requests(): number {
    return this.#times.length;
  }

  async #loop(): Promise<void> {
    const mine: string[] = [];
    while (!this.#stopped) {
      const phone = this.#turn++ % 3 === 0 || mine.length === 0 ? this.#newPhone(mine) : mine[this.#turn % mine.length];
      if (phone !== undefined) await this.#visit(phone).catch((error: unknown) => this.#errors.push(String(error)));
      await delay(PACE_MS);
    }
  }

  #newPhone(mine: string[]): string {
    const phone = `${PREFIX}${String(this.#phones++).padStart(8, '0')}`;
    mine.push(phone);
    return phone;
  }

  async #visit(phone: string): Promise<void> {
    const known = this.known.get(phone) ?? null;
    const choice = CHOICES[this.#turn % CHOICES.length] ?? 'A';
    if (known && this.#turn % 7 === 0) {
      await this.#write(OPERATIONS.withdraw, { phone, event: EVENT }, 'ParticipationWithdrawn');
      this.known.set(phone, null);
    } else {
      const [operation, expected] = known
        ? ([OPERATIONS.change, 'ParticipationChanged'] as const)
        : ([OPERATIONS.participate, 'Participated'] as const);
      await this.#enter(operation, phone, choice, expected);
      this.known.set(phone, { answer: choice, code: `G1-${choice}` });
    }
    await this.#read(phone);
  }

  /** Takes part with what the event accepts now; the first refusal after a switch tells which. */
  async #enter(operation: string, phone: string, choice: string, expected: string): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const entry = this.#withCodes ? { recommendationCode: `G1-${choice}` } : { answer: choice };
      const { outcome } = await this.#timed<Written>(operation, { input: { phone, event: EVENT, ...entry } });
      if (outcome.__typename === 'EntryNotAccepted' && attempt === 0) {
        this.#withCodes = outcome.accepts?.includes('RECOMMENDATION_CODE') ?? false;
        continue;
      }
      if (outcome.__typename !== expected) this.#wrong.push(`${phone}: ${outcome.__typename}, not ${expected}`);
      return;
    }
  }

  async #write(operation: string, variables: object, expected: string): Promise<void> {
    const { outcome } = await this.#timed<Written>(operation, variables);
    if (outcome.__typename !== expected) this.#wrong.push(`${outcome.__typename}, not ${expected}`);
  }

  async #read(phone: string): Promise<void> {
    const { participation } = await this.#timed<{ participation: Participation | null }>(OPERATIONS.read, {
      phone,
      event: EVENT,
    });
    const known = this.known.get(phone) ?? null;
    const same = participation?.answer === known?.answer && participation?.recommendationCode === known?.code;
    if (!same)
      this.#wrong.push(`${phone}: read ${JSON.stringify(participation)}, acknowledged ${JSON.stringify(known)}`);
  }

  async #timed<T>(operation: string, variables: object): Promise<T> {
    const started = performance.now();
    const answer = await this.#client.ask<T>(operation, variables);
    this.#times.push(performance.now() - started);
    return answer;
  }
}
