/** The operator of the demo: walks the migration by mutations alone, and waits for what bars the way. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from './client.ts';

export interface Progress {
  show(name: string, done: number, total: number): void;
  say(line: string): void;
}

export interface Step {
  readonly to: string;
  readonly readNewPercent?: number;
}

const STEPS: readonly Step[] = [
  { to: 'MIGRATING' },
  { to: 'CATCHING_UP' },
  ...[0, 10, 50, 100].map((readNewPercent) => ({ to: 'DUAL', readNewPercent })),
  { to: 'NEW' },
];
/** How long each state is held while traffic goes on, and between two looks at progress, milliseconds. */
const HOLD_MS = 1500;
const LOOK_MS = 50;

const SWITCH = `mutation ($input: SwitchMigrationInput!) {
  switchMigration(input: $input) {
    __typename
    ... on MigrationSwitched { pauseMs }
    ... on SwitchBlocked { blockers { code message } }
  }
}`;
const STATUS = `query ($dataset: String!) {
  migration(dataset: $dataset) {
    copy { total copied quarantined complete rowsPerSecond }
    journal { entries }
    verification { checked total clean differing finishedAt }
  }
}`;
const VERIFY = `mutation ($dataset: String!) { verifyMigration(dataset: $dataset) { state } }`;

interface Status {
  readonly migration: {
    readonly copy: {
      total: number;
      copied: number;
      quarantined: number;
      complete: boolean;
      rowsPerSecond: number;
    } | null;
    readonly journal: { entries: number };
    readonly verification: {
      checked: number;
      total: number;
      clean: boolean;
      differing: number;
      finishedAt: string | null;
    } | null;
  };
}
interface Switched {
  readonly switchMigration: {
    readonly __typename: string;
    readonly pauseMs?: number;
    readonly blockers?: readonly { code: string; message: string }[];
  };
}

export interface WalkReport {
  readonly pauses: readonly { readonly step: string; readonly pauseMs: number }[];
  readonly copySeconds: number;
  readonly rows: number;
  readonly checked: number;
}

export async function walk(client: Client, dataset: string, progress: Progress): Promise<WalkReport> {
  const pauses: { step: string; pauseMs: number }[] = [];
  const status = async () => (await client.ask<Status>(STATUS, { dataset })).migration;
  let [copySeconds, rows, checked] = [0, 0, 0];
  for (const step of STEPS) {
    if (step.to === 'NEW') checked = await verify(client, dataset, progress, status);
    pauses.push({ step: name(step), pauseMs: await switchTo(client, dataset, step, progress) });
    if (step.to === 'MIGRATING') ({ copySeconds, rows } = await copied(progress, status));
    await delay(HOLD_MS);
  }
  return { pauses, copySeconds, rows, checked };
}

/** Asks until nothing bars the way; how long requests waited because of the switch, milliseconds. */
async function switchTo(client: Client, dataset: string, step: Step, progress: Progress): Promise<number> {
  const input = { dataset, ...step, reason: 'demonstration' };
  for (let last = ''; ; await delay(LOOK_MS)) {
    const { switchMigration: result } = await client.ask<Switched>(SWITCH, { input });
    if (result.__typename === 'MigrationSwitched') {
      const pauseMs = result.pauseMs ?? 0;
      progress.say(`${name(step)}: requests waited ${pauseMs.toFixed(1)} ms at most`);
      return pauseMs;
    }
    const why = result.blockers?.map(({ code, message }) => `${code}: ${message}`).join(' ') ?? result.__typename;
    if (why !== last) progress.say(`${name(step)} waits. ${why}`);
    last = why;
  }
}

async function copied(progress: Progress, status: () => Promise<Status['migration']>) {
  const started = performance.now();
  for (; ; await delay(LOOK_MS)) {
    const { copy } = await status();
    if (!copy) continue;
    progress.show('copied', copy.copied + copy.quarantined, copy.total);
    if (copy.complete) return { copySeconds: (performance.now() - started) / 1000, rows: copy.copied };
  }
}

async function verify(
  client: Client,
  dataset: string,
  progress: Progress,
  status: () => Promise<Status['migration']>,
): Promise<number> {
  await client.ask(VERIFY, { dataset });
  for (; ; await delay(LOOK_MS)) {
    const { verification } = await status();
    if (!verification) continue;
    progress.show('verified', verification.checked, verification.total);
    if (!verification.finishedAt) continue;
    if (!verification.clean) throw new Error(`the stores differ in ${verification.differing} rows`);
    return verification.checked;
  }
}

function name({ to, readNewPercent }: Step): string {
  return readNewPercent === undefined ? to : `${to} ${readNewPercent} percent`;
}
