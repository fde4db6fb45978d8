/**
 * Clients behind a round-robin balancer that write down what they asked and were told: few keys that everybody fights for, many that are
 * seldom written, and each value written once. A write is a create, a change or a withdrawal; a read is of a key, a list of a phone or of an
 * event, a count, or one operation that asks twice what it takes to take part.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../support/seed.ts';
import { ask, AnswerLost, Refused } from './ask.ts';
import type { Instance } from './instance.ts';
import type { Recorder, Value, WriteKind } from './record.ts';
import { EVENTS, type EventName } from './samples.ts';
import { REQUEST_MS } from './system.ts';

/** Sorts behind all rows that are there before. */
const PREFIX = '+86199000';
export const ANCHOR = `${PREFIX}00000`;
const HOT = 3;
const COLD = 150;
const PACE_MS = 25;
/** After a connection that nobody took, milliseconds. */
const REFUSED_MS = 100;
/** A client gives up after the server has. */
const PATIENCE_MS = REQUEST_MS + 1500;
const PAGE = 25;
/** Between two requests to an instance that keeps many waiting, milliseconds. */
const PATIENT_MS = 300;
/** An answer with one of these may have been the end of a write that took effect. */
const IN_DOUBT: readonly string[] = ['OUTCOME_UNKNOWN', 'INTERNAL'];

const FOUND = 'participation { answer recommendationCode }';
const WRITES: Readonly<Record<WriteKind, string>> = {
  CREATE: `mutation ($phone: PhoneNumber!, $event: String!, $answer: String) { outcome: participate(input: { phone: $phone, event: $event, answer: $answer }) { __typename ... on Participated { ${FOUND} } ... on AlreadyParticipated { ${FOUND} } } }`,
  CHANGE: `mutation ($phone: PhoneNumber!, $event: String!, $answer: String) { outcome: changeParticipation(input: { phone: $phone, event: $event, answer: $answer }) { __typename ... on ParticipationChanged { ${FOUND} } } }`,
  REMOVE: `mutation ($phone: PhoneNumber!, $event: String!) { outcome: withdrawParticipation(phone: $phone, event: $event) { __typename ... on ParticipationWithdrawn { ${FOUND} } } }`,
};
const BY_KEY = `query ($phone: PhoneNumber!, $event: String!) { participation(phone: $phone, event: $event) { answer recommendationCode } }`;
const ACCEPTS = `query ($phone: PhoneNumber!, $event: String!) { first: event(name: $event) { accepts } participation(phone: $phone, event: $event) { answer recommendationCode } second: event(name: $event) { accepts } }`;
const OF_PHONE = `query ($phone: PhoneNumber!) { phone(number: $phone) { participations(first: 100) { edges { node { event { name } answer recommendationCode } } } } }`;
const COUNT_OF_PHONE = `query ($phone: PhoneNumber!) { phone(number: $phone) { participations(first: 1) { totalCount } } }`;
const OF_EVENT = `query ($event: String!, $first: Int!, $after: String) { event(name: $event) { participations(first: $first, after: $after) { pageInfo { hasNextPage } edges { cursor node { phone { number } answer recommendationCode } } } } }`;
const COUNT_OF_EVENT = `query ($event: String!) { event(name: $event) { participationCount } }`;

interface Found {
  readonly answer: string | null;
  readonly recommendationCode: string | null;
}
interface Edge<N> {
  readonly cursor: string;
  readonly node: Found & N;
}
interface Page {
  readonly pageInfo: { readonly hasNextPage: boolean };
  readonly edges: readonly Edge<{ readonly phone: { readonly number: string } }>[];
}
interface OfEvent {
  readonly event: { readonly participations: Page };
}

export const keyOf = (event: string, phone: string): string => `${event}/${phone}`;

function valueOf(found: Found | null | undefined): Value {
  if (!found) return null;
  const code = `~${Buffer.from(found.answer ?? '', 'utf8').toString('base64url')}`;
  if (found.recommendationCode !== code) throw new Error(`two faces that do not agree: ${JSON.stringify(found)}`);
  return found.answer;
}

export class Clients {
  readonly #instances: readonly Instance[];
  readonly #recorder: Recorder;
  readonly #random: Random;
  readonly #many: number;
  readonly #phones: readonly string[];
  /** Cursors of keys, as pages had them; null: not known yet. */
  readonly #cursors = new Map<string, string>();
  #turn = 0;
  #patientUntil = 0;
  #written = 0;
  #busy = 0;
  #stopping = false;
  #pausing: PromiseWithResolvers<void> | null = null;
  #running: Promise<void>[] = [];

  constructor(instances: readonly Instance[], recorder: Recorder, random: Random, many: number) {
    this.#instances = instances;
    this.#recorder = recorder;
    this.#random = random;
    this.#many = many;
    this.#phones = Array.from({ length: HOT + COLD }, (_, i) => `${PREFIX}${String(i + 1).padStart(5, '0')}`);
  }

