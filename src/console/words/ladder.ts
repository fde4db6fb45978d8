/**
 * What a place on the ladder means, in words. Everything here is read off the ladder itself (migration/states.ts): what it says of a
 * state cannot differ from what the engine does in it.
 */
import { route } from '../../migration/route.ts';
import { rung, usesJournal, type MigrationState, type Place } from '../../migration/states.ts';
import type { StoreRole } from '../../migration/dataset.ts';

export interface Conduct {
  readonly reads: string;
  readonly writes: string;
  readonly background: string;
}

const STORE: Readonly<Record<StoreRole, string>> = { OLD: 'the old store', NEW: 'the new store' };
const WORK = {
  COPY: 'Rows are copied from the old store to the new one.',
  CLEAR: 'None, but for removing what an earlier migration left in the new store.',
  REPLAY: 'What the journal still owes a store is brought there.',
} as const;

export function conduct(place: Place): Conduct {
  const { background } = rung(place);
  return {
    reads: reads(place),
    writes: writes(place),
    background: background.length === 0 ? 'Nothing.' : background.map((work) => WORK[work]).join(' '),
  };
}

function reads(place: Place): string {
  const { authority, read } = rung(place);
  if (authority === 'BY_KEY') return readsByKey(place.percent);
  return read.overlay
    ? `From the journal where it has a newer row, else from ${STORE[authority]}.`
    : `From ${STORE[authority]}.`;
}

function readsByKey(percent: number): string {
  if (percent === 0) return 'From the old store; the new one has every row too.';
  if (percent === 100) return 'From the new store; the old one has every row too.';
  return `${percent} of 100 keys from the new store, the others from the old one; a key stays where it is as the share grows.`;
}

function writes(place: Place): string {
  const { authority, write } = rung(place);
  if (write.via === 'STORE') return `To ${authority === 'BY_KEY' ? 'the store of the key' : STORE[authority]} alone.`;
  if (write.acknowledge === 'APPENDED') return 'To the journal alone, which keeps them for both stores.';
  const [only] = write.applyTo;
  const targets = write.applyTo.length > 1 || !only ? 'both stores' : STORE[only];
  return `To the journal, and from there at once to ${targets}.`;
}

/** Where reads come from and where writes go, in a word or two, for where there is little room. */
export function gist(state: MigrationState): { readonly reads: string; readonly writes: string } {
  const { authority, read, write } = rung({ state, percent: 0 });
  const store = authority === 'BY_KEY' ? 'both, by key' : authority.toLowerCase();
  const from = read.overlay ? `journal, ${store}` : store;
  if (write.via === 'STORE') return { reads: from, writes: store };
  const [only] = write.applyTo;
  if (!only) return { reads: from, writes: 'journal' };
  return { reads: from, writes: `journal → ${write.applyTo.length > 1 ? 'both' : only.toLowerCase()}` };
}

export function placeName({ state, percent }: Place): string {
  return state === 'DUAL' ? `DUAL at ${percent} %` : state;
}

const OLD: Place = { state: 'OLD', percent: 0 };
const NEW: Place = { state: 'NEW', percent: 100 };

/** The places from here to NEW; empty: it is there. RETREATING has to go back first. */
export const wayOn = (from: Place): readonly Place[] => route(from, NEW) ?? [];
/** The places from here to OLD; null: there is no way back any more; empty: it is there. */
export const wayBack = (from: Place): readonly Place[] | null => route(from, OLD);

/** Reads look into the journal while a switch is under way, wherever it comes from. */
export function duringSwitch(from: Place): string {
  return usesJournal(from.state) ? '' : 'A switch is under way: reads look into the journal first.';
}
