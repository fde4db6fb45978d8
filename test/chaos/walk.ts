/**
 * The operator: walks the ladder forward, back and forward again, while everything around may fail. Whatever became of a request for a
 * switch, it asks where the dataset stands until nothing is under way, and tries again until it is where it wants to be.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../support/seed.ts';
import { ask, AnswerLost, Refused } from './ask.ts';
import type { Clients } from './clients.ts';
import type { Faults } from './faults.ts';
import type { Instance } from './instance.ts';
import type { Recorder } from './record.ts';
import { codeOf } from './samples.ts';
import { TOKEN, type Participation, type System } from './system.ts';
import { within } from './within.ts';

export interface Place {
  readonly to: 'OLD' | 'MIGRATING' | 'CATCHING_UP' | 'RETREATING' | 'DUAL' | 'NEW';
  readonly readNewPercent: number | null;
}

/** How long a place may take to be reached, milliseconds; faults go on meanwhile. */
const PATIENCE_MS = 120_000;
const ANSWER_MS = 30_000;
const STATUS_MS = 1000;
const LOOK_MS = 40;
/** Too little time for all places, milliseconds. */
const LITTLE_MS = 30_000;

const STATUS = `{ migration(dataset: "participation") { state readNewPercent epoch settled switching { phase to } journal { entries } copy { complete }
  verification { running clean finishedAt checked differing } } }`;
const SWITCH = `mutation ($input: SwitchMigrationInput!) { switchMigration(input: $input) { __typename
  ... on MigrationSwitched { pauseMs } ... on SwitchBlocked { blockers { code message } } } }`;
const PIN = `mutation { setBusinessLogic(dataset: "participation", logic: BOTH) { businessLogicPinned } }`;
const VERIFY = `mutation { verifyMigration(dataset: "participation") { state } }`;
const DIFFERENCES = `{ migration(dataset: "participation") { differences(first: 10) { edges { node { key kind old new } } } } }`;

interface Status {
  readonly state: string;
  readonly readNewPercent: number;
  readonly epoch: number;
  readonly settled: boolean;
  readonly switching: { readonly phase: string } | null;
  readonly journal: { readonly entries: number };
  readonly verification: {
    readonly running: boolean;
    readonly clean: boolean;
    readonly finishedAt: string | null;
    readonly differing: number;
  } | null;
}
interface Switched {
  readonly switchMigration: {
    readonly __typename: string;
    readonly pauseMs?: number | null;
    readonly blockers?: readonly { readonly code: string; readonly message: string }[];
  };
}

const at = (to: Place['to'], readNewPercent: number | null = null): Place => ({ to, readNewPercent });
export const nameOf = ({ to, readNewPercent }: Place): string =>
  readNewPercent === null ? to : `${to}(${readNewPercent})`;

/** Ways up to a place and back to OLD again. */
const ROUNDS: readonly (readonly Place[])[] = [
  [at('MIGRATING'), at('RETREATING'), at('OLD')],
  [at('MIGRATING'), at('CATCHING_UP'), at('DUAL', 0), at('OLD')],
  [
    at('MIGRATING'),
    at('CATCHING_UP'),
    at('DUAL', 0),
    at('DUAL', 30),
    at('DUAL', 100),
    at('DUAL', 40),
    at('DUAL', 0),
    at('OLD'),
  ],
];
const LAST = [at('MIGRATING'), at('CATCHING_UP'), at('DUAL', 0), at('DUAL', 50), at('DUAL', 100)] as const;

export interface WalkOptions {
  readonly system: System;
  readonly clients: Clients;
  readonly faults: Faults;
  readonly recorder: Recorder;
  readonly random: Random;
  /** Longest stay at a place, milliseconds. */
  readonly stayMs: number;
  readonly say: (line: string) => void;
}