  /** All that is written here, in byte order. */
  get keys(): readonly string[] {
    return EVENTS.flatMap((event) => this.#phones.map((phone) => keyOf(event, phone))).sort();
  }

  /** Finds the places of the anchors, then lets the clients go. */
  async start(): Promise<void> {
    for (const event of EVENTS) {
      for (let after: string | null = null; ;) {
        const { participations }: OfEvent['event'] = (
          await this.#ask<OfEvent>(OF_EVENT, { event, first: 100, after }, this.#next())
        ).event;
        after = participations.edges.at(-1)?.cursor ?? after;
        if (participations.pageInfo.hasNextPage) continue;
        if (after !== null) this.#cursors.set(keyOf(event, ANCHOR), after);
        break;
      }
    }
    this.#running = Array.from({ length: this.#many }, () => this.#client(this.#random.fork()));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.resume();
    await Promise.all(this.#running);
  }

  /** Returns when no request is under way. */
  async pause(): Promise<void> {
    this.#pausing ??= Promise.withResolvers();
    while (this.#busy > 0) await delay(5);
  }

  resume(): void {
    this.#pausing?.resolve();
    this.#pausing = null;
  }

  async #client(random: Random): Promise<void> {
    while (!this.#stopping) {
      await this.#pausing?.promise;
      if (this.#pausing !== null) continue;
      this.#busy++;
      try {
        await this.#request(this.#next(), random);
      } catch (error) {
        if (error instanceof AnswerLost && !error.sent) await delay(REFUSED_MS);
        else if (!(error instanceof AnswerLost || error instanceof Refused))
          this.#recorder.write({ is: 'violation', what: String(error) });
      } finally {
        this.#busy--;
      }
      await delay(random.below(PACE_MS));
    }
  }

  /**
   * In turn, but for those that keep many waiting: a balancer leaves them alone too. Now and then one of them is asked all the same, so
   * that who wakes up finds questions of any time in front of it.
   */
  #next(): Instance {
    const most = Math.max(1, Math.ceil(this.#many / 4));
    for (let tried = 0; ; tried++) {
      const instance = this.#instances[this.#turn++ % this.#instances.length];
      if (!instance) continue;
      if (tried > this.#instances.length || (instance.ready && instance.busy < most)) return instance;
      if (!instance.ready || instance.busy >= this.#many - 2 || performance.now() < this.#patientUntil) continue;
      this.#patientUntil = performance.now() + PATIENT_MS;
      return instance;
    }
  }

  async #request(to: Instance, random: Random): Promise<void> {
    const phone = random.below(2) === 0 ? this.#phones[random.below(HOT)] : random.pick(this.#phones);
    const event = random.below(4) === 0 ? EVENTS[1] : EVENTS[0];
    const dice = random.below(100);
    if (phone === undefined) return;
    if (dice < 25) return this.#write(to, 'CREATE', event, phone);
    if (dice < 45) return this.#write(to, 'CHANGE', event, phone);
    if (dice < 57) return this.#write(to, 'REMOVE', event, phone);
    if (dice < 78) return this.#get(to, event, phone);
    if (dice < 84) return this.#listOfPhone(to, phone);
    if (dice < 92) return this.#listOfEvent(to, event, random.pick(this.#phones));
    if (dice < 94) return this.#countOfPhone(to, phone);
    if (dice < 96) return this.#countOfEvent(to, event);
    return this.#accepts(to, event, phone);
  }

  async #write(to: Instance, kind: WriteKind, event: EventName, phone: string): Promise<void> {
    const answer = kind === 'REMOVE' ? null : `w${++this.#written}`;
    const variables = { phone, event, ...(answer !== null && { answer }) };
    const write = { kind, key: keyOf(event, phone), from: this.#recorder.tick(), after: answer, via: to.number };
    let outcome: { readonly __typename: string; readonly participation?: Found };
    try {
      ({ outcome } = await this.#ask<{ outcome: typeof outcome }>(WRITES[kind], variables, to));
    } catch (error) {
      const end = this.#recorder.tick();
      if (error instanceof Refused && !IN_DOUBT.includes(error.code))
        this.#recorder.write({ is: 'failed write', ...write, to: end, code: error.code });
      else if (!(error instanceof AnswerLost) || error.sent) this.#recorder.write({ is: 'write', ...write, to: null });
      throw error;
    }
    const end = this.#recorder.tick();
    const found = valueOf(outcome.participation);
    switch (outcome.__typename) {
      case 'Participated':
      case 'ParticipationChanged':
        if (found !== answer) throw new Error(`wrote ${answer}, and was told ${found}`);
        return this.#recorder.write({ is: 'write', ...write, to: end, ...(kind === 'CREATE' && { before: null }) });
      case 'ParticipationWithdrawn':
        return this.#recorder.write({ is: 'write', ...write, to: end, before: found });
      case 'AlreadyParticipated':
      case 'NotParticipating':
        return this.#read(to, write.key, write.from, found, 'refusal', end);
      default:
        throw new Error(`${kind} of ${write.key}: ${JSON.stringify(outcome)}`);
    }
  }

  async #get(to: Instance, event: EventName, phone: string): Promise<void> {
    const from = this.#recorder.tick();
    const { participation } = await this.#ask<{ participation: Found | null }>(BY_KEY, { phone, event }, to);
    this.#read(to, keyOf(event, phone), from, valueOf(participation), 'key');
  }

  async #accepts(to: Instance, event: EventName, phone: string): Promise<void> {
    interface Accepts {
      readonly accepts: readonly string[];
    }
    const from = this.#recorder.tick();
    const { first, participation, second } = await this.#ask<{
      first: Accepts;
      participation: Found | null;
      second: Accepts;
    }>(ACCEPTS, { phone, event }, to);
    const end = this.#recorder.tick();
    const line = { from, to: end, first: first.accepts.join(), second: second.accepts.join(), via: to.number };
    this.#recorder.write({ is: 'accepts', ...line });
    this.#read(to, keyOf(event, phone), from, valueOf(participation), 'key', end);
  }

  async #listOfPhone(to: Instance, phone: string): Promise<void> {
    const from = this.#recorder.tick();
    const answer = await this.#ask<{
      phone: { participations: { edges: readonly Edge<{ readonly event: { readonly name: string } }>[] } };
    }>(OF_PHONE, { phone }, to);
    const found = answer.phone.participations.edges.map(
      ({ node }) => [keyOf(node.event.name, phone), valueOf(node) ?? ''] as const,
    );
    this.#list(to, phone, from, { first: null, last: null }, found);
  }

  /** A page from one of the keys whose place is known. */
  async #listOfEvent(to: Instance, event: EventName, near: string): Promise<void> {
    const start = this.#cursors.has(keyOf(event, near)) ? near : ANCHOR;
    const after = this.#cursors.get(keyOf(event, start)) ?? null;
    const from = this.#recorder.tick();
    const page = (await this.#ask<OfEvent>(OF_EVENT, { event, first: PAGE, after }, to)).event.participations;
    const found = page.edges.map(({ node }) => [keyOf(event, node.phone.number), valueOf(node) ?? ''] as const);
    for (const { cursor, node } of page.edges) this.#cursors.set(keyOf(event, node.phone.number), cursor);
    const last = page.pageInfo.hasNextPage ? (found.at(-1)?.[0] ?? null) : null;
    this.#list(to, event, from, { first: keyOf(event, start), last }, found);
  }

  #list(
    to: Instance,
    of: string,
    from: number,
    range: { readonly first: string | null; readonly last: string | null },
    found: readonly (readonly [string, string])[],
  ): void {
    const keys = found.map(([key]) => key);
    if (new Set(keys).size !== keys.length) throw new Error(`a list shows a row twice: ${keys.join(' ')}`);
    if (keys.join() !== keys.toSorted().join()) throw new Error(`a list is not in order: ${keys.join(' ')}`);
    this.#recorder.write({ is: 'list', of, from, to: this.#recorder.tick(), ...range, found, via: to.number });
  }

