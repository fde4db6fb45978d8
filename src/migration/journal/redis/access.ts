/**
 * How this folder reaches its servers: names of keys, what is trusted, and every failure as JOURNAL_UNAVAILABLE or JOURNAL_FULL, once.
 *
 * The incarnation is `ID`, made at random with the journal, where all servers are durable (servers.ts): they may restart. Elsewhere it
 * is `ID@RUN+RUN…`, with the run ids of the servers: one that was restarted, promoted or replaced has another, and its answers are refused.
 */
import type { Clock } from '../../clock.ts';
import { JOURNAL_SLOTS } from '../../dataset.ts';
import type { KeyField } from '../../key.ts';
import { CrossfadeError, JournalUnusable } from '../../errors.ts';
import type { Client } from './connect.ts';
import type { Connection } from './connection.ts';
import { methodOf, SCRIPTS, SLOT_KEYS, type KeyName, type Outcome, type ScriptName, type SlotKey } from './scripts.ts';
import { isDurable, type Server } from './servers.ts';

export const ALL_SLOTS: readonly number[] = Array.from({ length: JOURNAL_SLOTS }, (_, slot) => slot);

type Untrusted = 'MISSING' | 'OTHER';
/** What a script on a slot answers when the slot is there and trusted. */
export type Done<S extends ScriptName> = Reply<Exclude<Outcome<S>, Untrusted>>;

export interface Reply<O extends string> {
  readonly outcome: O;
  readonly values: readonly string[];
}

export interface Step {
  readonly slot: number;
  readonly args: Args;
}

export type Args = readonly (string | number)[];
/** What an append answers of one write. */
export type Appended = Reply<Exclude<Outcome<'append'>, Untrusted>>;

/** What the journal knows of its dataset. Of the first key field the order of keys tells what is listed by it. */
export interface Kept {
  readonly name: string;
  readonly keyFields: readonly KeyField[];
}

/** Of this form of the keys; names of the first one began with the deployment. */
const FORM = '3:';
const FORMER_FORMS = ['2:', ''];

export class Access {
  readonly dataset: string;
  readonly keyFields: readonly KeyField[];
  readonly clock: Clock;
  readonly connection: Connection;
  /** The only incarnation to trust; null: any. */
  trusted: string | null = null;

  readonly #owner: string;
  readonly #former: readonly string[];
  readonly #keys: readonly Readonly<Record<SlotKey, string>>[];

  constructor(
    connection: Connection,
    { deployment, dataset: { name, keyFields } }: { readonly deployment: string; readonly dataset: Kept },
    clock: Clock,
  ) {
    this.connection = connection;
    this.dataset = name;
    this.keyFields = keyFields;
    const owner = `${deployment}:${name}`;
    this.#owner = `crossfade:${FORM}${owner}`;
    this.#former = FORMER_FORMS.map((form) => `{crossfade:${form}${owner}}:meta`);
    this.#keys = ALL_SLOTS.map((slot) => keysOf(`{${this.#owner}:${slot}}`));
    this.clock = clock;
  }

  /** Runs a script on a slot; throws JOURNAL_UNAVAILABLE if the slot is missing or of another incarnation than the trusted one. */
  async run<S extends ScriptName>(name: S, step: Step): Promise<Done<S>> {
    const [done] = await this.runEach(name, [step]);
    if (!done) throw new RangeError('one step has one reply');
    return done;
  }

  /** The same on all slots. */
  runAll<S extends ScriptName>(name: S, args: Step['args']): Promise<readonly Done<S>[]> {
    return this.runEach(
      name,
      ALL_SLOTS.map((slot) => ({ slot, args })),
    );
  }

