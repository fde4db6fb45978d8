/**
 * What the page asks of `/graphql`, and the shapes of the answers.
 *
 * One document a tick. Each part of the board is asked for under a name of its own, so that a device that does not answer takes its own
 * part out of the answer and nothing else. Of the lists only the one that is looked at is read; of the others, how long they are.
 */
import type {
  Difference,
  Migration,
  QuarantinedRow,
  SwitchMigrationInput,
  SwitchMigrationResult,
  Transition,
} from '../../generated/schema.ts';

export type ListName = 'differences' | 'quarantine' | 'history';

/** Where a list is cut: after this cursor; null: at its start. */
export interface Cut {
  readonly list: ListName;
  readonly after: string | null;
}

/** Rows of a page of a list. */
export const PAGE = 10;

const PARTS = {
  now: `dataset state readNewPercent epoch settled businessLogic businessLogicPinned
    switching { to readNewPercent phase since waitingFor }
    instances { id label epoch lastSeenAt leaseExpiresAt }`,
  moves: 'moves { to readNewPercent allowed blockers { code message count } }',
  copy: 'copy { total copied quarantined rowsPerSecond etaSeconds running paused complete rateLimit }',
  journal: 'journal { entries oldestAgeSeconds pendingOld pendingNew }',
  verification: 'verification { running checked total differing repaired coverage clean startedAt finishedAt }',
} as const;

const ROWS: Readonly<Record<ListName, string>> = {
  differences: 'key field kind old new firstSeenAt lastSeenAt',
  quarantine: 'key reason row waived',
  history: 'from fromPercent to toPercent epoch actor reason at pauseMs acceptedRisks',
};

/** The names of the parts, as they stand in an answer and in the paths of its errors. */
export type Part = keyof typeof PARTS | ListName;

export function boardDocument(shown: ListName | null): string {
  const lists = Object.entries(ROWS).map(([list, row]) => {
    const page = `first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor } edges { node { ${row} } } }`;
    return [list, `${list}(${list === shown ? page : 'first: 1) { totalCount }'}`];
  });
  const parts = [...Object.entries(PARTS), ...lists].map(
    ([part, fields]) => `${part}: migration(dataset: $dataset) { ${fields} }`,
  );
  const variables = shown === null ? '' : ', $first: Int!, $after: String';
  return `query Board($dataset: String!${variables}) {\n  ${parts.join('\n  ')}\n}`;
}

interface RawPage<N> {
  readonly totalCount: number;
  readonly pageInfo?: { readonly hasNextPage: boolean; readonly endCursor?: string | null };
  readonly edges?: readonly { readonly node: N }[];
}

/** `null` in a part: it could not be told; the errors say why. */
export interface BoardAnswer {
  readonly now: Now | null;
  readonly moves: Pick<Migration, 'moves'> | null;
  readonly copy: Pick<Migration, 'copy'> | null;
  readonly journal: Pick<Migration, 'journal'> | null;
  readonly verification: Pick<Migration, 'verification'> | null;
  readonly differences: { readonly differences: RawPage<Difference> } | null;
  readonly quarantine: { readonly quarantine: RawPage<QuarantinedRow> } | null;
  readonly history: { readonly history: RawPage<Transition> } | null;
}

export type Now = Pick<
  Migration,
  | 'dataset'
  | 'state'
  | 'readNewPercent'
  | 'epoch'
  | 'settled'
  | 'switching'
  | 'businessLogic'
  | 'businessLogicPinned'
  | 'instances'
>;

/** A list as the page shows it; `rows` is null while another list is looked at. */
export interface Listed<N> {
  readonly total: number;
  readonly rows: readonly N[] | null;
  /** The cursor of the next page; null: this is the last one. */
  readonly next: string | null;
}

export function listed<N>({ totalCount, pageInfo, edges }: RawPage<N>): Listed<N> {
  return {
    total: totalCount,
    rows: edges ? edges.map(({ node }) => node) : null,
    next: pageInfo?.hasNextPage ? (pageInfo.endCursor ?? null) : null,
  };
}

export const DATASETS = '{ migrations { dataset state readNewPercent } }';
export interface DatasetsAnswer {
  readonly migrations: readonly Pick<Migration, 'dataset' | 'state' | 'readNewPercent'>[];
}

export const SWITCH = `mutation Switch($input: SwitchMigrationInput!) {
  switchMigration(input: $input) {
    __typename
    ... on MigrationSwitched { dryRun pauseMs }
    ... on SwitchBlocked { blockers { code message count } }
    ... on EpochConflict { migration { state readNewPercent epoch } }
  }
}`;
export type SwitchInput = Omit<SwitchMigrationInput, 'dataset'>;
/** A member of a union that says which it is, because it was asked. */
type Named<T extends { readonly __typename?: string }> = T extends unknown
  ? T & Required<Pick<T, '__typename'>>
  : never;
export interface SwitchAnswer {
  readonly switchMigration: Named<SwitchMigrationResult>;
}

/** The commands that start or change something at once; each answers with the migration, which the next tick shows. */
export const COMMANDS = {
  setBusinessLogic:
    'mutation Pin($dataset: String!, $logic: BusinessLogic) { setBusinessLogic(dataset: $dataset, logic: $logic) { epoch } }',
  pauseCopy: 'mutation PauseCopy($dataset: String!) { pauseCopy(dataset: $dataset) { epoch } }',
  resumeCopy: 'mutation ResumeCopy($dataset: String!) { resumeCopy(dataset: $dataset) { epoch } }',
  setCopyRate:
    'mutation CopyRate($dataset: String!, $rowsPerSecond: Int) { setCopyRate(dataset: $dataset, rowsPerSecond: $rowsPerSecond) { epoch } }',
  verifyMigration: 'mutation Verify($dataset: String!) { verifyMigration(dataset: $dataset) { epoch } }',
  repairDifferences: 'mutation Repair($dataset: String!) { repairDifferences(dataset: $dataset) { epoch } }',
  retryQuarantine: 'mutation Retry($dataset: String!) { retryQuarantine(dataset: $dataset) { epoch } }',
  waiveQuarantine:
    'mutation Waive($dataset: String!, $reason: String!) { waiveQuarantine(dataset: $dataset, reason: $reason) { epoch } }',
} as const;
export type Command = keyof typeof COMMANDS;
