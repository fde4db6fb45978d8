/**
 * Every metric of Crossfade's own. docs/metrics.md has the same list with what to do about each, ops/ draws and watches them; a test
 * compares all four. Labels take values from short lists only: enumerations of the schema, names of operations, codes of errors.
 */

interface Definition {
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

const define = <const D extends Record<string, Definition>>(definitions: D): D => definitions;

/** Seconds: from a row of an embedded store to a request that met its deadline. */
const DURATIONS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

// prettier-ignore
export const METRICS = define({
  crossfade_info: { type: 'gauge', labels: ['dataset', 'label'], help: 'Always 1; says which dataset this process serves and under which label it is listed.' },
  crossfade_state: { type: 'gauge', labels: ['state'], help: '1 for the state that this process goes by, 0 for the others.' },
  crossfade_epoch: { type: 'gauge', labels: [], help: 'The epoch that this process goes by: grows with each switch.' },
  crossfade_read_new_ratio: { type: 'gauge', labels: [], help: 'Share of the keys that are read from the new store, 0 to 1.' },
  crossfade_business_logic_pinned: { type: 'gauge', labels: [], help: '1 while an operator pins the business logic.' },
  crossfade_switch_age_seconds: { type: 'gauge', labels: ['phase'], help: 'How long ago the switch under way was announced; absent without one.' },
  crossfade_instances: { type: 'gauge', labels: ['lease'], help: 'Processes seen within the last minute, by whether their lease is running or over.' },
  crossfade_control_up: { type: 'gauge', labels: [], help: '1 if the control store answered the questions of this scrape.' },
  crossfade_store_up: { type: 'gauge', labels: ['store'], help: '1 if the store answered.' },
  crossfade_journal_up: { type: 'gauge', labels: [], help: '1 if the journal answered.' },

  crossfade_journal_entries: { type: 'gauge', labels: [], help: 'Writes in the journal, one for each key.' },
  crossfade_journal_oldest_age_seconds: { type: 'gauge', labels: [], help: 'Age of the oldest entry; 0 when there is none.' },
  crossfade_journal_pending_entries: { type: 'gauge', labels: ['store'], help: 'Entries that the store does not have yet.' },

  crossfade_copy_rows: { type: 'gauge', labels: ['part'], help: 'Rows of the bulk copy: total, copied, quarantined.' },
  crossfade_copy_rows_per_second: { type: 'gauge', labels: [], help: 'How fast the copy gets on; 0 while it does not run.' },
  crossfade_copy_running: { type: 'gauge', labels: [], help: '1 while the copy runs: neither paused nor complete.' },
  crossfade_copy_complete: { type: 'gauge', labels: [], help: '1 when every row has been looked at.' },
  crossfade_quarantine_rows: { type: 'gauge', labels: ['waived'], help: 'Rows that have no counterpart in the new store.' },

  crossfade_verify_rows: { type: 'gauge', labels: ['part'], help: 'Rows of the newest verification, of both stores: total, checked.' },
  crossfade_verify_keys: { type: 'gauge', labels: ['result'], help: 'Keys of the newest verification that it found differing, and that were repaired since.' },
  crossfade_verify_coverage_ratio: { type: 'gauge', labels: [], help: 'Share of the rows that the newest verification has covered, 0 to 1.' },
  crossfade_verify_running: { type: 'gauge', labels: [], help: '1 while a verification runs.' },
  crossfade_verify_clean: { type: 'gauge', labels: [], help: '1 if the newest verification has finished, covered everything, and no difference is left.' },
  crossfade_differences: { type: 'gauge', labels: [], help: 'Differences between the stores that are known and stand, by key and field.' },

  crossfade_compared_rows_total: { type: 'counter', labels: ['result'], help: 'Rows that requests read in DUAL and that were picked to be compared: AGREES, DIFFERS, UNDECIDED (written at every look), UNANSWERED (and compared later), SKIPPED (busy, or resting after failures).' },

  crossfade_store_operation_duration_seconds: { type: 'histogram', labels: ['store', 'operation', 'state'], help: 'Operations on the stores, also of background work and also those that failed.', buckets: DURATIONS },
  crossfade_store_errors_total: { type: 'counter', labels: ['store', 'operation', 'code'], help: 'Operations on the stores that failed.' },
  crossfade_journal_operation_duration_seconds: { type: 'histogram', labels: ['operation'], help: 'Operations on the journal, also those that failed.', buckets: DURATIONS },
  crossfade_journal_errors_total: { type: 'counter', labels: ['operation', 'code'], help: 'Operations on the journal that failed.' },
  crossfade_control_operation_duration_seconds: { type: 'histogram', labels: ['operation'], help: 'Operations on the control store, also those that failed.', buckets: DURATIONS },
  crossfade_control_errors_total: { type: 'counter', labels: ['operation', 'code'], help: 'Operations on the control store that failed.' },
  crossfade_fence_refusals_total: { type: 'counter', labels: ['device', 'operation'], help: 'Writes that a fence or a journal slot refused because they came under another epoch or run.' },
  crossfade_conflicts_total: { type: 'counter', labels: ['device', 'operation'], help: 'Writes that started over because the row or the entry they rest on had changed.' },

  crossfade_switches_total: { type: 'counter', labels: ['from', 'to'], help: 'Switches that this process brought past their flip.' },
  crossfade_switches_cancelled_total: { type: 'counter', labels: [], help: 'Switches that this process cancelled before their flip.' },
  crossfade_switch_duration_seconds: { type: 'histogram', labels: [], help: 'From the announce of a switch to the end of its flip.', buckets: DURATIONS },
  crossfade_switch_pause_seconds: { type: 'histogram', labels: [], help: 'The longest that a request on this process waited for a switch that it brought past its flip.', buckets: DURATIONS },

  crossfade_graphql_requests_total: { type: 'counter', labels: ['operation', 'code'], help: 'Answered GraphQL requests, by the code of their first error; OK without one.' },
  crossfade_graphql_request_duration_seconds: { type: 'histogram', labels: ['operation'], help: 'From the arrival of a GraphQL request to its answer.', buckets: DURATIONS },
  crossfade_graphql_repeated_total: { type: 'counter', labels: [], help: 'Executions that were thrown away and begun again because the lease ran out under their reads.' },
  crossfade_admin_refusals_total: { type: 'counter', labels: ['code'], help: 'Admin operations that were refused for want of a valid token or a sufficient scope.' },
});

export type MetricName = keyof typeof METRICS;
type OfType<T extends Definition['type']> = {
  [N in MetricName]: (typeof METRICS)[N]['type'] extends T ? N : never;
}[MetricName];
export type GaugeName = OfType<'gauge'>;
export type CounterName = OfType<'counter'>;
export type HistogramName = OfType<'histogram'>;
/** The names of a metric's labels. */
export type LabelOf<N extends MetricName> = (typeof METRICS)[N]['labels'][number];
