/** What the engine tells whoever measures it. Like the log it is handed in, and costs nothing without one. */

/** AGREES, DIFFERS: after a second look; UNDECIDED: it was being written at every look; UNANSWERED: a device failed or took too long; SKIPPED: not looked at. */
export const COMPARISON_RESULTS = ['AGREES', 'DIFFERS', 'UNDECIDED', 'UNANSWERED', 'SKIPPED'] as const;
export type ComparisonResult = (typeof COMPARISON_RESULTS)[number];

export interface Observer {
  /** Rows that requests read and that were picked to be compared, and what came of it. Must not throw. */
  compared(result: ComparisonResult, rows: number): void;
}
