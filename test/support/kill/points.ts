/**
 * Where the process is killed: a table. A stage is a part of a walk, either a switch (`OLD>MIGRATING`, with the background work that it
 * sets off) or a place in which requests are served; a point is a call of a device in it, before or after which the process dies.
 */
import type { Trap } from './trap.ts';

export interface Point {
  readonly stage: string;
  readonly call: string;
  readonly when: Trap['when'];
  readonly nth: number;
  readonly hold: readonly string[];
}

type Some = readonly Point[];
type Options = Partial<Pick<Point, 'nth' | 'hold'>>;

const on = (stage: string, ...points: readonly ((stage: string) => Some)[]): Some =>
  points.flatMap((make) => make(stage));
const at =
  (when: Trap['when'], call: string, { nth = 1, hold = [] }: Options = {}) =>
  (stage: string): Some => [{ stage, call, when, nth, hold }];
const around =
  (call: string, options: Options = {}) =>
  (stage: string): Some => [...at('BEFORE', call, options)(stage), ...at('AFTER', call, options)(stage)];
/** The compare-and-sets of every switch. */
const phases = (stage: string): Some =>
  ['ANNOUNCE', 'FLIP', 'SETTLE', 'CLEAR'].flatMap((phase) => around(`control.compareAndSet ${phase}`)(stage));

/** Requests of this kind have gone well for a while. */
const LATER = 6;
const later = { nth: LATER };
/** A journaled write, step by step. */
const journaled = (stage: string): Some =>
  on(
    stage,
    around('journal.append', later),
    around('OLD.writer.apply ONE', later),
    around('NEW.writer.apply ONE', later),
    around('journal.applied', later),
    // One store has it, the other does not.
    at('AFTER', 'OLD.writer.apply ONE', { nth: 2, hold: ['NEW.writer.apply ONE', 'NEW.writer.apply MANY'] }),
    at('AFTER', 'NEW.writer.apply ONE', { nth: 2, hold: ['OLD.writer.apply ONE', 'OLD.writer.apply MANY'] }),
  );
/** Entries that writers wait with, so that the drain has to bring them. */
const drain = (role: 'OLD' | 'NEW') => around(`${role}.writer.apply MANY`, { hold: [`${role}.writer.apply ONE`] });
/** Entries that only this store lacks, so that there is something to drop. */
const dropped = (role: 'OLD' | 'NEW') =>
  around('journal.discard', { hold: [`${role}.writer.apply ONE`, `${role}.writer.apply MANY`] });
const backToOld = (stage: string): Some =>
  on(
    stage,
    phases,
    around('journal.close'),
    drain('OLD'),
    around('NEW.fence.raise CLOSED'),
    around('OLD.fence.raise DIRECT'),
    // The table of the run that is over is cleared.
    around('NEW.writer.empty'),
  );
const percent = (stage: string): Some => on(stage, phases, around('journal.note'), around('journal.advance'));

/** Between the first table and the first request; each follows on what the one before it left. */
export const START: Some = on(
  'START',
  around('control.open'),
  around('OLD.fence.raise DIRECT'),
  around('control.create'),
  around('journal.init'),
  around('control.renew'),
  around('OLD.writer.insertMissing'),
);

export const POINTS: Some = [
  ...on('OLD', around('OLD.writer.direct', later)),
  ...on(
    'OLD>MIGRATING',
    phases,
    around('OLD.fence.raise CLOSED'),
    around('journal.open'),
    around('NEW.fence.raise CLOSED'),
    around('NEW.writer.empty'),
    around('NEW.fence.raise COPY'),
  ),
  // A second run finds what the first one left, or an empty table.
  ...on('OLD>MIGRATING again', around('NEW.writer.empty')),
  ...on('COPY', around('NEW.writer.copy'), around('NEW.writer.copy', { nth: 2 })),
  ...on('MIGRATING', around('journal.append', later)),
  ...on(
    'MIGRATING>CATCHING_UP',
    phases,
    around('NEW.fence.raise APPLY'),
    around('OLD.fence.raise APPLY'),
    around('journal.advance'),
    around('OLD.writer.apply MANY'),
    around('NEW.writer.apply MANY'),
  ),
  ...on('CATCHING_UP', journaled),
  ...on('CATCHING_UP>DUAL(0)', phases, around('journal.advance')),
  ...on('DUAL(0)>DUAL(40)', percent),
  ...on('DUAL(40)', journaled),
  ...on('DUAL(40)>DUAL(100)', percent),
  ...on(
    'VERIFY',
    at('AFTER', 'control.startVerification'),
    around('control.splitVerification'),
    around('control.advanceVerification'),
    around('control.advanceVerification', { nth: 2 }),
  ),
  ...on(
    'DUAL(100)>NEW',
    phases,
    around('journal.close'),
    drain('NEW'),
    dropped('OLD'),
    around('OLD.fence.raise CLOSED'),
    around('NEW.fence.raise DIRECT'),
  ),
  ...on('NEW', around('NEW.writer.direct', later)),

  ...on(
    'MIGRATING>RETREATING',
    phases,
    around('OLD.fence.raise APPLY'),
    around('journal.advance'),
    around('OLD.writer.apply MANY'),
  ),
  ...on('RETREATING', around('journal.append', later), around('OLD.writer.apply ONE', later)),
  ...on('RETREATING>OLD', backToOld),
  ...on('DUAL(100)>DUAL(0)', percent),
  ...on('DUAL(0)>OLD', backToOld, dropped('NEW')),
];

/** Up the ladder; back from MIGRATING, also before the copy is done, and up again; back from every place in DUAL. */
// prettier-ignore
export const PATHS = {
  up: [
    'OLD', 'OLD>MIGRATING', 'COPY', 'MIGRATING', 'MIGRATING>CATCHING_UP', 'CATCHING_UP', 'CATCHING_UP>DUAL(0)',
    'DUAL(0)>DUAL(40)', 'DUAL(40)', 'DUAL(40)>DUAL(100)', 'VERIFY', 'DUAL(100)>NEW', 'NEW',
  ],
  retreat: [
    'OLD>MIGRATING', 'COPY', 'MIGRATING', 'MIGRATING>RETREATING', 'RETREATING', 'RETREATING>OLD',
    'OLD>MIGRATING again', 'MIGRATING>RETREATING', 'RETREATING', 'RETREATING>OLD',
    'OLD>MIGRATING', 'COPY', 'MIGRATING>CATCHING_UP', 'CATCHING_UP>DUAL(0)', 'DUAL(0)>OLD',
  ],
  back: [
    'OLD>MIGRATING', 'COPY', 'MIGRATING>CATCHING_UP', 'CATCHING_UP', 'CATCHING_UP>DUAL(0)',
    'DUAL(0)>DUAL(40)', 'DUAL(40)', 'DUAL(40)>DUAL(100)', 'DUAL(100)>DUAL(0)', 'DUAL(0)>DUAL(100)', 'DUAL(100)>DUAL(0)', 'DUAL(0)>OLD', 'OLD',
  ],
} as const satisfies Record<string, readonly string[]>;

export function nameOf({ stage, call, when, nth, hold }: Point): string {
  const which = nth === 1 ? '' : ` no. ${nth}`;
  return `${stage}: ${when.toLowerCase()} ${call}${which}${hold.length > 0 ? ` (${hold.join(', ')} held)` : ''}`;
}
