/** What the doctor found: one line each, with what to change where something is amiss. */
export interface Finding {
  readonly check: string;
  readonly ok: boolean;
  readonly found: string;
  /** What to do; null: nothing. */
  readonly advice: string | null;
}

export const well = (check: string, found: string): Finding => ({ check, ok: true, found, advice: null });
export const amiss = (check: string, found: string, advice: string): Finding => ({ check, ok: false, found, advice });
