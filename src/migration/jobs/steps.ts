/** The results of steps, and what a control record asks of background work. Pure; interprets the ladder, names no state. */
import type { ControlRecord } from '../control/control.ts';
import type { StoreRole } from '../dataset.ts';
import { rung } from '../states.ts';
import type { StepResult } from './context.ts';

export const PROGRESSED: StepResult = { kind: 'PROGRESSED' };
export const IDLE: StepResult = { kind: 'IDLE' };
export const blocked = (why: string): StepResult => ({ kind: 'BLOCKED', why });

/** Is the bulk copy this state's work? */
export function copies(record: ControlRecord): boolean {
  return rung(record.place).background.includes('COPY');
}

/** Is it this state's work to empty the new store of an earlier run? */
export function clears(record: ControlRecord): boolean {
  return rung(record.place).background.includes('CLEAR');
}

/** Is it this state's work to bring the journal's backlog into that store? */
export function replaysInto(record: ControlRecord, role: StoreRole): boolean {
  const { background, write } = rung(record.place);
  return background.includes('REPLAY') && write.via === 'JOURNAL' && write.owedTo.includes(role);
}

/** Do both stores answer for keys, so that they can be compared with each other? */
export function comparable(record: ControlRecord): boolean {
  return rung(record.place).authority === 'BY_KEY';
}

/** No flip can be on its way: `record.epoch` is where fences and slots stand, or will when the last of them has answered. */
export function settled(record: ControlRecord): boolean {
  return record.switching === null || record.switching.phase === 'SETTLE';
}
