/**
 * What background work gets from the engine, and the shape of all of it.
 *
 * A job is a `step`: one bounded unit of work that is safe to repeat, to run twice at once and to lose half-way, because the stores'
 * fences, the guards and the checkpoint decide what counts. `loop.ts` repeats steps in production; tests step jobs by hand.
 */
import type { Clock } from '../clock.ts';
import type { ControlRecord, ControlStore } from '../control/control.ts';
import type { Dataset, Row, StoreRole } from '../dataset.ts';
import type { Journal } from '../journal/journal.ts';
import type { Logger } from '../log.ts';
import type { Store } from '../stores/store.ts';

export type StepResult =
  /** Did something and there is more. */
  | { readonly kind: 'PROGRESSED' }
  /** Nothing to do now; look again when woken, or after a while. */
  | { readonly kind: 'IDLE' }
  /** Can't go on now (a store is down, paused, fenced off): look again after a growing delay. */
  | { readonly kind: 'BLOCKED'; readonly why: string };

export interface JobContext {
  readonly dataset: Dataset;
  readonly stores: Readonly<Record<StoreRole, Store>>;
  readonly journal: Journal;
  readonly control: ControlStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly instanceId: string;
  /** Who we are in `crossfade_fence.deployment`. */
  readonly deployment: string;
  /** How many operations and writes this process has begun. */
  readonly served: () => number;
  /** The newest control record this instance knows, read again if its lease ran out. */
  record(): Promise<ControlRecord>;
  /**
   * Writes what the key's authority holds (or its absence) to both stores through the journal and the guards, as if somebody
   * had written the same row again; returns when both stores have it or the deadline (of performance.now()) passes (false).
   * BAD_USER_INPUT if the authority's row cannot be mapped.
   */
  rewrite(key: Row, deadline: number): Promise<boolean>;
}