  /** At once; whatever comes of it has come when this returns or throws. */
  async runEach<S extends ScriptName>(name: S, steps: readonly Step[]): Promise<readonly Done<S>[]> {
    const trusted = this.trusted;
    const id = trusted === null ? '' : idOf(trusted);
    const replies = await this.guard(trusted, (client) =>
      together(steps.map((step) => this.#send(client, name, step, [id, ...step.args]))),
    );
    if (trusted !== null && replies.some(({ outcome }) => outcome === 'MISSING')) await this.#refuseFormer(trusted);
    return replies.map((reply, i) => this.#done(reply, steps[i]?.slot ?? 0, trusted));
  }

  /** One script for writes of some slots, `args` as it takes them; what it answers of each, in their order, as a function that gives it or throws. */
  async append(
    {
      trusted,
      slots,
      of,
    }: { readonly trusted: string | null; readonly slots: readonly number[]; readonly of: readonly number[] },
    args: Args,
  ): Promise<readonly (() => Appended)[]> {
    const id = trusted === null ? '' : idOf(trusted);
    const keys = slots.flatMap((slot) => SLOT_KEYS.map((name) => this.#key(slot, name)));
    const answers = await this.guard(trusted, (client) => call(client, 'append', [keys.length, ...keys, id, ...args]));
    if (!Array.isArray(answers) || answers.length !== of.length) throw new TypeError('each write has one answer');
    return answers.map((answer, i) => () => this.#done<'append'>(replyOf('append', answer), of[i] ?? 0, trusted));
  }

  /** Scripts that are about no slot, or about slots whatever their incarnation is. */
  bare<S extends ScriptName>(name: S, steps: readonly Step[]): Promise<readonly Reply<Outcome<S>>[]> {
    return this.guard(null, (client) => together(steps.map((step) => this.#send(client, name, step, step.args))));
  }

  /** The answer that a write was given, if it was. */
  async answerOf(slot: number, writeId: string): Promise<string | null> {
    const answers = await this.guard(this.trusted, (client) =>
      Promise.all([client.hget(this.#key(slot, 'write0'), writeId), client.hget(this.#key(slot, 'write1'), writeId)]),
    );
    return answers.find((answer) => answer !== null) ?? null;
  }

  metaKey(): string {
    return `{${this.#owner}}:meta`;
  }

  /** What the driver says, as an error of the catalogue; so are answers of servers that cannot be trusted. */
  async guard<T>(trusted: string | null, send: (client: Client, servers: readonly Server[]) => Promise<T>): Promise<T> {
    try {
      return await this.connection.run((servers) => this.#check(trusted, servers), send);
    } catch (error) {
      if (error instanceof CrossfadeError) throw error;
      const refusal = refusalOf(error);
      if (refusal !== null) throw new JournalUnusable(refusal, error);
      const full = error instanceof Error && error.message.startsWith('OOM');
      throw new CrossfadeError(full ? 'JOURNAL_FULL' : 'JOURNAL_UNAVAILABLE', { cause: error });
    }
  }

  async #send<S extends ScriptName>(client: Client, name: S, { slot }: Step, args: Args): Promise<Reply<Outcome<S>>> {
    const keys = SCRIPTS[name].keys.map((key) => this.#key(slot, key));
    return replyOf(name, await call(client, name, [...keys, ...args]));
  }

  #done<S extends ScriptName>(reply: Reply<Outcome<S>>, slot: number, trusted: string | null): Done<S> {
    if (reply.outcome === 'MISSING') throw unavailable(`Slot ${slot} of the journal of ${this.dataset} is missing.`);
    if (reply.outcome === 'OTHER') {
      throw unavailable(`The journal of ${this.dataset} is ${reply.values[0]}, not ${trusted}.`);
    }
    return reply as Done<S>;
  }

  /** A journal that was left in the middle of a run by a version that names its keys otherwise is there, and of no use here. */
  async #refuseFormer(trusted: string): Promise<void> {
    const ids = await this.guard(null, (client) =>
      Promise.all(this.#former.map((meta) => client.hget(meta, 'incarnation'))),
    );
    if (!ids.includes(idOf(trusted))) return;
    throw unavailable(
      `The journal of ${this.dataset} is one of an earlier version, which keeps it in another form: go on with that version until the run is over, in OLD or NEW.`,
    );
  }

  #check(trusted: string | null, servers: readonly Server[]): void {
    const replica = servers.find(({ role }) => role !== 'master');
    if (replica) throw unavailable('The server of the journal is a replica.');
    if (trusted === null) return;
    const runs = runsOf(trusted);
    if (runs === null) {
      if (servers.every(isDurable)) return;
      throw unavailable('A server of the journal is no longer set up to lose nothing, as it was when the run began.');
    }
    const other = servers.find(({ run }) => !runs.includes(run));
    if (other) throw unavailable(`A server of the journal is ${other.run}, and not as it was when the run began.`);
  }

  #key(slot: number, name: KeyName): string {
    if (name === 'meta') return this.metaKey();
    const keys = this.#keys[slot];
    if (!keys) throw new RangeError(`there is no slot ${slot}`);
    return keys[name];
  }
}

function keysOf(tag: string): Readonly<Record<SlotKey, string>> {
  return {
    slot: `${tag}:slot`,
    debts: `${tag}:debts`,
    index: `${tag}:index`,
    write0: `${tag}:write0`,
    write1: `${tag}:write1`,
  };
}

async function call(client: Client, name: ScriptName, args: Args): Promise<unknown> {
  const method: unknown = Reflect.get(client, methodOf(name));
  if (typeof method !== 'function') throw new TypeError(`The client does not know the script ${name}.`);
  return Reflect.apply(method, client, args);
}

function replyOf<S extends ScriptName>(name: S, answer: unknown): Reply<Outcome<S>> {
  const outcomes: readonly string[] = SCRIPTS[name].outcomes;
  const [outcome, ...values] = Array.isArray(answer) ? answer.map(String) : [];
  if (outcome === undefined || !outcomes.includes(outcome))
    throw new TypeError(`The script ${name} answers ${outcome}.`);
  return { outcome: outcome as Outcome<S>, values };
}

/** Waits for all, then throws what the first threw that failed. */
async function together<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

const LETS_NOBODY_IN = /^(?:WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR invalid username-password)/;

/** What a server says that does not let us in, at whatever depth; null: it says something else, or nothing. */
function refusalOf(error: unknown): string | null {
  for (let at = error; at instanceof Error; at = at.cause) if (LETS_NOBODY_IN.test(at.message)) return at.message;
  return null;
}

export function unavailable(message: string): CrossfadeError {
  return new CrossfadeError('JOURNAL_UNAVAILABLE', { message });
}

/** For a run that begins now. */
export function incarnationOf(id: string, servers: readonly Server[]): string {
  if (servers.every((server) => isDurable(server) && server.replicas === 0 && !server.rewriting)) return id;
  return `${id}@${servers
    .map(({ run }) => run)
    .toSorted()
    .join('+')}`;
}

export function idOf(incarnation: string): string {
  return incarnation.split('@')[0] ?? '';
}

function runsOf(incarnation: string): readonly string[] | null {
  return incarnation.split('@')[1]?.split('+') ?? null;
}

/** In lists of at most `size`. */
export function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
