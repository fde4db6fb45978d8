/**
 * Clients over HTTP that write down what they asked and were told: many phones that are seldom written, a few that everybody fights for.
 *
 * Every answer that is written is used once. A request whose connection breaks is written down as lost; the client goes on when there is
 * a server again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../seed.ts';
import type { History, Value, WriteEvent } from './checker.ts';
import type { ServerProcess } from './server.ts';

export const EVENT = 'send-1g-traffic';
/** No sample has it, and it sorts behind all samples. */
const PREFIX = '+86199000';
/** Comes before all phones of the load, so that a page after it shows all of them. */
const ANCHOR = `${PREFIX}00000`;
const HOT = 3;
const COLD = 60;
/** Between two requests of one client, milliseconds, at most. */
const PACE_MS = 12;

/** Is it one of the phones that clients here write, or their anchor? */
export function isOfLoad(phone: string): boolean {
  return phone.startsWith(PREFIX);
}

const FOUND = 'participation { answer recommendationCode }';
const WRITE = {
  CREATE: `mutation ($phone: PhoneNumber!, $event: String!, $answer: String) { outcome: participate(input: { phone: $phone, event: $event, answer: $answer }) { __typename ... on Participated { ${FOUND} } ... on AlreadyParticipated { ${FOUND} } } }`,
  CHANGE: `mutation ($phone: PhoneNumber!, $event: String!, $answer: String) { outcome: changeParticipation(input: { phone: $phone, event: $event, answer: $answer }) { __typename ... on ParticipationChanged { ${FOUND} } } }`,
  REMOVE: `mutation ($phone: PhoneNumber!, $event: String!) { outcome: withdrawParticipation(phone: $phone, event: $event) { __typename ... on ParticipationWithdrawn { ${FOUND} } } }`,
} as const;
const READ = `query ($phone: PhoneNumber!, $event: String!) { participation(phone: $phone, event: $event) { answer recommendationCode } }`;
const OF_PHONE = `query ($phone: PhoneNumber!) { phone(number: $phone) { participations(first: 100) { totalCount edges { node { event { name } answer recommendationCode } } } } }`;
const OF_EVENT = `query ($event: String!, $after: String) { event(name: $event) { participations(first: 100, after: $after) { pageInfo { hasNextPage } edges { cursor node { phone { number } answer recommendationCode } } } } }`;

interface Found {
  readonly answer: string | null;
  readonly recommendationCode: string | null;
}
interface Outcome {
  readonly outcome: { readonly __typename: string; readonly participation?: Found };
}
interface OfPhone {
  readonly phone: {
    readonly participations: {
      readonly totalCount: number;
      readonly edges: readonly { readonly node: Found & { readonly event: { readonly name: string } } }[];
    };
  };
}
interface OfEvent {
  readonly event: {
    readonly participations: {
      readonly pageInfo: { readonly hasNextPage: boolean };
      readonly edges: readonly {
        readonly cursor: string;
        readonly node: Found & { readonly phone: { readonly number: string } };
      }[];
    };
  };
}

/** The connection broke before the answer was there. */
export class AnswerLost extends Error {}

export async function ask<T>(url: string, query: string, variables: object, token?: string): Promise<T> {
  let answer: { readonly data?: T | null; readonly errors?: readonly object[] };
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
    });
    answer = (await response.json()) as typeof answer;
  } catch (cause) {
    throw new AnswerLost('the answer was lost', { cause });
  }
  if (answer.errors || !answer.data) throw new Error(JSON.stringify(answer.errors ?? answer));
  return answer.data;
}

export function valueOf(found: Found | null): Value {
  if (!found) return null;
  const code = `~${Buffer.from(found.answer ?? '', 'utf8').toString('base64url')}`;
  if (found.recommendationCode !== code) throw new Error(`two faces that do not agree: ${JSON.stringify(found)}`);
  return found.answer;
}

export class Load {
  readonly #server: ServerProcess;
  readonly #history: History;
  readonly #random: Random;
  readonly #phones: readonly string[];
  #after: string | null = null;
  #clients: Promise<void>[] = [];
  #stopping = false;
  #pausing: PromiseWithResolvers<void> | null = null;
  #busy = 0;
  #written = 0;
  requests = 0;

  constructor(server: ServerProcess, history: History, random: Random) {
    this.#server = server;
    this.#history = history;
    this.#random = random;
    this.#phones = Array.from({ length: HOT + COLD }, (_, i) => `${PREFIX}${String(i + 1).padStart(5, '0')}`);
  }

