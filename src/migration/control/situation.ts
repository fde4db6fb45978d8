/**
 * What a control record means for one read or one write, now. Pure functions over the record and the ladder.
 *
 *   phase      reads by key                       a write goes by        a write of a key whose authority moves / of another is acknowledged when
 *   (settled)  as the ladder says                 the state, its epoch   -                                 / as the ladder says
 *   ANNOUNCE   journal, then the authority of     the state left, its    both stores have it               / as the ladder says of the state left
 *              the state left                     epoch
 *   FLIP       journal, then the authority of     the state reached,     both stores have it               / as the ladder says of the state reached
 *              the state reached                  the announced epoch
 *   SETTLE     as settled in the state reached
 */
import type { BusinessLogic } from '../states.ts';
import type { StoreRole } from '../dataset.ts';
import { runOf, type Seq } from '../seq.ts';
import { authorityOf, LADDER, moves, type Place } from '../states.ts';
import type { ControlRecord, Switch } from './control.ts';

/** The switch that is before its end, or null: from SETTLE on the new state is in force. */
function underWay(record: ControlRecord): Switch | null {
  return record.switching && record.switching.phase !== 'SETTLE' ? record.switching : null;
}

/** The state by which reads find a key's authority and writes travel. */
export function placeOf(record: ControlRecord): Place {
  const flip = underWay(record);
  return flip?.phase === 'FLIP' ? flip.to : record.place;
}

/** The epoch that fences and slots must stand at for a write of this place. */
export function epochOf(record: ControlRecord): number {
  const flip = underWay(record);
  return flip?.phase === 'FLIP' ? flip.epoch : record.epoch;
}

export function logicOf(record: ControlRecord): BusinessLogic {
  return record.pinnedLogic ?? LADDER[placeOf(record).state].logic;
}

export interface KeyReads {
  readonly overlay: boolean;
  readonly place: Place;
}

export function keyReads(record: ControlRecord): KeyReads {
  const place = placeOf(record);
  return { overlay: underWay(record) !== null || LADDER[place.state].read.overlay, place };
}

export interface ListReads {
  readonly overlay: boolean;
  /** In order of preference; a later one is asked when an earlier one does not answer. */
  readonly stores: readonly StoreRole[];
}

/** From the announce of OLD or NEW on, lists come from the store that stays: what only the other one lacks is about to be dropped. */
export function listReads(record: ControlRecord): ListReads {
  const current = underWay(record);
  const ending = current ? LADDER[current.to.state].list.store : 'EITHER';
  const stays = current && LADDER[current.to.state].write.via === 'STORE' && ending !== 'EITHER' ? ending : null;
  if (stays) return { overlay: true, stores: [stays] };
  const place = placeOf(record);
  const { store, overlay } = LADDER[place.state].list;
  const stores: readonly StoreRole[] =
    store !== 'EITHER' ? [store] : place.percent >= 50 ? ['NEW', 'OLD'] : ['OLD', 'NEW'];
  return { overlay: overlay || current !== null, stores };
}

/** Epochs at which a journal slot may stand when this record is the newest. A lower one: the journal went back; a higher one: the record is stale. */
export function slotEpochs(record: ControlRecord): readonly number[] {
  const current = underWay(record);
  return current ? [record.epoch, current.epoch] : [record.epoch];
}

/** When a journaled write of this key may be acknowledged. `GUARD`: its run is over; if the authority's guard has its seq, it took effect. */
export type Acknowledgement =
  | { readonly when: 'APPLIED'; readonly by: readonly StoreRole[] }
  | { readonly when: 'GUARD'; readonly store: StoreRole };

export function acknowledgement(record: ControlRecord, bucket: number, seq: Seq): Acknowledgement {
  const current = underWay(record);
  const place = placeOf(record);
  const store = authorityOf(place, bucket);
  if (runOf(seq) !== record.run) return { when: 'GUARD', store };
  if (current && moves(record.place, current.to, bucket)) return { when: 'APPLIED', by: ['OLD', 'NEW'] };
  const { write } = LADDER[place.state];
  if (write.via === 'JOURNAL') return { when: 'APPLIED', by: write.acknowledge === 'APPENDED' ? [] : [store] };
  // On the way to OLD or NEW the entry is still at home in the journal until the drain; once settled, the guard tells.
  return current?.phase === 'FLIP' ? { when: 'APPLIED', by: [store] } : { when: 'GUARD', store };
}

/** The stores a writer brings its entry to: what the ladder says, and whatever the acknowledgement waits for. */
export function applyTargets(record: ControlRecord, rule: Acknowledgement): readonly StoreRole[] {
  const { write } = LADDER[placeOf(record).state];
  const targets = new Set<StoreRole>(write.via === 'JOURNAL' ? write.applyTo : []);
  if (rule.when === 'APPLIED') for (const store of rule.by) targets.add(store);
  return [...targets];
}
