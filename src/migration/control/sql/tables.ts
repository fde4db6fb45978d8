/**
 * The control store's tables, the same in every SQL engine.
 *
 * Made to be read by people with a SQL prompt as well: one typed column for each thing, times as ISO 8601 text in UTC, flags as 0 and 1.
 * Only the lists of accepted risks, and what the audit trail keeps of commands, are JSON. `''` stands for "the whole row" in `crossfade_difference.field`, which is part of a key.
 */
import type { ColumnType } from 'kysely';

/** A 64-bit column: drivers hand it out as bigint, string or number; `toNumber` makes a number of it. */
export type Integer = bigint | string | number;
type IntegerColumn = ColumnType<Integer, number, number>;
type NullableInteger = ColumnType<Integer | null, number | null, number | null>;

export interface ControlRow {
  dataset: string;
  revision: IntegerColumn;
  state: string;
  percent: IntegerColumn;
  epoch: IntegerColumn;
  last_number: IntegerColumn;
  run: NullableInteger;
  /** Null outside a switch; the other `switch_` columns are null with it. */
  switch_phase: string | null;
  switch_state: string | null;
  switch_percent: NullableInteger;
  switch_epoch: NullableInteger;
  switch_since: string | null;
  switch_actor: string | null;
  switch_reason: string | null;
  switch_accepted_risks: string | null;
  pinned_logic: string | null;
  incarnation: string | null;
  copy_paused: IntegerColumn;
  copy_rate_limit: NullableInteger;
  dual_since: string | null;
}

export interface InstanceTable {
  dataset: string;
  id: string;
  label: string;
  epoch: IntegerColumn;
  answered: IntegerColumn;
  lease_ms: IntegerColumn;
  last_seen_at: string;
  lease_expires_at: string;
}

export interface TransitionTable {
  dataset: string;
  epoch: IntegerColumn;
  from_state: string;
  from_percent: IntegerColumn;
  to_state: string;
  to_percent: IntegerColumn;
  actor: string;
  reason: string;
  at: string;
  pause_ms: ColumnType<number | null>;
  accepted_risks: string;
  dropped: IntegerColumn;
}

export interface VerificationTable {
  dataset: string;
  number: IntegerColumn;
  epoch: IntegerColumn;
  started_at: string;
  finished_at: string | null;
  covered: IntegerColumn;
  checked: IntegerColumn;
  total: IntegerColumn;
  differing: IntegerColumn;
  repaired: IntegerColumn;
  failed: string | null;
}

export interface VerificationRangeTable {
  dataset: string;
  number: IntegerColumn;
  part: IntegerColumn;
  /** Null: no bound. */
  above: string | null;
  up_to: string | null;
  position: string | null;
  covered: IntegerColumn;
}

export interface DifferenceTable {
  dataset: string;
  key: string;
  field: string;
  kind: string;
  old_value: string | null;
  new_value: string | null;
  first_seen_at: string;
  last_seen_at: string;
}

export interface ClaimTable {
  dataset: string;
  job: string;
  owner: string;
  expires_at: string;
}

export interface AuditTable {
  id: string;
  phase: string;
  at: string;
  dataset: string | null;
  actor: string;
  command: string;
  reason: string | null;
  request_id: string;
  input: string;
  outcome: string | null;
  state: string;
}

export interface MetaTable {
  name: string;
  value: string;
}

export interface ControlTables {
  crossfade_control: ControlRow;
  crossfade_instance: InstanceTable;
  crossfade_transition: TransitionTable;
  crossfade_verification: VerificationTable;
  crossfade_verification_range: VerificationRangeTable;
  crossfade_difference: DifferenceTable;
  crossfade_claim: ClaimTable;
  crossfade_audit: AuditTable;
  crossfade_meta: MetaTable;
}

/** `byteText`: see `SqlDatabase`. */
export function controlTables(byteText: string): readonly string[] {
  return [
    `create table if not exists crossfade_meta (name text not null primary key, value text not null)`,
    `create table if not exists crossfade_control (
       dataset text not null primary key,
       revision bigint not null,
       state text not null,
       percent bigint not null,
       epoch bigint not null,
       last_number bigint not null,
       run bigint,
       switch_phase text,
       switch_state text,
       switch_percent bigint,
       switch_epoch bigint,
       switch_since text,
       switch_actor text,
       switch_reason text,
       switch_accepted_risks text,
       pinned_logic text,
       incarnation text,
       copy_paused bigint not null,
       copy_rate_limit bigint,
       dual_since text
     )`,
    `create table if not exists crossfade_instance (
       dataset text not null,
       id text not null,
       label text not null,
       epoch bigint not null,
       answered bigint not null,
       lease_ms bigint not null,
       last_seen_at text not null,
       lease_expires_at text not null,
       primary key (dataset, id)
     )`,
    `create table if not exists crossfade_transition (
       dataset text not null,
       epoch bigint not null,
       from_state text not null,
       from_percent bigint not null,
       to_state text not null,
       to_percent bigint not null,
       actor text not null,
       reason text not null,
       at text not null,
       pause_ms double precision,
       accepted_risks text not null,
       dropped bigint not null,
       primary key (dataset, epoch)
     )`,
    `create table if not exists crossfade_verification (
       dataset text not null,
       "number" bigint not null,
       epoch bigint not null,
       started_at text not null,
       finished_at text,
       covered bigint not null,
       checked bigint not null,
       total bigint not null,
       differing bigint not null,
       repaired bigint not null,
       failed text,
       primary key (dataset, "number")
     )`,
    `create table if not exists crossfade_verification_range (
       dataset text not null,
       "number" bigint not null,
       part bigint not null,
       above text,
       up_to text,
       "position" text,
       covered bigint not null,
       primary key (dataset, "number", part)
     )`,
    `create table if not exists crossfade_difference (
       dataset text not null,
       "key" ${byteText} not null,
       field ${byteText} not null,
       kind text not null,
       old_value text,
       new_value text,
       first_seen_at text not null,
       last_seen_at text not null,
       primary key (dataset, "key", field)
     )`,
    `create table if not exists crossfade_claim (
       dataset text not null,
       job text not null,
       owner text not null,
       expires_at text not null,
       primary key (dataset, job)
     )`,
    `create table if not exists crossfade_audit (
       id text not null,
       phase text not null,
       at text not null,
       dataset text,
       actor text not null,
       command text not null,
       reason text,
       request_id text not null,
       input text not null,
       outcome text,
       state text not null,
       primary key (id, phase)
     )`,
    `create index if not exists crossfade_audit_at on crossfade_audit (at)`,
  ];
}