export class Walk {
  readonly #options: WalkOptions;
  #turn = 0;

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  /** Up and back until the time is over, at least once, the shortest way first if there is little time; then up to NEW. */
  async run(until: number): Promise<void> {
    const { random, recorder, say } = this.#options;
    const little = until - performance.now() < LITTLE_MS;
    for (let round = little ? 0 : 2; ; round = random.below(ROUNDS.length)) {
      for (const place of ROUNDS[round] ?? []) await this.#goTo(place);
      if (performance.now() >= until) break;
    }
    for (const place of LAST) await this.#goTo(place);
    await this.#verify();
    say('verified');
    await this.#bothStoresAgree();
    await this.#until('the logic is pinned', async (to) => {
      await this.#ask(to, PIN);
      return true;
    });
    await this.#goTo(at('NEW'));
    recorder.tick();
  }

  async #goTo(place: Place): Promise<void> {
    const { recorder, random, stayMs, say, faults } = this.#options;
    const from = recorder.tick();
    const began = performance.now();
    let pauseMs: number | null = null;
    let last = '';
    const disturbed: Promise<void>[] = [];
    for (;;) {
      const driver = this.#next();
      disturbed.push(faults.atSwitch(driver, random));
      const answer = await this.#ask<Switched>(driver, SWITCH, {
        input: { dataset: 'participation', ...place, reason: 'chaos' },
      }).catch(lostOr);
      if (answer && 'switchMigration' in answer) {
        const { __typename, blockers, pauseMs: pause } = answer.switchMigration;
        if (__typename === 'MigrationSwitched') pauseMs = pause ?? null;
        last = blockers?.map(({ code, message }) => `${code}: ${message}`).join(' ') ?? __typename;
      } else last = String(answer);
      const { state, readNewPercent } = await this.#settled();
      if (state === place.to && (place.readNewPercent === null || place.readNewPercent === readNewPercent)) break;
      if (performance.now() - began > PATIENCE_MS) {
        recorder.write({ is: 'violation', what: `P6: ${nameOf(place)} was not reached from ${state}: ${last}` });
        throw new Error(`${nameOf(place)} was not reached from ${state}: ${last}`);
      }
      await delay(LOOK_MS);
    }
    recorder.write({ is: 'switch', from, to: recorder.tick(), place: nameOf(place), arrived: nameOf(place), pauseMs });
    say(`${nameOf(place)} after ${Math.round(performance.now() - began)} ms`);
    // Whoever slept through the switch wakes up here.
    const stays = Promise.all([delay(random.below(stayMs)), ...disturbed]);
    await (place.to === 'MIGRATING' ? this.#oldTableStays(stays) : stays);
  }

  /** In MIGRATING the old table does not change, whoever wakes up meanwhile and still has a write for it (P7). */
  async #oldTableStays(meanwhile: Promise<unknown>): Promise<void> {
    const { system, recorder } = this.#options;
    const before = new Set((await patiently(() => system.participations('OLD'))).map(textOf));
    await meanwhile;
    const after = new Set((await patiently(() => system.participations('OLD'))).map(textOf));
    const changed = [...[...before].filter((row) => !after.has(row)), ...[...after].filter((row) => !before.has(row))];
    for (const row of changed)
      recorder.write({ is: 'violation', what: `P7: in MIGRATING the old table was changed: ${row}` });
  }

  /** Where the dataset stands when nothing is under way. */
  async #settled(): Promise<Status> {
    let status: Status | null = null;
    await this.#until('nothing is under way', async (to) => {
      const seen = await this.#status(to);
      status = seen;
      return seen.settled && seen.switching === null;
    });
    if (!status) throw new Error('there is no status');
    return status;
  }

  async #verify(): Promise<void> {
    const { recorder } = this.#options;
    await this.#until('a verification has begun', async (to) => {
      await this.#ask(to, VERIFY);
      return true;
    });
    await this.#until('a verification has finished', async (to) => {
      const { verification } = await this.#status(to);
      if (!verification) return false;
      if (verification.running || verification.finishedAt === null) return false;
      if (verification.clean) return true;
      const differences = await this.#ask(to, DIFFERENCES);
      const kinds = [...JSON.stringify(differences).matchAll(/"kind":"(\w+)"/g)].map(([, kind]) => kind);
      if (kinds.length > 0 && kinds.every((kind) => kind === 'UNREADABLE')) {
        // A store was away when a read was compared: nothing was found to differ, and another verification compares it.
        await this.#ask(to, VERIFY);
        return false;
      }
      recorder.write({ is: 'violation', what: `P1: a verification found differences: ${JSON.stringify(differences)}` });
      return true;
    });
  }

  /** In DUAL with an empty journal both stores hold the same, as this test alone compares them. */
  async #bothStoresAgree(): Promise<void> {
    const { clients, system, recorder, faults, say } = this.#options;
    await faults.stop();
    await within(PATIENCE_MS, 'no request is under way', clients.pause());
    await this.#until('the journal is empty', async (to) => (await this.#status(to)).journal.entries === 0);
    const [old, now] = [await system.participations('OLD'), await system.participations('NEW')];
    const wanted = new Set(old.map(({ event, phone, entry }) => textOf({ event, phone, entry: codeOf(event, entry) })));
    const found = new Set(now.map(textOf));
    for (const row of wanted)
      if (!found.has(row)) recorder.write({ is: 'violation', what: `P1: the new store lacks ${row}` });
    for (const row of found)
      if (!wanted.has(row))
        recorder.write({ is: 'violation', what: `P1: the new store has ${row}, the old one has not` });
    say(`both stores hold the same ${found.size} rows`);
    clients.resume();
    faults.start();
  }

  async #status(to: Instance): Promise<Status> {
    // One that sleeps is not waited for: the next one knows as well.
    return (await this.#ask<{ migration: Status }>(to, STATUS, {}, STATUS_MS)).migration;
  }

  /** Asks one instance after the other until it is so; answers that are lost or refused count as not yet. */
  async #until(what: string, holds: (to: Instance) => Promise<boolean>): Promise<void> {
    let last: unknown = 'it was not so';
    for (const began = performance.now(); ; await delay(LOOK_MS)) {
      try {
        if (await holds(this.#next())) return;
      } catch (error) {
        last = lostOr(error);
      }
      if (performance.now() - began < PATIENCE_MS) continue;
      this.#options.recorder.write({ is: 'violation', what: `P6: waited in vain until ${what}: ${String(last)}` });
      throw new Error(`waited in vain until ${what}: ${String(last)}`);
    }
  }

  #ask<T>(to: Instance, query: string, variables: object = {}, timeoutMs = ANSWER_MS): Promise<T> {
    return ask<T>(to, query, variables, { timeoutMs, token: TOKEN });
  }

  #next(): Instance {
    const { instances } = this.#options.system;
    const ready = instances.filter((instance) => instance.ready);
    const [first] = instances;
    const next = ready[this.#turn++ % Math.max(1, ready.length)] ?? first;
    if (!next) throw new Error('there are no instances');
    return next;
  }
}

function textOf({ phone, event, entry }: Participation): string {
  return `${event}/${phone} ${entry}`;
}

/** The server may be down for a moment. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (const began = performance.now(); ; await delay(LOOK_MS)) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() - began > PATIENCE_MS) throw error;
    }
  }
}

/** What an operator has to live with while things fail; anything else is thrown. */
function lostOr(error: unknown): AnswerLost | Refused {
  if (error instanceof AnswerLost || error instanceof Refused) return error;
  throw error;
}
