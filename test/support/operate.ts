/** An operator who wants to get somewhere: tries a switch again while something that passes by itself bars the way. */
import type { BlockerCode, SwitchInput, SwitchResult } from '../../src/migration/api.ts';
import type { Place } from '../../src/migration/states.ts';
import type { TicketEngine } from './client.ts';

const PASSES: readonly BlockerCode[] = ['COPY_INCOMPLETE', 'BACKLOG_NOT_EMPTY', 'SWITCH_IN_PROGRESS'];

export const place = (state: Place['state'], percent = state === 'NEW' ? 100 : 0): Place => ({ state, percent });
export const showPlace = ({ state, percent }: Place): string => (state === 'DUAL' ? `DUAL(${percent})` : state);

export function switchOnce(
  { operator }: TicketEngine,
  to: Place,
  input: Partial<SwitchInput> = {},
): Promise<SwitchResult> {
  return operator.switchTo({
    to: to.state,
    readNewPercent: to.state === 'DUAL' ? to.percent : null,
    expectedEpoch: null,
    reason: 'test',
    dryRun: false,
    acceptRisk: [],
    actor: 'test',
    ...input,
  });
}

export async function goTo(engine: TicketEngine, to: Place, patienceMs = 10_000): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const result = await switchOnce(engine, to);
    if (result.outcome === 'SWITCHED') return;
    const passes = result.outcome === 'BLOCKED' && result.blockers.every(({ code }) => PASSES.includes(code));
    if (!passes || performance.now() > end)
      throw new Error(`the way to ${showPlace(to)} is barred: ${JSON.stringify(result)}`);
    await pause(5);
  }
}

/** The way through several places. */
export async function walk(engine: TicketEngine, ...places: readonly Place[]): Promise<void> {
  for (const to of places) await goTo(engine, to);
}

/** Verifies, and returns when it is clean. */
export async function verifyClean({ operator }: TicketEngine, patienceMs = 10_000): Promise<void> {
  await operator.verify();
  await until(
    'a verification has finished',
    async () => (await operator.verification())?.running === false,
    patienceMs,
  );
  const verification = await operator.verification();
  if (!verification?.clean) {
    const { edges } = await operator.differences({ first: 10, after: null });
    throw new Error(`a verification is not clean: ${JSON.stringify({ verification, edges })}`);
  }
}

export async function until(what: string, holds: () => Promise<boolean> | boolean, patienceMs = 10_000): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${patienceMs} ms in vain until ${what}`);
    await pause(5);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