  async #countOfPhone(to: Instance, phone: string): Promise<void> {
    const from = this.#recorder.tick();
    const answer = await this.#ask<{ phone: { participations: { totalCount: number } } }>(
      COUNT_OF_PHONE,
      { phone },
      to,
    );
    this.#count(to, phone, from, answer.phone.participations.totalCount);
  }

  async #countOfEvent(to: Instance, event: EventName): Promise<void> {
    const from = this.#recorder.tick();
    const answer = await this.#ask<{ event: { participationCount: number } }>(COUNT_OF_EVENT, { event }, to);
    this.#count(to, event, from, answer.event.participationCount);
  }

  #count(to: Instance, of: string, from: number, count: number): void {
    this.#recorder.write({ is: 'count', of, from, to: this.#recorder.tick(), count, via: to.number });
  }

  #read(
    to: Instance,
    key: string,
    from: number,
    value: Value,
    how: 'key' | 'refusal',
    end = this.#recorder.tick(),
  ): void {
    this.#recorder.write({ is: 'read', key, from, to: end, value, how, via: to.number });
  }

  async #ask<T>(query: string, variables: object, to: Instance): Promise<T> {
    const from = this.#recorder.tick();
    try {
      return await ask<T>(to, query, variables, { timeoutMs: PATIENCE_MS });
    } catch (error) {
      const code = error instanceof Refused ? error.code : 'LOST';
      const [what = ''] = /(?<=outcome: )\w+|(?<=\) \{ )\w+/.exec(query) ?? [];
      this.#recorder.write({ is: 'error', what, from, to: this.#recorder.tick(), code, via: to.number });
      throw error;
    }
  }
}
