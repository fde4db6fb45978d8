/**
 * The status of a migration, part by part: a store or a journal that does not answer takes its own part with it, and leaves the rest.
 */
import type { CopyProgress, MoveOption, VerificationStatus } from '../../migration/api.ts';
import type { BusinessLogic, MigrationState } from '../../migration/states.ts';
import { failureOf, type Fault } from './client.ts';
import type { Context } from './command.ts';
import { CommandFailure } from './exit.ts';

const QUERY = `query ($dataset: String!) {
  base: migration(dataset: $dataset) {
    dataset state readNewPercent epoch settled businessLogic businessLogicPinned
    switching { to readNewPercent phase since waitingFor }
  }
  copy: migration(dataset: $dataset) {
    copy { total copied quarantined rowsPerSecond etaSeconds running paused complete rateLimit }
  }
  journal: migration(dataset: $dataset) { journal { entries oldestAgeSeconds pendingOld pendingNew } }
  verification: migration(dataset: $dataset) {
    verification { running checked total differing repaired coverage clean startedAt finishedAt }
  }
  differences: migration(dataset: $dataset) { differences(first: 1) { totalCount } }
  instances: migration(dataset: $dataset) { instances { id label epoch lastSeenAt leaseExpiresAt } }
  moves: migration(dataset: $dataset) { moves { to readNewPercent allowed blockers { code message count } } }
}`;

export interface Base {
  readonly dataset: string;
  readonly state: MigrationState;
  readonly readNewPercent: number;
  readonly epoch: number;
  readonly settled: boolean;
  readonly businessLogic: BusinessLogic;
  readonly businessLogicPinned: boolean;
  readonly switching: {
    readonly to: MigrationState;
    readonly readNewPercent: number | null;
    readonly phase: string;
    readonly since: string;
    readonly waitingFor: string;
  } | null;
}
export interface JournalStatus {
  readonly entries: number;
  readonly oldestAgeSeconds: number | null;
  readonly pendingOld: number;
  readonly pendingNew: number;
}
export interface Instance {
  readonly id: string;
  readonly label: string;
  readonly epoch: number;
  readonly lastSeenAt: string;
  readonly leaseExpiresAt: string;
}
type Part<K extends string, T> = Readonly<Record<K, T>> | null;
interface Answer {
  readonly base: Base | null;
  readonly copy: Part<'copy', CopyProgress | null>;
  readonly journal: Part<'journal', JournalStatus>;
  readonly verification: Part<'verification', VerificationStatus | null>;
  readonly differences: Part<'differences', { readonly totalCount: number }>;
  readonly instances: Part<'instances', readonly Instance[]>;
  readonly moves: Part<'moves', readonly MoveOption[]>;
}

export interface Status extends Base {
  readonly copy: CopyProgress | null;
  /** null: it does not answer; see `unanswered`. */
  readonly journal: JournalStatus | null;
  readonly verification: VerificationStatus | null;
  /** That are known, by key and field; null: they cannot be told. */
  readonly differences: number | null;
  readonly instances: readonly Instance[];
  readonly moves: readonly MoveOption[];
  /** Parts that could not be told, and why. */
  readonly unanswered: readonly Fault[];
}

/** Throws `CommandFailure` if not even the state can be told. */
export async function readStatus({ client, dataset }: Pick<Context, 'client' | 'dataset'>): Promise<Status> {
  const { data, faults } = await client.send<Answer>(QUERY, { dataset });
  const fatal = faults.find(({ part }) => part === null || part === 'base') ?? (data ? undefined : faults[0]);
  if (fatal) throw failureOf(fatal, true);
  if (!data?.base) throw new CommandFailure('USAGE', `There is no dataset ${JSON.stringify(dataset)}.`);
  return {
    ...data.base,
    copy: data.copy?.copy ?? null,
    journal: data.journal?.journal ?? null,
    verification: data.verification?.verification ?? null,
    differences: data.differences?.differences.totalCount ?? null,
    instances: data.instances?.instances ?? [],
    moves: data.moves?.moves ?? [],
    unanswered: faults,
  };
}

export function placeName(state: string, percent: number | null): string {
  return state === 'DUAL' && percent !== null ? `DUAL at ${percent} percent` : state;
}
