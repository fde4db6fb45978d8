/**
 * A walk over the ladder under load, with a kill at one point of each stage that has one: the process is started again on the same
 * files, brings whatever was going on to its end without anybody's hand, and the walk goes on. What clients were told is checked at the end.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../seed.ts';
import { History } from './checker.ts';
import { seenIn } from './evidence.ts';
import { digest, Files, type Participation } from './files.ts';
import { ask, AnswerLost, isOfLoad, Load } from './load.ts';
import { nameOf, type Point } from './points.ts';
import { ServerProcess, TOKEN } from './server.ts';
import type { Sprung } from './trap.ts';

/** `RANDOM`: at any time in the stage. */
export type Kill = Point | 'RANDOM' | null;

const CLIENTS = 6;
/** What a start may take, milliseconds; on a machine that is too busy for that, so many times what it took on an empty directory. */
const READY_MS = 5000;
const SLOWER = 3;
/** How long a point may take to be reached, and a process to finish what was going on, milliseconds. */
const PATIENCE_MS = 30_000;
/** Requests are served for so long in a stage, before anything happens, milliseconds. */
const WARM_MS = 60;
/** How long writers have to run into a call that is held, milliseconds. */
const HELD_MS = 150;
/** A kill at random comes within this time, milliseconds. */
const RANDOM_MS = 350;

const STATUS = `{ migration(dataset: "participation") {
  state readNewPercent settled switching { phase } journal { entries } copy { complete paused } verification { running clean finishedAt }
} }`;
const SWITCH = `mutation ($input: SwitchMigrationInput!) { switchMigration(input: $input) { __typename ... on SwitchBlocked { blockers { code message } } } }`;
const COMMANDS = {
  acceptBoth: `mutation { setBusinessLogic(dataset: "participation", logic: BOTH) { state } }`,
  pauseCopy: `mutation { pauseCopy(dataset: "participation") { state } }`,
  resumeCopy: `mutation { resumeCopy(dataset: "participation") { state } }`,
  verify: `mutation { verifyMigration(dataset: "participation") { state } }`,
} as const;
/** These pass by themselves. */
const PASSING: readonly string[] = ['COPY_INCOMPLETE', 'BACKLOG_NOT_EMPTY', 'SWITCH_IN_PROGRESS'];

interface Status {
  readonly state: string;
  readonly readNewPercent: number;
  readonly settled: boolean;
  readonly switching: { readonly phase: string } | null;
  readonly journal: { readonly entries: number };
  readonly copy: { readonly complete: boolean; readonly paused: boolean } | null;
  readonly verification: {
    readonly running: boolean;
    readonly clean: boolean;
    readonly finishedAt: string | null;
  } | null;
}
interface Switched {
  readonly switchMigration: {
    readonly __typename: string;
    readonly blockers?: readonly { readonly code: string; readonly message: string }[];
  };
}

export interface WalkReport {
  readonly kills: number;
  readonly requests: number;
  readonly lost: number;
  readonly starts: readonly number[];
}

export class Walk {
  readonly #server: ServerProcess;
  readonly #random: Random;
  readonly #history = new History();
  readonly #load: Load;
  readonly #marker: string;
  /** What the server holds that no client of the load touches; it never changes. */
  #samples = '';
  /** The old table while it must not change; null: it may. */
  #frozen: string | null = null;
  #kills = 0;
  #stage = '';

  constructor(directory: string, random: Random, sampleData = 700) {
    // An announce must outlive a restart on a machine that is too busy to start in time.
    const settings = { SAMPLE_DATA: String(sampleData), SWITCH_TIMEOUT_MS: String(PATIENCE_MS) };
    this.#server = new ServerProcess(directory, settings);
    this.#random = random;
    this.#load = new Load(this.#server, this.#history, random.fork());
    this.#marker = join(directory, 'marker.json');
  }

  dispose(): void {
    this.#server.dispose();
  }

  async run(stages: readonly (readonly [stage: string, kill: Kill])[]): Promise<WalkReport> {
    try {
      return await this.#run(stages);
    } catch (error) {
      throw new Error(this.whereabouts, { cause: error });
    }
  }

  /** How far it has come: what one that hangs was waiting for. */
  get whereabouts(): string {
    return `in ${this.#stage}, after ${this.#kills} kills; the server said:\n${this.#server.complaints}`;
  }

