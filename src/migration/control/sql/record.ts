/** The control record of a dataset: one row, moved on by compare-and-set. */
import type { Insertable, Kysely, Selectable } from 'kysely';
import { STATES, type BusinessLogic } from '../../states.ts';
import type { ControlRecord, ControlStore, Switch, SwitchPhase } from '../control.ts';
import type { Changes } from './changes.ts';
import { oneOf, textList, toNumber, toNumberOrNull, type Access } from './access.ts';
import { transitionRow } from './history.ts';
import type { ControlRow, ControlTables } from './tables.ts';

const PHASES = ['ANNOUNCE', 'FLIP', 'SETTLE'] as const satisfies readonly SwitchPhase[];
const LOGICS = ['OLD', 'BOTH', 'NEW'] as const satisfies readonly BusinessLogic[];

export function controlRecords(
  access: Access,
  changes: Changes,
): Pick<ControlStore, 'read' | 'create' | 'compareAndSet'> {
  return {
    read: (dataset) => access.read((db) => readRecord(db, dataset)),

    async create(record) {
      const earlier = await access.write(async (tx) => {
        const insert = tx.insertInto('crossfade_control').values(toRow(record));
        const made = await insert
          .onConflict((conflict) => conflict.column('dataset').doNothing())
          .returning(changes.telling(record).as('told'))
          .executeTakeFirst();
        return made ? null : readRecord(tx, record.dataset);
      });
      if (earlier) return earlier;
      changes.made(record);
      return record;
    },

    async compareAndSet(revision, next, transition) {
      if (next.revision !== revision + 1) {
        throw new RangeError(`revision ${next.revision} does not follow revision ${revision}`);
      }
      const moved = async (db: Kysely<ControlTables>): Promise<boolean> => {
        const update = db.updateTable('crossfade_control').set(toRow(next));
        const mine = update.where('dataset', '=', next.dataset).where('revision', '=', revision);
        return (await mine.returning(changes.telling(next).as('told')).executeTakeFirst()) !== undefined;
      };
      const recorded = async (tx: Kysely<ControlTables>): Promise<boolean> => {
        if (!transition || !(await moved(tx))) return false;
        await tx.insertInto('crossfade_transition').values(transitionRow(next.dataset, transition)).execute();
        return true;
      };
      const won = await (transition ? access.write(recorded) : access.once(moved));
      if (!won) return null;
      changes.made(next);
      return next;
    },
  };
}

export async function readRecord(db: Kysely<ControlTables>, dataset: string): Promise<ControlRecord | null> {
  const query = db.selectFrom('crossfade_control').selectAll().where('dataset', '=', dataset);
  const row = await query.executeTakeFirst();
  return row ? fromRow(row) : null;
}

function toRow(record: ControlRecord): Insertable<ControlRow> {
  const { switching } = record;
  return {
    dataset: record.dataset,
    revision: record.revision,
    state: record.place.state,
    percent: record.place.percent,
    epoch: record.epoch,
    last_number: record.lastNumber,
    run: record.run,
    switch_phase: switching?.phase ?? null,
    switch_state: switching?.to.state ?? null,
    switch_percent: switching?.to.percent ?? null,
    switch_epoch: switching?.epoch ?? null,
    switch_since: switching?.since ?? null,
    switch_actor: switching?.actor ?? null,
    switch_reason: switching?.reason ?? null,
    switch_accepted_risks: switching ? JSON.stringify(switching.acceptedRisks) : null,
    pinned_logic: record.pinnedLogic,
    incarnation: record.incarnation,
    copy_paused: record.copy.paused ? 1 : 0,
    copy_rate_limit: record.copy.rateLimit,
    dual_since: record.dualSince,
  };
}

function fromRow(row: Selectable<ControlRow>): ControlRecord {
  return {
    dataset: row.dataset,
    revision: toNumber(row.revision),
    place: { state: oneOf(STATES, row.state), percent: toNumber(row.percent) },
    epoch: toNumber(row.epoch),
    lastNumber: toNumber(row.last_number),
    run: toNumberOrNull(row.run),
    switching: row.switch_phase === null ? null : switchOf(row, row.switch_phase),
    pinnedLogic: row.pinned_logic === null ? null : oneOf(LOGICS, row.pinned_logic),
    incarnation: row.incarnation,
    copy: { paused: toNumber(row.copy_paused) === 1, rateLimit: toNumberOrNull(row.copy_rate_limit) },
    dualSince: row.dual_since,
  };
}

function switchOf(row: Selectable<ControlRow>, phase: string): Switch {
  return {
    to: { state: oneOf(STATES, there(row.switch_state)), percent: toNumber(there(row.switch_percent)) },
    epoch: toNumber(there(row.switch_epoch)),
    phase: oneOf(PHASES, phase),
    since: there(row.switch_since),
    actor: there(row.switch_actor),
    reason: there(row.switch_reason),
    acceptedRisks: textList(there(row.switch_accepted_risks)),
  };
}

function there<T>(value: T | null): T {
  if (value === null) throw new TypeError('the control record says that a switch is on, but not all of it');
  return value;
}
