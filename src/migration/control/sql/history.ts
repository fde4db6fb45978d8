/** The audit trail: a row for each switch that settled, written with the record's compare-and-set, never changed and never removed. */
import type { Insertable, Selectable } from 'kysely';
import { STATES } from '../../states.ts';
import type { ControlStore, Transition } from '../control.ts';
import { oneOf, textList, toNumber, type Access } from './access.ts';
import type { TransitionTable } from './tables.ts';

export function transitions(access: Access): Pick<ControlStore, 'history' | 'historyCount'> {
  return {
    history: (dataset, before, limit) =>
      access.read(async (db) => {
        const all = db.selectFrom('crossfade_transition').selectAll().where('dataset', '=', dataset);
        const page = before === null ? all : all.where('epoch', '<', before);
        return (await page.orderBy('epoch', 'desc').limit(limit).execute()).map(fromRow);
      }),

    historyCount: (dataset) =>
      access.read(async (db) => {
        const query = db.selectFrom('crossfade_transition').where('dataset', '=', dataset);
        const { count } = await query.select((eb) => eb.fn.countAll().as('count')).executeTakeFirstOrThrow();
        return toNumber(count);
      }),
  };
}

export function transitionRow(dataset: string, transition: Transition): Insertable<TransitionTable> {
  return {
    dataset,
    epoch: transition.epoch,
    from_state: transition.from.state,
    from_percent: transition.from.percent,
    to_state: transition.to.state,
    to_percent: transition.to.percent,
    actor: transition.actor,
    reason: transition.reason,
    at: transition.at,
    pause_ms: transition.pauseMs,
    accepted_risks: JSON.stringify(transition.acceptedRisks),
    dropped: transition.dropped,
  };
}

function fromRow(row: Selectable<TransitionTable>): Transition {
  return {
    from: { state: oneOf(STATES, row.from_state), percent: toNumber(row.from_percent) },
    to: { state: oneOf(STATES, row.to_state), percent: toNumber(row.to_percent) },
    epoch: toNumber(row.epoch),
    actor: row.actor,
    reason: row.reason,
    at: row.at,
    pauseMs: row.pause_ms,
    acceptedRisks: textList(row.accepted_risks),
    dropped: toNumber(row.dropped),
  };
}