  /** Puts the anchor in its place, then lets the clients go. */
  async start(clients: number): Promise<void> {
    const url = await this.#server.url;
    const from = this.#history.tick();
    const { outcome } = await ask<Outcome>(url, WRITE.CREATE, { phone: ANCHOR, event: EVENT, answer: 'anchor' });
    if (outcome.__typename !== 'Participated') throw new Error(`no anchor: ${JSON.stringify(outcome)}`);
    this.#history.writes.push({
      kind: 'CREATE',
      key: ANCHOR,
      from,
      to: this.#history.tick(),
      before: null,
      after: 'anchor',
    });
    let after: string | null = null;
    let page: OfEvent['event']['participations'];
    do {
      page = (await ask<OfEvent>(url, OF_EVENT, { event: EVENT, after })).event.participations;
      after = page.edges.at(-1)?.cursor ?? after;
    } while (page.pageInfo.hasNextPage);
    this.#after = after;
    this.#clients = Array.from({ length: clients }, () => this.#client(this.#random.fork()));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.resume();
    await Promise.all(this.#clients);
  }

  /** Returns when no request is under way. */
  async pause(): Promise<void> {
    this.#pausing ??= Promise.withResolvers();
    while (this.#busy > 0) await delay(2);
  }

  resume(): void {
    this.#pausing?.resolve();
    this.#pausing = null;
  }

  async #client(random: Random): Promise<void> {
    while (!this.#stopping) {
      await this.#pausing?.promise;
      const url = await this.#server.url;
      if (this.#pausing !== null) continue;
      this.#busy++;
      this.requests++;
      try {
        await this.#request(url, random);
      } catch (error) {
        if (!(error instanceof AnswerLost)) this.#history.failures.push(String(error));
        else await this.#server.gone(url);
      } finally {
        this.#busy--;
      }
      await delay(random.below(PACE_MS));
    }
  }

  async #request(url: string, random: Random): Promise<void> {
    const phone = random.below(2) === 0 ? this.#phones[random.below(HOT)] : random.pick(this.#phones);
    if (phone === undefined) return;
    const dice = random.below(100);
    if (dice < 35) return this.#write(url, 'CREATE', phone);
    if (dice < 55) return this.#write(url, 'CHANGE', phone);
    if (dice < 70) return this.#write(url, 'REMOVE', phone);
    if (dice < 90) return this.#get(url, phone);
    if (dice < 95) return this.#listOfPhone(url, phone);
    return this.#listOfEvent(url);
  }

  async #write(url: string, kind: WriteEvent['kind'], phone: string): Promise<void> {
    const answer = kind === 'REMOVE' ? null : `w${++this.#written}`;
    const variables = { phone, event: EVENT, ...(answer !== null && { answer }) };
    const from = this.#history.tick();
    const write = { kind, key: phone, from, after: answer } as const;
    try {
      const { outcome } = await ask<Outcome>(url, WRITE[kind], variables);
      const to = this.#history.tick();
      const found = valueOf(outcome.participation ?? null);
      switch (outcome.__typename) {
        case 'Participated':
        case 'ParticipationChanged':
          if (found !== answer) throw new Error(`wrote ${answer}, and was told ${found}`);
          this.#history.writes.push({ ...write, to, before: kind === 'CREATE' ? null : undefined });
          return;
        case 'ParticipationWithdrawn':
          this.#history.writes.push({ ...write, to, before: found });
          return;
        case 'AlreadyParticipated':
        case 'NotParticipating':
          this.#history.reads.push({ kind: 'READ', key: phone, from, to, value: found, how: 'refusal' });
          return;
        default:
          throw new Error(`${kind}: ${JSON.stringify(outcome)}`);
      }
    } catch (error) {
      // An error says that nothing was written, or that nobody knows; for the order of writes both are lost answers.
      this.#history.writes.push({ ...write, to: Infinity, before: undefined });
      throw error;
    }
  }

  async #get(url: string, phone: string): Promise<void> {
    const from = this.#history.tick();
    const { participation } = await ask<{ participation: Found | null }>(url, READ, { phone, event: EVENT });
    this.#read(phone, from, valueOf(participation), 'key');
  }

  async #listOfPhone(url: string, phone: string): Promise<void> {
    const from = this.#history.tick();
    const { participations } = (await ask<OfPhone>(url, OF_PHONE, { phone })).phone;
    if (participations.edges.length > 1) throw new Error(`${phone} is listed twice: ${JSON.stringify(participations)}`);
    this.#read(phone, from, valueOf(participations.edges[0]?.node ?? null), 'list');
  }

  /** One page that has room for all phones of the load: it tells of each whether it takes part. */
  async #listOfEvent(url: string): Promise<void> {
    const from = this.#history.tick();
    const { edges } = (await ask<OfEvent>(url, OF_EVENT, { event: EVENT, after: this.#after })).event.participations;
    const found = new Map(edges.map(({ node }) => [node.phone.number, valueOf(node)]));
    if (found.size !== edges.length) throw new Error(`a phone is listed twice: ${JSON.stringify(edges)}`);
    const to = this.#history.tick();
    for (const phone of this.#phones) {
      const value = found.get(phone) ?? null;
      this.#history.reads.push({ kind: 'READ', key: phone, from, to, value, how: 'list' });
    }
  }

  #read(key: string, from: number, value: Value, how: 'key' | 'list'): void {
    this.#history.reads.push({ kind: 'READ', key, from, to: this.#history.tick(), value, how });
  }
}