  async #run(stages: readonly (readonly [stage: string, kill: Kill])[]): Promise<WalkReport> {
    const ended = await this.#server.start();
    if (ended !== null) throw new Error(`the server did not start: ${ended}`);
    await this.#command('acceptBoth');
    await this.#load.start(CLIENTS);
    this.#samples = digest(
      await this.#look('SHARED', (files) => files.participations('OLD').filter((row) => !isOfLoad(row.phone))),
    );
    for (const [stage, kill] of stages) {
      this.#stage = kill === null ? stage : kill === 'RANDOM' ? `${stage}, killed at random` : nameOf(kill);
      await this.#take(stage.replace(' again', ''), kill);
    }
    this.#stage = 'the end';
    return this.#end();
  }

  async #take(stage: string, kill: Kill): Promise<void> {
    const to = /(?:>)(\w+)(?:\((\d+)\))?$/.exec(stage);
    const place = to && { to: to[1] ?? '', readNewPercent: to[2] === undefined ? null : Number(to[2]) };
    if (place?.to === 'MIGRATING') await this.#command('pauseCopy');
    await delay(WARM_MS);
    const begin = async (): Promise<void> => {
      if (place) await this.#switch(place);
      if (stage === 'COPY') await this.#command('resumeCopy');
      if (stage === 'VERIFY') await this.#command('verify');
    };
    const work = async () => {
      if (kill !== null) await this.#kill(kill, begin);
      if (!(await this.#reached(stage, place))) {
        // What was begun before the kill has to be at its end by itself; what was not is begun now.
        if (kill !== null && kill !== 'RANDOM' && !isBeforeAll(kill)) throw new Error(`${stage} was given up`);
        await begin();
      }
      await this.#until(`${stage} is done`, () => this.#reached(stage, place));
    };
    if (place) await this.#history.switching(work);
    else await work();
    if (stage === 'OLD>MIGRATING') this.#frozen = await this.#digestOfOld();
    if (stage === 'MIGRATING>CATCHING_UP' || stage === 'MIGRATING>RETREATING') this.#frozen = null;
    if (stage === 'VERIFY') await this.#bothStoresAgree();
  }

  /** Gets the process killed there, starts it again, and waits until it has brought to its end what was going on. */
  async #kill(kill: Exclude<Kill, null>, begin: () => Promise<void>): Promise<void> {
    const marker = `${this.#marker}.${++this.#kills}`;
    const begun =
      kill === 'RANDOM'
        ? this.#begun(begin)
        : this.#server.set({ ...kill, marker }).then(async () => {
            if (kill.hold.length > 0) await delay(HELD_MS);
            await this.#begun(begin);
          });
    if (kill === 'RANDOM') await delay(this.#random.below(RANDOM_MS)).then(() => this.#server.kill('SIGKILL'));
    else await this.#server.end(PATIENCE_MS);
    await begun;
    if (kill !== 'RANDOM') {
      if (!existsSync(marker)) throw new Error('the process ended, but not where it should have');
      await this.#checkWindow(JSON.parse(await readFile(marker, 'utf8')) as Sprung);
    }
    const ended = await this.#server.start();
    if (ended !== null) throw new Error(`the server did not start again: ${ended} ${this.#server.complaints}`);
    const url = await this.#server.url;
    const ready = await fetch(new URL('/readyz', url));
    if (ready.status !== 200) throw new Error(`it says that it is ready, and it is not: ${await ready.text()}`);
    await this.#until('nothing is under way', async () => {
      const { settled, switching, copy, state, verification } = await this.#status();
      const copied = state !== 'MIGRATING' || copy?.complete === true || copy?.paused === true;
      return settled && switching === null && copied && verification?.running !== true;
    });
  }

  /** Asks for it; the process may die before it has answered. */
  async #begun(begin: () => Promise<void>): Promise<void> {
    try {
      await begin();
    } catch (error) {
      if (!(error instanceof AnswerLost)) throw error;
    }
  }

  async #checkWindow(sprung: Sprung): Promise<void> {
    await this.#look('AFTER_KILL', (files) => {
      const seen = seenIn(files, sprung);
      if (seen !== sprung.when)
        throw new Error(
          `killed ${sprung.when} ${sprung.call}, but the files look like ${seen}: ${JSON.stringify(sprung)}`,
        );
      if (this.#frozen !== null && files.fence.OLD['mode'] === 'CLOSED') {
        const now = digest(files.participations('OLD'));
        if (now !== this.#frozen) throw new Error('the old table has changed while the copy may run');
      }
    });
  }

  async #reached(stage: string, place: { to: string; readNewPercent: number | null } | null): Promise<boolean> {
    const { state, readNewPercent, switching, copy, verification } = await this.#status();
    if (place) {
      const there = state === place.to && (place.readNewPercent === null || readNewPercent === place.readNewPercent);
      return there && switching === null && (state !== 'MIGRATING' || copy !== null);
    }
    if (stage === 'COPY') return copy?.complete === true;
    if (stage !== 'VERIFY') return true;
    if (verification?.finishedAt && !verification.clean) throw new Error('the stores differ');
    return verification?.clean === true;
  }

  async #switch(place: { to: string; readNewPercent: number | null }): Promise<void> {
    const input = { dataset: 'participation', ...place, reason: 'a walk with kills' };
    for (const until = performance.now() + PATIENCE_MS; ; await delay(10)) {
      const { switchMigration } = await this.#ask<Switched>(SWITCH, { input });
      if (switchMigration.__typename === 'MigrationSwitched') return;
      const passes = switchMigration.blockers?.every(({ code }) => PASSING.includes(code)) ?? true;
      if (!passes || performance.now() > until)
        throw new Error(`the way to ${place.to} is barred: ${JSON.stringify(switchMigration)}`);
    }
  }

  /** In DUAL with an empty journal both stores hold the same: compared by this test alone, row by row. */
  async #bothStoresAgree(): Promise<void> {
    await this.#load.pause();
    await this.#until('the journal is empty', async () => (await this.#status()).journal.entries === 0);
    await this.#look('SHARED', (files) => {
      const [old, now] = [files.participations('OLD'), files.participations('NEW')];
      if (digest(old) !== digest(now)) throw new Error(`the stores differ: ${JSON.stringify(difference(old, now))}`);
    });
    this.#load.resume();
  }

  async #end(): Promise<WalkReport> {
    await this.#load.stop();
    const { state } = await this.#status();
    const ended = await this.#server.kill('SIGTERM');
    if (ended !== '0') throw new Error(`SIGTERM ended it with ${ended}`);
    const rows = await this.#look('SHARED', (files) => files.participations(state === 'NEW' ? 'NEW' : 'OLD'));
    const [own, others] = [rows.filter(({ phone }) => isOfLoad(phone)), rows.filter(({ phone }) => !isOfLoad(phone))];
    const wrong = [
      ...this.#history.failures.map((failure) => `a request failed: ${failure}`),
      ...(digest(others) === this.#samples ? [] : ['rows changed that nobody wrote']),
      ...this.#history.violations(new Map(own.map(({ phone, answer }) => [phone, answer]))),
      ...tooSlow(this.#server.starts),
    ];
    if (wrong.length > 0) throw new Error(`${wrong.length} promises were broken:\n${wrong.slice(0, 10).join('\n')}`);
    const { requests } = this.#load;
    return { kills: this.#kills, requests, lost: this.#history.lost.length, starts: this.#server.starts };
  }

  async #digestOfOld(): Promise<string> {
    return this.#look('SHARED', (files) => digest(files.participations('OLD')));
  }

  async #look<T>(when: 'SHARED' | 'AFTER_KILL', work: (files: Files) => T): Promise<T> {
    const directory = join(this.#server.directory, 'data');
    const files = when === 'SHARED' ? Files.shared(directory) : await Files.copied(directory);
    try {
      return work(files);
    } finally {
      await files.close();
    }
  }

  async #status(): Promise<Status> {
    return (await this.#ask<{ migration: Status }>(STATUS)).migration;
  }

  async #command(name: keyof typeof COMMANDS): Promise<void> {
    await this.#ask(COMMANDS[name]);
  }

  async #ask<T>(query: string, variables: object = {}): Promise<T> {
    return ask<T>(await this.#server.url, query, variables, TOKEN);
  }

  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const until = performance.now() + PATIENCE_MS; !(await holds()); await delay(10)) {
      if (performance.now() > until)
        throw new Error(`waited ${PATIENCE_MS} ms until ${what}: ${JSON.stringify(await this.#status())}`);
    }
  }
}

/** Before the announce nobody but the one who asked knows of a switch. */
function isBeforeAll({ call, when }: Point): boolean {
  return call === 'control.compareAndSet ANNOUNCE' && when === 'BEFORE';
}

/** In words; the first start is the one that nothing was killed before. */
export function tooSlow([first = 0, ...others]: readonly number[]): string[] {
  return others
    .filter((ms) => ms > Math.max(READY_MS, SLOWER * first))
    .map((ms) => `a start took ${ms.toFixed()} ms, the first one ${first.toFixed()} ms`);
}

function difference(old: readonly Participation[], now: readonly Participation[]): readonly unknown[] {
  const [a, b] = [old, now].map((rows) => new Set(rows.map((row) => JSON.stringify(row))));
  return [[...(a ?? [])].filter((row) => !b?.has(row)), [...(b ?? [])].filter((row) => !a?.has(row))];
}
