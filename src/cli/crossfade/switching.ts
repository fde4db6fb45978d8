/** A switch, from the command line: for `switch` and `back`. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Blocker, BlockerCode } from '../../migration/api.ts';
import type { MigrationState } from '../../migration/states.ts';
import type { Context, Result } from './command.ts';
import { describeBlockers } from './describe.ts';
import { CommandFailure } from './exit.ts';
import { placeName } from './status.ts';

const SWITCH = `mutation ($input: SwitchMigrationInput!) {
  result: switchMigration(input: $input) {
    __typename
    ... on MigrationSwitched { dryRun pauseMs migration { state readNewPercent epoch } }
    ... on SwitchBlocked { blockers { code message count } migration { state readNewPercent epoch } }
    ... on EpochConflict { migration { state readNewPercent epoch } }
  }
}`;

/** These pass by themselves: with `--wait` the switch is tried again. */
const PASSING: readonly BlockerCode[] = ['COPY_INCOMPLETE', 'BACKLOG_NOT_EMPTY', 'SWITCH_IN_PROGRESS'];
const AGAIN_MS = 500;

export interface SwitchRequest {
  readonly to: MigrationState;
  readonly readNewPercent: number | null;
  readonly reason: string;
  readonly acceptRisk?: readonly string[];
  readonly expectedEpoch?: number | null;
}

interface Answer {
  readonly result: {
    readonly migration: { readonly state: string; readonly readNewPercent: number; readonly epoch: number };
  } & (
    | { readonly __typename: 'MigrationSwitched'; readonly dryRun: boolean; readonly pauseMs: number | null }
    | { readonly __typename: 'SwitchBlocked'; readonly blockers: readonly Blocker[] }
    | { readonly __typename: 'EpochConflict' }
  );
}

export async function switchTo(context: Context, request: SwitchRequest, wait: boolean): Promise<Result> {
  const { client, dataset, dryRun } = context;
  const input = { dataset, dryRun, ...request };
  for (let told = ''; ; await delay(AGAIN_MS, undefined, { signal: context.signal })) {
    const { result } = await client.ask<Answer>(SWITCH, { input });
    if (result.__typename !== 'SwitchBlocked') return outcome(result, request);
    const { blockers } = result;
    const passes = blockers.every(({ code }) => PASSING.includes(code));
    if (!wait || !passes) return { ...blocked(request, blockers), json: result };
    const why = blockers.map(({ code, message }) => `${code}: ${message}`).join(' ');
    if (why !== told) context.say(`waits: ${why}`, { waitsFor: blockers });
    told = why;
  }
}

function outcome(result: Exclude<Answer['result'], { __typename: 'SwitchBlocked' }>, request: SwitchRequest): Result {
  const { migration } = result;
  const now = `${placeName(migration.state, migration.readNewPercent)}, epoch ${migration.epoch}`;
  if (result.__typename === 'EpochConflict') {
    return { json: result, lines: [`Somebody else switched first: it is in ${now} now.`], exit: 'CONFLICT' };
  }
  if (result.dryRun)
    return { json: result, lines: [`Nothing bars the way to ${placeName(request.to, request.readNewPercent)}.`] };
  const pause = result.pauseMs === null ? '' : `; requests waited ${result.pauseMs.toFixed(1)} ms at most`;
  return { json: result, lines: [`It is in ${now}${pause}.`] };
}

function blocked({ to, readNewPercent }: SwitchRequest, blockers: readonly Blocker[]): Omit<Result, 'json'> {
  return {
    lines: [`The way to ${placeName(to, readNewPercent)} is barred:`, ...describeBlockers(blockers)],
    exit: 'BLOCKED',
  };
}

/** A reason is kept for ever, so it is asked for before anything is sent. */
export function statedReason(reason: string | null): string {
  const trimmed = reason?.trim() ?? '';
  if (trimmed === '') throw new CommandFailure('USAGE', '--reason must say why; it is kept in the history.');
  return trimmed;
}
