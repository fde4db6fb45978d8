// Made by `npm run codegen` from schema/*.graphql; edit those.
import type { GraphQLResolveInfo, GraphQLScalarType, GraphQLScalarTypeConfig } from 'graphql';
import type { PhoneModel, EventModel, EventEdgeModel, EventConnectionModel, ParticipationModel, ParticipationEdgeModel, ParticipationConnectionModel, MigrationModel, SwitchingModel, CopyProgressModel, JournalStatusModel, VerificationModel, InstanceModel, MoveModel, BlockerModel, DifferenceModel, DifferenceEdgeModel, DifferenceConnectionModel, QuarantinedRowModel, QuarantineEdgeModel, QuarantineConnectionModel, TransitionModel, TransitionEdgeModel, TransitionConnectionModel } from '../resolvers/models.ts';
import type { RequestContext } from '../resolvers/context.ts';
export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
export type Omit<T, K extends keyof T> = Pick<T, Exclude<keyof T, K>>;
export type RequireFields<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A moment: RFC 3339 with any offset in, UTC out, at most microseconds. */
  DateTime: { input: string; output: string; }
  /**
   * A phone number: any common spelling in (spaces, dashes, brackets, full-width digits, with or without the country), E.164 out.
   * However it is written, one phone is one participant. A number without a country code belongs to the region this service is set up for.
   */
  PhoneNumber: { input: string; output: string; }
  _FieldSet: { input: string; output: string; }
};

/** What a phone takes part with. */
export type Entry =
  /** A free-text answer to the event's question. */
  | 'ANSWER'
  /** One of the event's recommendation codes. */
  | 'RECOMMENDATION_CODE';

/** Where a page of a list lies. */
export type PageInfo = {
  readonly __typename?: 'PageInfo';
  /** There are more edges after `endCursor`. */
  readonly hasNextPage: Scalars['Boolean']['output'];
  /** There are edges before `startCursor`: true for every page that was asked for with `after`. */
  readonly hasPreviousPage: Scalars['Boolean']['output'];
  /** The first edge's cursor; null on an empty page. */
  readonly startCursor?: Maybe<Scalars['String']['output']>;
  /** The last edge's cursor, to be given as `after` for the next page; null on an empty page. */
  readonly endCursor?: Maybe<Scalars['String']['output']>;
};

/** Something phones can take part in, once each. */
export type Event = {
  readonly __typename?: 'Event';
  /** Its name, by which it is found. */
  readonly name: Scalars['String']['output'];
  /** What participants are asked. */
  readonly question: Scalars['String']['output'];
  /** The answers on offer. Other answers are taken too, as they are. */
  readonly choices: ReadonlyArray<Scalars['String']['output']>;
  /** What a participant with the correct choice gets. */
  readonly reward: Scalars['String']['output'];
  /** From when it takes participants. */
  readonly opensAt: Scalars['DateTime']['output'];
  /** Until when; null: it stays open. */
  readonly closesAt?: Maybe<Scalars['DateTime']['output']>;
  /** What it takes to take part right now. */
  readonly accepts: ReadonlyArray<Entry>;
  /** How many phones take part. */
  readonly participationCount: Scalars['Int']['output'];
  /** Who takes part, in byte order of the phone numbers. */
  readonly participations: ParticipationConnection;
};


/** Something phones can take part in, once each. */
export type EventParticipationsArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};

/** One page of events, in byte order of their names. */
export type EventConnection = {
  readonly __typename?: 'EventConnection';
  /** The events of this page. */
  readonly edges: ReadonlyArray<EventEdge>;
  /** Where this page lies. */
  readonly pageInfo: PageInfo;
  /** How many events there are in all. */
  readonly totalCount: Scalars['Int']['output'];
};

/** An event in a list. */
export type EventEdge = {
  readonly __typename?: 'EventEdge';
  /** The event. */
  readonly node: Event;
  /** Where it stands in the list. */
  readonly cursor: Scalars['String']['output'];
};

/** A phone, whether it takes part in anything or not. */
export type Phone = {
  readonly __typename?: 'Phone';
  /** Its number in E.164. */
  readonly number: Scalars['PhoneNumber']['output'];
  /** What it takes part in, in byte order of the events' names. */
  readonly participations: ParticipationConnection;
};


/** A phone, whether it takes part in anything or not. */
export type PhoneParticipationsArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};

/** One phone's part in one event. */
export type Participation = {
  readonly __typename?: 'Participation';
  /** Who takes part. */
  readonly phone: Phone;
  /** In what. */
  readonly event: Event;
  /** The answer that was given, or the one that the recommendation code stands for. */
  readonly answer?: Maybe<Scalars['String']['output']>;
  /** The code that was given, or the answer's; an answer without one shows as `~` and its base64url. */
  readonly recommendationCode?: Maybe<Scalars['String']['output']>;
  /** Is it the correct choice? */
  readonly rewarded: Scalars['Boolean']['output'];
  /** When the phone took part. */
  readonly createdAt: Scalars['DateTime']['output'];
  /** When the participation was last changed; at first the same as `createdAt`. */
  readonly updatedAt: Scalars['DateTime']['output'];
};

/** One page of participations, in byte order of phone number and event name. A cursor stays valid in every state of the migration. */
export type ParticipationConnection = {
  readonly __typename?: 'ParticipationConnection';
  /** The participations of this page. */
  readonly edges: ReadonlyArray<ParticipationEdge>;
  /** Where this page lies. */
  readonly pageInfo: PageInfo;
  /** How many participations there are in all; counted only when it is asked for. */
  readonly totalCount: Scalars['Int']['output'];
};

/** A participation in a list. */
export type ParticipationEdge = {
  readonly __typename?: 'ParticipationEdge';
  /** The participation; null, with an error, if it cannot be shown. */
  readonly node?: Maybe<Participation>;
  /** Where it stands in the list. */
  readonly cursor: Scalars['String']['output'];
};

export type Query = {
  readonly __typename?: 'Query';
  /** The event of this name. */
  readonly event?: Maybe<Event>;
  /** All events. */
  readonly events: EventConnection;
  /** The phone with this number. */
  readonly phone: Phone;
  /** This phone's part in this event; null: it takes no part. */
  readonly participation?: Maybe<Participation>;
  /** All datasets. */
  readonly migrations: ReadonlyArray<Migration>;
  /** The dataset of this name; null: there is none. */
  readonly migration?: Maybe<Migration>;
};


export type QueryEventArgs = {
  name: Scalars['String']['input'];
};


export type QueryEventsArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};


export type QueryPhoneArgs = {
  number: Scalars['PhoneNumber']['input'];
};


export type QueryParticipationArgs = {
  phone: Scalars['PhoneNumber']['input'];
  event: Scalars['String']['input'];
};


export type QueryMigrationArgs = {
  dataset: Scalars['String']['input'];
};

/** Who takes part in what, and with what: exactly one of `answer` and `recommendationCode`. */
export type ParticipateInput = {
  /** Who. */
  readonly phone: Scalars['PhoneNumber']['input'];
  /** The event's name. */
  readonly event: Scalars['String']['input'];
  /** 1 to 10,000 characters. */
  readonly answer?: InputMaybe<Scalars['String']['input']>;
  /** One of the event's codes. */
  readonly recommendationCode?: InputMaybe<Scalars['String']['input']>;
};

export type Mutation = {
  readonly __typename?: 'Mutation';
  /** Takes part, once: of any number of attempts for one phone and event exactly one succeeds. */
  readonly participate: ParticipateResult;
  /** Replaces the answer or code of a participation. */
  readonly changeParticipation: ChangeParticipationResult;
  /** Takes a participation back. */
  readonly withdrawParticipation: WithdrawParticipationResult;
  /** Goes to another state, or says what stands in the way. Returns when the switch has settled; a client that goes away changes nothing. */
  readonly switchMigration: SwitchMigrationResult;
  /** Pins the business logic; null: it follows the state again. In force everywhere when this returns. */
  readonly setBusinessLogic: Migration;
  /** Pauses the bulk copy. */
  readonly pauseCopy: Migration;
  /** Goes on with the bulk copy. */
  readonly resumeCopy: Migration;
  /** Limits the bulk copy; null: no limit. */
  readonly setCopyRate: Migration;
  /** Starts a verification and returns; while one runs it changes nothing. */
  readonly verifyMigration: Migration;
  /** Starts to repair the differences that were found, from each key's authority, and returns; while that runs it changes nothing. */
  readonly repairDifferences: Migration;
  /** Tries to map the rows in quarantine again. */
  readonly retryQuarantine: Migration;
  /** Accepts that the new store will not have the rows that are in quarantine. */
  readonly waiveQuarantine: Migration;
  /**
   * Puts an event into the catalogue, or changes it; the same again changes nothing. Its pairs of answer and code stay for ever;
   * more can be added while the migration is settled in OLD or NEW.
   */
  readonly defineEvent: Event;
};


export type MutationParticipateArgs = {
  input: ParticipateInput;
};


export type MutationChangeParticipationArgs = {
  input: ParticipateInput;
};


export type MutationWithdrawParticipationArgs = {
  phone: Scalars['PhoneNumber']['input'];
  event: Scalars['String']['input'];
};


export type MutationSwitchMigrationArgs = {
  input: SwitchMigrationInput;
};


export type MutationSetBusinessLogicArgs = {
  dataset: Scalars['String']['input'];
  logic?: InputMaybe<BusinessLogic>;
};


export type MutationPauseCopyArgs = {
  dataset: Scalars['String']['input'];
};


export type MutationResumeCopyArgs = {
  dataset: Scalars['String']['input'];
};


export type MutationSetCopyRateArgs = {
  dataset: Scalars['String']['input'];
  rowsPerSecond?: InputMaybe<Scalars['Int']['input']>;
};


export type MutationVerifyMigrationArgs = {
  dataset: Scalars['String']['input'];
};


export type MutationRepairDifferencesArgs = {
  dataset: Scalars['String']['input'];
};


export type MutationRetryQuarantineArgs = {
  dataset: Scalars['String']['input'];
};


export type MutationWaiveQuarantineArgs = {
  dataset: Scalars['String']['input'];
  reason: Scalars['String']['input'];
};


export type MutationDefineEventArgs = {
  input: DefineEventInput;
};

/** What became of an attempt to take part. */
export type ParticipateResult = Participated | AlreadyParticipated | EntryNotAccepted | UnknownRecommendationCode | EventNotFound | EventNotOpen;

/** What became of a change. */
export type ChangeParticipationResult = ParticipationChanged | NotParticipating | EntryNotAccepted | UnknownRecommendationCode | EventNotFound | EventNotOpen;

/** What became of a withdrawal. */
export type WithdrawParticipationResult = ParticipationWithdrawn | NotParticipating | EventNotFound | EventNotOpen;

/** The phone takes part now. */
export type Participated = {
  readonly __typename?: 'Participated';
  /** The new participation. */
  readonly participation: Participation;
};

/** The participation was changed. */
export type ParticipationChanged = {
  readonly __typename?: 'ParticipationChanged';
  /** As it is now. */
  readonly participation: Participation;
};

/** The participation is no more. */
export type ParticipationWithdrawn = {
  readonly __typename?: 'ParticipationWithdrawn';
  /** As it was. */
  readonly participation: Participation;
};

/** Refused: the phone takes part in this event already. */
export type AlreadyParticipated = {
  readonly __typename?: 'AlreadyParticipated';
  /** Why, in words. */
  readonly message: Scalars['String']['output'];
  /** The participation that stands. */
  readonly participation: Participation;
};

/** Refused: the phone does not take part in this event. */
export type NotParticipating = {
  readonly __typename?: 'NotParticipating';
  /** Why, in words. */
  readonly message: Scalars['String']['output'];
};

/** Refused: the event does not take this kind of entry right now. */
export type EntryNotAccepted = {
  readonly __typename?: 'EntryNotAccepted';
  /** Why, in words. */
  readonly message: Scalars['String']['output'];
  /** What it does take. */
  readonly accepts: ReadonlyArray<Entry>;
};

/** Refused: the event has no such code. */
export type UnknownRecommendationCode = {
  readonly __typename?: 'UnknownRecommendationCode';
  /** Why, in words. */
  readonly message: Scalars['String']['output'];
};

/** Refused: there is no event of this name. */
export type EventNotFound = {
  readonly __typename?: 'EventNotFound';
  /** Why, in words. */
  readonly message: Scalars['String']['output'];
};

/** Refused: the event is not open yet, or not any more. */
export type EventNotOpen = {
  readonly __typename?: 'EventNotOpen';
  /** Why, in words. */
  readonly message: Scalars['String']['output'];
};

/** Where a dataset lives and how it is written: OLD, MIGRATING, CATCHING_UP, DUAL, NEW on the way there. */
export type MigrationState =
  /** The old store alone. */
  | 'OLD'
  /** The old store is read and does not change; writes are kept in the journal; rows are copied to the new store. */
  | 'MIGRATING'
  /** Writes go to the journal and from there at once to both stores; what the journal kept is replayed. */
  | 'CATCHING_UP'
  /** On the way back from MIGRATING to OLD: what the journal kept is replayed into the old store. */
  | 'RETREATING'
  /** Both stores have every write; a percentage of the keys is read from the new one. */
  | 'DUAL'
  /** The new store alone. There is no way back from here. */
  | 'NEW';

/** Which of the two stores. */
export type StoreRole =
  /** The store that data moves out of. */
  | 'OLD'
  /** The store that data moves into. */
  | 'NEW';

/** Which business logic is in force. */
export type BusinessLogic =
  /** What the old store is made for: answers. */
  | 'OLD'
  /** Either. */
  | 'BOTH'
  /** What the new store is made for: recommendation codes. */
  | 'NEW';

/** How far a switch is. */
export type SwitchPhase =
  /** Instances get ready; it can still be cancelled. */
  | 'ANNOUNCE'
  /** Stores and journal change over; from here it can only go on. */
  | 'FLIP'
  /** Instances take up the new state. */
  | 'SETTLE';

/** What stands in the way of a switch. */
export type BlockerCode =
  /** Rows of the old store are still to be copied. */
  | 'COPY_INCOMPLETE'
  /** Rows without a counterpart are neither mapped nor waived. */
  | 'QUARANTINE_NOT_EMPTY'
  /** The coming authority lacks writes from before the switch; clears by itself, also under traffic. */
  | 'BACKLOG_NOT_EMPTY'
  /** There is no verification that finished, is clean, covers both stores and began after DUAL was reached. */
  | 'NOT_VERIFIED'
  /** The verification found differences that still stand. */
  | 'DIFFERENCES_FOUND'
  /** A store that the switch needs does not answer. */
  | 'STORE_UNREACHABLE'
  /** The journal does not answer, or is not the one the migration began with. */
  | 'JOURNAL_UNREACHABLE'
  /** The journal is set up so that it can lose writes. */
  | 'JOURNAL_UNSAFE'
  /** The new table has rows that no earlier run of this deployment put there. */
  | 'TARGET_NOT_EMPTY'
  /** Somebody else wrote to the old table while it was being copied. */
  | 'OLD_STORE_CHANGED'
  /** This state does not follow the current one; the message names the step that does. */
  | 'NOT_ADJACENT'
  /** Another switch is under way. */
  | 'SWITCH_IN_PROGRESS'
  /** It took longer than a switch may take before flip, and was cancelled; the message says what it waited for. */
  | 'TIMED_OUT';

/** How a row differs between the stores. */
export type DifferenceKind =
  /** Both stores have it, with different values. */
  | 'DIFFERS'
  /** Only the old store has it. */
  | 'ONLY_IN_OLD'
  /** Only the new store has it. */
  | 'ONLY_IN_NEW'
  /** It can't be told exactly what a store holds. */
  | 'UNREADABLE';

/** One dataset and where it stands. */
export type Migration = {
  readonly __typename?: 'Migration';
  /** Its name. */
  readonly dataset: Scalars['String']['output'];
  /** The state in force; during a switch the old one until flip. */
  readonly state: MigrationState;
  /** Share of the keys that are read from the new store: 0 before DUAL, 100 in NEW. */
  readonly readNewPercent: Scalars['Int']['output'];
  /** The number of the state in force; grows with each switch. */
  readonly epoch: Scalars['Int']['output'];
  /** No switch is under way. */
  readonly settled: Scalars['Boolean']['output'];
  /** The switch under way; null: none. */
  readonly switching?: Maybe<Switching>;
  /** The business logic in force. */
  readonly businessLogic: BusinessLogic;
  /** It was set by an operator and does not follow the state. */
  readonly businessLogicPinned: Scalars['Boolean']['output'];
  /** The bulk copy; null before the first one, and when the new store does not answer. */
  readonly copy?: Maybe<CopyProgress>;
  /** The journal right now. */
  readonly journal: JournalStatus;
  /** The newest verification; null: there was none. */
  readonly verification?: Maybe<Verification>;
  /** The processes that serve this dataset. */
  readonly instances: ReadonlyArray<Instance>;
  /** The switches that can follow, and what stands in their way. */
  readonly moves: ReadonlyArray<Move>;
  /** What the newest verification found, in key order. */
  readonly differences: DifferenceConnection;
  /** Rows of the old store that have no counterpart in the new one, in key order. */
  readonly quarantine: QuarantineConnection;
  /** The switches that were made, newest first. */
  readonly history: TransitionConnection;
};


/** One dataset and where it stands. */
export type MigrationDifferencesArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};


/** One dataset and where it stands. */
export type MigrationQuarantineArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};


/** One dataset and where it stands. */
export type MigrationHistoryArgs = {
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
};

/** A switch under way. */
export type Switching = {
  readonly __typename?: 'Switching';
  /** The state it goes to. */
  readonly to: MigrationState;
  /** The percentage it goes to, in DUAL; else null. */
  readonly readNewPercent?: Maybe<Scalars['Int']['output']>;
  /** How far it is. */
  readonly phase: SwitchPhase;
  /** When it was announced. */
  readonly since: Scalars['DateTime']['output'];
  /** What it is waiting for, in words. */
  readonly waitingFor: Scalars['String']['output'];
};

/** The bulk copy from the old store to the new one. */
export type CopyProgress = {
  readonly __typename?: 'CopyProgress';
  /** Rows in the old table when it began. */
  readonly total: Scalars['Float']['output'];
  /** Rows copied. */
  readonly copied: Scalars['Float']['output'];
  /** Rows put into quarantine. */
  readonly quarantined: Scalars['Float']['output'];
  /** How fast it is right now. */
  readonly rowsPerSecond: Scalars['Float']['output'];
  /** How long it will take at this rate; null: it can't be told, or it is not running. */
  readonly etaSeconds?: Maybe<Scalars['Float']['output']>;
  /** It is at work. */
  readonly running: Scalars['Boolean']['output'];
  /** An operator paused it. */
  readonly paused: Scalars['Boolean']['output'];
  /** Every row was looked at. */
  readonly complete: Scalars['Boolean']['output'];
  /** Rows per second at most; null: no limit. */
  readonly rateLimit?: Maybe<Scalars['Int']['output']>;
};

/** The journal: what it holds and for whom. */
export type JournalStatus = {
  readonly __typename?: 'JournalStatus';
  /** Keys with an entry. */
  readonly entries: Scalars['Float']['output'];
  /** Age of the oldest entry; null: there is none. */
  readonly oldestAgeSeconds?: Maybe<Scalars['Float']['output']>;
  /** Entries that the old store lacks. */
  readonly pendingOld: Scalars['Float']['output'];
  /** Entries that the new store lacks. */
  readonly pendingNew: Scalars['Float']['output'];
};

/** A comparison of both stores, row by row. */
export type Verification = {
  readonly __typename?: 'Verification';
  /** It is at work. */
  readonly running: Scalars['Boolean']['output'];
  /** Rows compared so far. */
  readonly checked: Scalars['Float']['output'];
  /** Rows to compare. */
  readonly total: Scalars['Float']['output'];
  /** Rows that differ. */
  readonly differing: Scalars['Float']['output'];
  /** Rows that differed and were repaired. */
  readonly repaired: Scalars['Float']['output'];
  /** Share of the rows of both stores that it has covered, 0 to 1. */
  readonly coverage: Scalars['Float']['output'];
  /** Finished, covered everything, and no difference is left. */
  readonly clean: Scalars['Boolean']['output'];
  /** When it began. */
  readonly startedAt: Scalars['DateTime']['output'];
  /** When it finished; null: it has not. */
  readonly finishedAt?: Maybe<Scalars['DateTime']['output']>;
};

/** A process that serves this dataset. */
export type Instance = {
  readonly __typename?: 'Instance';
  /** Random, one for each process. */
  readonly id: Scalars['ID']['output'];
  /** What its operator calls it. */
  readonly label: Scalars['String']['output'];
  /** The epoch it works under. */
  readonly epoch: Scalars['Int']['output'];
  /** When it last renewed its lease. */
  readonly lastSeenAt: Scalars['DateTime']['output'];
  /** Until when it may trust its state. */
  readonly leaseExpiresAt: Scalars['DateTime']['output'];
};

/** A switch that could follow. */
export type Move = {
  readonly __typename?: 'Move';
  /** The state it goes to. */
  readonly to: MigrationState;
  /** The percentage it goes to in DUAL; null: any, or not DUAL. */
  readonly readNewPercent?: Maybe<Scalars['Int']['output']>;
  /** Nothing stands in its way. */
  readonly allowed: Scalars['Boolean']['output'];
  /** What does. */
  readonly blockers: ReadonlyArray<Blocker>;
};

/** Something that stands in the way of a switch. */
export type Blocker = {
  readonly __typename?: 'Blocker';
  /** What it is. */
  readonly code: BlockerCode;
  /** What it is and what to do about it, in words. */
  readonly message: Scalars['String']['output'];
  /** How many, where it can be counted. */
  readonly count?: Maybe<Scalars['Float']['output']>;
};

/** A row that is not the same in both stores. */
export type Difference = {
  readonly __typename?: 'Difference';
  /** The row's key, its fields joined by `/`. */
  readonly key: Scalars['String']['output'];
  /** The field that differs; null: the whole row. */
  readonly field?: Maybe<Scalars['String']['output']>;
  /** How. */
  readonly kind: DifferenceKind;
  /** What the old store has. */
  readonly old?: Maybe<Scalars['String']['output']>;
  /** What the new store has. */
  readonly new?: Maybe<Scalars['String']['output']>;
  /** When it was first seen. */
  readonly firstSeenAt: Scalars['DateTime']['output'];
  /** When it was last seen. */
  readonly lastSeenAt: Scalars['DateTime']['output'];
};

/** A row of the old store that has no counterpart in the new one. */
export type QuarantinedRow = {
  readonly __typename?: 'QuarantinedRow';
  /** The row's key, its fields joined by `/`. */
  readonly key: Scalars['String']['output'];
  /** Why it can't be mapped. */
  readonly reason: Scalars['String']['output'];
  /** The row as JSON. */
  readonly row: Scalars['String']['output'];
  /** An operator accepted that the new store will not have it. */
  readonly waived: Scalars['Boolean']['output'];
};

/** A switch that was made. */
export type Transition = {
  readonly __typename?: 'Transition';
  /** The state it came from. */
  readonly from: MigrationState;
  /** The percentage it came from, in DUAL; else null. */
  readonly fromPercent?: Maybe<Scalars['Int']['output']>;
  /** The state it went to. */
  readonly to: MigrationState;
  /** The percentage it went to, in DUAL; else null. */
  readonly toPercent?: Maybe<Scalars['Int']['output']>;
  /** The epoch that it began. */
  readonly epoch: Scalars['Int']['output'];
  /** Who made it. */
  readonly actor: Scalars['String']['output'];
  /** Why, in the operator's words. */
  readonly reason: Scalars['String']['output'];
  /** When. */
  readonly at: Scalars['DateTime']['output'];
  /** The longest that a request on the instance that drove it waited because of it, milliseconds; null: not known. */
  readonly pauseMs?: Maybe<Scalars['Float']['output']>;
  /** The blockers that the operator accepted. */
  readonly acceptedRisks: ReadonlyArray<BlockerCode>;
};

/** One page of differences. */
export type DifferenceConnection = {
  readonly __typename?: 'DifferenceConnection';
  /** The differences of this page. */
  readonly edges: ReadonlyArray<DifferenceEdge>;
  /** Where this page lies. */
  readonly pageInfo: PageInfo;
  /** How many there are in all. */
  readonly totalCount: Scalars['Int']['output'];
};

/** A difference in a list. */
export type DifferenceEdge = {
  readonly __typename?: 'DifferenceEdge';
  /** The difference. */
  readonly node: Difference;
  /** Where it stands in the list. */
  readonly cursor: Scalars['String']['output'];
};

/** One page of quarantined rows. */
export type QuarantineConnection = {
  readonly __typename?: 'QuarantineConnection';
  /** The rows of this page. */
  readonly edges: ReadonlyArray<QuarantineEdge>;
  /** Where this page lies. */
  readonly pageInfo: PageInfo;
  /** How many there are in all, waived ones included. */
  readonly totalCount: Scalars['Int']['output'];
};

/** A quarantined row in a list. */
export type QuarantineEdge = {
  readonly __typename?: 'QuarantineEdge';
  /** The row. */
  readonly node: QuarantinedRow;
  /** Where it stands in the list. */
  readonly cursor: Scalars['String']['output'];
};

/** One page of transitions. */
export type TransitionConnection = {
  readonly __typename?: 'TransitionConnection';
  /** The transitions of this page. */
  readonly edges: ReadonlyArray<TransitionEdge>;
  /** Where this page lies. */
  readonly pageInfo: PageInfo;
  /** How many there are in all. */
  readonly totalCount: Scalars['Int']['output'];
};

/** A transition in a list. */
export type TransitionEdge = {
  readonly __typename?: 'TransitionEdge';
  /** The transition. */
  readonly node: Transition;
  /** Where it stands in the list. */
  readonly cursor: Scalars['String']['output'];
};

/** Where to switch to. */
export type SwitchMigrationInput = {
  /** The dataset's name. */
  readonly dataset: Scalars['String']['input'];
  /** The state to go to. */
  readonly to: MigrationState;
  /** 0 to 100; required for DUAL, not allowed elsewhere. */
  readonly readNewPercent?: InputMaybe<Scalars['Int']['input']>;
  /** Go only if this is the epoch in force; without it the epoch at the start counts. */
  readonly expectedEpoch?: InputMaybe<Scalars['Int']['input']>;
  /** Why, for the history. */
  readonly reason: Scalars['String']['input'];
  /** Only say what would happen. */
  readonly dryRun?: Scalars['Boolean']['input'];
  /** Blockers to go over: JOURNAL_UNSAFE, OLD_STORE_CHANGED, and on the way to NEW STORE_UNREACHABLE, which gives the old store up. */
  readonly acceptRisk?: ReadonlyArray<BlockerCode>;
};

/** What became of a switch. */
export type SwitchMigrationResult = MigrationSwitched | SwitchBlocked | EpochConflict;

/** The switch was made, or in a dry run: would be. */
export type MigrationSwitched = {
  readonly __typename?: 'MigrationSwitched';
  /** The migration now. */
  readonly migration: Migration;
  /** Nothing was changed. */
  readonly dryRun: Scalars['Boolean']['output'];
  /** The longest that a request on this instance waited because of it, milliseconds; null in a dry run. */
  readonly pauseMs?: Maybe<Scalars['Float']['output']>;
};

/** The switch was not made. */
export type SwitchBlocked = {
  readonly __typename?: 'SwitchBlocked';
  /** The migration now. */
  readonly migration: Migration;
  /** What stands in the way. */
  readonly blockers: ReadonlyArray<Blocker>;
};

/** Another switch came first: the epoch is not the expected one. */
export type EpochConflict = {
  readonly __typename?: 'EpochConflict';
  /** The migration now. */
  readonly migration: Migration;
};

/** An event for the catalogue. */
export type DefineEventInput = {
  /** 1 to 100 characters. */
  readonly name: Scalars['String']['input'];
  /** What participants are asked. */
  readonly question: Scalars['String']['input'];
  /** What a participant with the correct choice gets. */
  readonly reward: Scalars['String']['input'];
  /** From when it takes participants. */
  readonly opensAt: Scalars['DateTime']['input'];
  /** Until when; null: it stays open. */
  readonly closesAt?: InputMaybe<Scalars['DateTime']['input']>;
  /** The choices; those of an event that is there already must be among them. */
  readonly choices: ReadonlyArray<ChoiceInput>;
};

/** An answer on offer, with its recommendation code. */
export type ChoiceInput = {
  /** 1 to 10,000 characters, used once in the event. */
  readonly answer: Scalars['String']['input'];
  /** 1 to 100 characters, used once in the event; it must not begin with `~`. */
  readonly code: Scalars['String']['input'];
  /** Does it earn the reward? */
  readonly correct?: Scalars['Boolean']['input'];
};



export type ResolverTypeWrapper<T> = Promise<T> | T;

export type ReferenceResolver<TResult, TReference, TContext> = (
      reference: TReference,
      context: TContext,
      info: GraphQLResolveInfo
    ) => Promise<TResult> | TResult;

      type ScalarCheck<T, S> = S extends true ? T : NullableCheck<T, S>;
      type NullableCheck<T, S> = Maybe<T> extends T ? Maybe<ListCheck<NonNullable<T>, S>> : ListCheck<T, S>;
      type ListCheck<T, S> = T extends (infer U)[] ? NullableCheck<U, S>[] : GraphQLRecursivePick<T, S>;
      export type GraphQLRecursivePick<T, S> = { [K in keyof T & keyof S]: ScalarCheck<T[K], S[K]> };
    

export type ResolverWithResolve<TResult, TParent, TContext, TArgs> = {
  resolve: ResolverFn<TResult, TParent, TContext, TArgs>;
};
export type Resolver<TResult, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = ResolverFn<TResult, TParent, TContext, TArgs> | ResolverWithResolve<TResult, TParent, TContext, TArgs>;

export type ResolverFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => Promise<TResult> | TResult;

export type SubscriptionSubscribeFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => AsyncIterable<TResult> | Promise<AsyncIterable<TResult>>;

export type SubscriptionResolveFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

export interface SubscriptionSubscriberObject<TResult, TKey extends string, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<{ [key in TKey]: TResult }, TParent, TContext, TArgs>;
  resolve?: SubscriptionResolveFn<TResult, { [key in TKey]: TResult }, TContext, TArgs>;
}

export interface SubscriptionResolverObject<TResult, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<any, TParent, TContext, TArgs>;
  resolve: SubscriptionResolveFn<TResult, any, TContext, TArgs>;
}

export type SubscriptionObject<TResult, TKey extends string, TParent, TContext, TArgs> =
  | SubscriptionSubscriberObject<TResult, TKey, TParent, TContext, TArgs>
  | SubscriptionResolverObject<TResult, TParent, TContext, TArgs>;

export type SubscriptionResolver<TResult, TKey extends string, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> =
  | ((...args: any[]) => SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>)
  | SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>;

export type TypeResolveFn<TTypes, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (
  parent: TParent,
  context: TContext,
  info: GraphQLResolveInfo
) => Maybe<TTypes> | Promise<Maybe<TTypes>>;

export type IsTypeOfResolverFn<T = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (obj: T, context: TContext, info: GraphQLResolveInfo) => boolean | Promise<boolean>;

export type NextResolverFn<T> = () => Promise<T>;

export type DirectiveResolverFn<TResult = Record<PropertyKey, never>, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = (
  next: NextResolverFn<TResult>,
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

/** Mapping of federation types */
export type FederationTypes = {
  Event: Event;
  Phone: Phone;
  Participation: Participation;
};

/** Mapping of federation reference types */
export type FederationReferenceTypes = {
  Event:
    ( { __typename: 'Event' }
    & GraphQLRecursivePick<FederationTypes['Event'], {"name":true}> );
  Phone:
    ( { __typename: 'Phone' }
    & GraphQLRecursivePick<FederationTypes['Phone'], {"number":true}> );
  Participation:
    ( { __typename: 'Participation' }
    & GraphQLRecursivePick<FederationTypes['Participation'], {"phone":{"number":true},"event":{"name":true}}> );
};

/** Mapping of union types */
export type ResolversUnionTypes<_RefType extends Record<string, unknown>> = {
  ParticipateResult:
    | ( Omit<Participated, 'participation'> & { participation: _RefType['Participation'] } & { __typename: 'Participated' } )
    | ( Omit<AlreadyParticipated, 'participation'> & { participation: _RefType['Participation'] } & { __typename: 'AlreadyParticipated' } )
    | ( EntryNotAccepted & { __typename: 'EntryNotAccepted' } )
    | ( UnknownRecommendationCode & { __typename: 'UnknownRecommendationCode' } )
    | ( EventNotFound & { __typename: 'EventNotFound' } )
    | ( EventNotOpen & { __typename: 'EventNotOpen' } )
  ;
  ChangeParticipationResult:
    | ( Omit<ParticipationChanged, 'participation'> & { participation: _RefType['Participation'] } & { __typename: 'ParticipationChanged' } )
    | ( NotParticipating & { __typename: 'NotParticipating' } )
    | ( EntryNotAccepted & { __typename: 'EntryNotAccepted' } )
    | ( UnknownRecommendationCode & { __typename: 'UnknownRecommendationCode' } )
    | ( EventNotFound & { __typename: 'EventNotFound' } )
    | ( EventNotOpen & { __typename: 'EventNotOpen' } )
  ;
  WithdrawParticipationResult:
    | ( Omit<ParticipationWithdrawn, 'participation'> & { participation: _RefType['Participation'] } & { __typename: 'ParticipationWithdrawn' } )
    | ( NotParticipating & { __typename: 'NotParticipating' } )
    | ( EventNotFound & { __typename: 'EventNotFound' } )
    | ( EventNotOpen & { __typename: 'EventNotOpen' } )
  ;
  SwitchMigrationResult:
    | ( Omit<MigrationSwitched, 'migration'> & { migration: _RefType['Migration'] } & { __typename: 'MigrationSwitched' } )
    | ( Omit<SwitchBlocked, 'migration' | 'blockers'> & { migration: _RefType['Migration'], blockers: ReadonlyArray<_RefType['Blocker']> } & { __typename: 'SwitchBlocked' } )
    | ( Omit<EpochConflict, 'migration'> & { migration: _RefType['Migration'] } & { __typename: 'EpochConflict' } )
  ;
};


/** Mapping between all available schema types and the resolvers types */
export type ResolversTypes = {
  DateTime: ResolverTypeWrapper<Scalars['DateTime']['output']>;
  PhoneNumber: ResolverTypeWrapper<Scalars['PhoneNumber']['output']>;
  Entry: Entry;
  PageInfo: ResolverTypeWrapper<PageInfo>;
  Boolean: ResolverTypeWrapper<Scalars['Boolean']['output']>;
  Event: ResolverTypeWrapper<EventModel>;
  Int: ResolverTypeWrapper<Scalars['Int']['output']>;
  EventConnection: ResolverTypeWrapper<EventConnectionModel>;
  EventEdge: ResolverTypeWrapper<EventEdgeModel>;
  Phone: ResolverTypeWrapper<PhoneModel>;
  Participation: ResolverTypeWrapper<ParticipationModel>;
  ParticipationConnection: ResolverTypeWrapper<ParticipationConnectionModel>;
  ParticipationEdge: ResolverTypeWrapper<ParticipationEdgeModel>;
  Query: ResolverTypeWrapper<Record<PropertyKey, never>>;
  ParticipateInput: ParticipateInput;
  Mutation: ResolverTypeWrapper<Record<PropertyKey, never>>;
  ParticipateResult: ResolverTypeWrapper<ResolversUnionTypes<ResolversTypes>['ParticipateResult']>;
  ChangeParticipationResult: ResolverTypeWrapper<ResolversUnionTypes<ResolversTypes>['ChangeParticipationResult']>;
  WithdrawParticipationResult: ResolverTypeWrapper<ResolversUnionTypes<ResolversTypes>['WithdrawParticipationResult']>;
  Participated: ResolverTypeWrapper<Omit<Participated, 'participation'> & { participation: ResolversTypes['Participation'] }>;
  ParticipationChanged: ResolverTypeWrapper<Omit<ParticipationChanged, 'participation'> & { participation: ResolversTypes['Participation'] }>;
  ParticipationWithdrawn: ResolverTypeWrapper<Omit<ParticipationWithdrawn, 'participation'> & { participation: ResolversTypes['Participation'] }>;
  AlreadyParticipated: ResolverTypeWrapper<Omit<AlreadyParticipated, 'participation'> & { participation: ResolversTypes['Participation'] }>;
  NotParticipating: ResolverTypeWrapper<NotParticipating>;
  EntryNotAccepted: ResolverTypeWrapper<EntryNotAccepted>;
  UnknownRecommendationCode: ResolverTypeWrapper<UnknownRecommendationCode>;
  EventNotFound: ResolverTypeWrapper<EventNotFound>;
  EventNotOpen: ResolverTypeWrapper<EventNotOpen>;
  MigrationState: MigrationState;
  StoreRole: StoreRole;
  BusinessLogic: BusinessLogic;
  SwitchPhase: SwitchPhase;
  BlockerCode: BlockerCode;
  DifferenceKind: DifferenceKind;
  Migration: ResolverTypeWrapper<MigrationModel>;
  Switching: ResolverTypeWrapper<SwitchingModel>;
  CopyProgress: ResolverTypeWrapper<CopyProgressModel>;
  Float: ResolverTypeWrapper<Scalars['Float']['output']>;
  JournalStatus: ResolverTypeWrapper<JournalStatusModel>;
  Verification: ResolverTypeWrapper<VerificationModel>;
  Instance: ResolverTypeWrapper<InstanceModel>;
  ID: ResolverTypeWrapper<Scalars['ID']['output']>;
  Move: ResolverTypeWrapper<MoveModel>;
  Blocker: ResolverTypeWrapper<BlockerModel>;
  Difference: ResolverTypeWrapper<DifferenceModel>;
  QuarantinedRow: ResolverTypeWrapper<QuarantinedRowModel>;
  Transition: ResolverTypeWrapper<TransitionModel>;
  DifferenceConnection: ResolverTypeWrapper<DifferenceConnectionModel>;
  DifferenceEdge: ResolverTypeWrapper<DifferenceEdgeModel>;
  QuarantineConnection: ResolverTypeWrapper<QuarantineConnectionModel>;
  QuarantineEdge: ResolverTypeWrapper<QuarantineEdgeModel>;
  TransitionConnection: ResolverTypeWrapper<TransitionConnectionModel>;
  TransitionEdge: ResolverTypeWrapper<TransitionEdgeModel>;
  SwitchMigrationInput: SwitchMigrationInput;
  SwitchMigrationResult: ResolverTypeWrapper<ResolversUnionTypes<ResolversTypes>['SwitchMigrationResult']>;
  MigrationSwitched: ResolverTypeWrapper<Omit<MigrationSwitched, 'migration'> & { migration: ResolversTypes['Migration'] }>;
  SwitchBlocked: ResolverTypeWrapper<Omit<SwitchBlocked, 'migration' | 'blockers'> & { migration: ResolversTypes['Migration'], blockers: ReadonlyArray<ResolversTypes['Blocker']> }>;
  EpochConflict: ResolverTypeWrapper<Omit<EpochConflict, 'migration'> & { migration: ResolversTypes['Migration'] }>;
  DefineEventInput: DefineEventInput;
  ChoiceInput: ChoiceInput;
  String: ResolverTypeWrapper<Scalars['String']['output']>;
};

/** Mapping between all available schema types and the resolvers parents */
export type ResolversParentTypes = {
  DateTime: Scalars['DateTime']['output'];
  PhoneNumber: Scalars['PhoneNumber']['output'];
  PageInfo: PageInfo;
  Boolean: Scalars['Boolean']['output'];
  Event: EventModel;
  Int: Scalars['Int']['output'];
  EventConnection: EventConnectionModel;
  EventEdge: EventEdgeModel;
  Phone: PhoneModel;
  Participation: ParticipationModel;
  ParticipationConnection: ParticipationConnectionModel;
  ParticipationEdge: ParticipationEdgeModel;
  Query: Record<PropertyKey, never>;
  ParticipateInput: ParticipateInput;
  Mutation: Record<PropertyKey, never>;
  ParticipateResult: ResolversUnionTypes<ResolversParentTypes>['ParticipateResult'];
  ChangeParticipationResult: ResolversUnionTypes<ResolversParentTypes>['ChangeParticipationResult'];
  WithdrawParticipationResult: ResolversUnionTypes<ResolversParentTypes>['WithdrawParticipationResult'];
  Participated: Omit<Participated, 'participation'> & { participation: ResolversParentTypes['Participation'] };
  ParticipationChanged: Omit<ParticipationChanged, 'participation'> & { participation: ResolversParentTypes['Participation'] };
  ParticipationWithdrawn: Omit<ParticipationWithdrawn, 'participation'> & { participation: ResolversParentTypes['Participation'] };
  AlreadyParticipated: Omit<AlreadyParticipated, 'participation'> & { participation: ResolversParentTypes['Participation'] };
  NotParticipating: NotParticipating;
  EntryNotAccepted: EntryNotAccepted;
  UnknownRecommendationCode: UnknownRecommendationCode;
  EventNotFound: EventNotFound;
  EventNotOpen: EventNotOpen;
  Migration: MigrationModel;
  Switching: SwitchingModel;
  CopyProgress: CopyProgressModel;
  Float: Scalars['Float']['output'];
  JournalStatus: JournalStatusModel;
  Verification: VerificationModel;
  Instance: InstanceModel;
  ID: Scalars['ID']['output'];
  Move: MoveModel;
  Blocker: BlockerModel;
  Difference: DifferenceModel;
  QuarantinedRow: QuarantinedRowModel;
  Transition: TransitionModel;
  DifferenceConnection: DifferenceConnectionModel;
  DifferenceEdge: DifferenceEdgeModel;
  QuarantineConnection: QuarantineConnectionModel;
  QuarantineEdge: QuarantineEdgeModel;
  TransitionConnection: TransitionConnectionModel;
  TransitionEdge: TransitionEdgeModel;
  SwitchMigrationInput: SwitchMigrationInput;
  SwitchMigrationResult: ResolversUnionTypes<ResolversParentTypes>['SwitchMigrationResult'];
  MigrationSwitched: Omit<MigrationSwitched, 'migration'> & { migration: ResolversParentTypes['Migration'] };
  SwitchBlocked: Omit<SwitchBlocked, 'migration' | 'blockers'> & { migration: ResolversParentTypes['Migration'], blockers: ReadonlyArray<ResolversParentTypes['Blocker']> };
  EpochConflict: Omit<EpochConflict, 'migration'> & { migration: ResolversParentTypes['Migration'] };
  DefineEventInput: DefineEventInput;
  ChoiceInput: ChoiceInput;
  String: Scalars['String']['output'];
};

export type MigrationDirectiveArgs = {
  dataset: Scalars['String']['input'];
  initial?: MigrationState;
};

export type MigrationDirectiveResolver<Result, Parent, ContextType = RequestContext, Args = MigrationDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type StoredInDirectiveArgs = {
  store: StoreRole;
};

export type StoredInDirectiveResolver<Result, Parent, ContextType = RequestContext, Args = StoredInDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export interface DateTimeScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['DateTime'], any> {
  name: 'DateTime';
}

export interface PhoneNumberScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['PhoneNumber'], any> {
  name: 'PhoneNumber';
}

export type PageInfoResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['PageInfo'] = ResolversParentTypes['PageInfo']> = {
  hasNextPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  hasPreviousPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  startCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  endCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type EventResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Event'] = ResolversParentTypes['Event'], FederationReferenceType extends FederationReferenceTypes['Event'] = FederationReferenceTypes['Event']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Event']> | FederationReferenceType, FederationReferenceType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  question?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  choices?: Resolver<ReadonlyArray<ResolversTypes['String']>, ParentType, ContextType>;
  reward?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  opensAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  closesAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  accepts?: Resolver<ReadonlyArray<ResolversTypes['Entry']>, ParentType, ContextType>;
  participationCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  participations?: Resolver<ResolversTypes['ParticipationConnection'], ParentType, ContextType, RequireFields<EventParticipationsArgs, 'first'>>;
};

export type EventConnectionResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['EventConnection'] = ResolversParentTypes['EventConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['EventEdge']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type EventEdgeResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['EventEdge'] = ResolversParentTypes['EventEdge']> = {
  node?: Resolver<ResolversTypes['Event'], ParentType, ContextType>;
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type PhoneResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Phone'] = ResolversParentTypes['Phone'], FederationReferenceType extends FederationReferenceTypes['Phone'] = FederationReferenceTypes['Phone']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Phone']> | FederationReferenceType, FederationReferenceType, ContextType>;
  number?: Resolver<ResolversTypes['PhoneNumber'], ParentType, ContextType>;
  participations?: Resolver<ResolversTypes['ParticipationConnection'], ParentType, ContextType, RequireFields<PhoneParticipationsArgs, 'first'>>;
};

export type ParticipationResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Participation'] = ResolversParentTypes['Participation'], FederationReferenceType extends FederationReferenceTypes['Participation'] = FederationReferenceTypes['Participation']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Participation']> | FederationReferenceType, FederationReferenceType, ContextType>;
  phone?: Resolver<ResolversTypes['Phone'], ParentType, ContextType>;
  event?: Resolver<ResolversTypes['Event'], ParentType, ContextType>;
  answer?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  recommendationCode?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  rewarded?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  updatedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
};

export type ParticipationConnectionResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ParticipationConnection'] = ResolversParentTypes['ParticipationConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['ParticipationEdge']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type ParticipationEdgeResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ParticipationEdge'] = ResolversParentTypes['ParticipationEdge']> = {
  node?: Resolver<Maybe<ResolversTypes['Participation']>, ParentType, ContextType>;
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type QueryResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Query'] = ResolversParentTypes['Query']> = {
  event?: Resolver<Maybe<ResolversTypes['Event']>, ParentType, ContextType, RequireFields<QueryEventArgs, 'name'>>;
  events?: Resolver<ResolversTypes['EventConnection'], ParentType, ContextType, RequireFields<QueryEventsArgs, 'first'>>;
  phone?: Resolver<ResolversTypes['Phone'], ParentType, ContextType, RequireFields<QueryPhoneArgs, 'number'>>;
  participation?: Resolver<Maybe<ResolversTypes['Participation']>, ParentType, ContextType, RequireFields<QueryParticipationArgs, 'phone' | 'event'>>;
  migrations?: Resolver<ReadonlyArray<ResolversTypes['Migration']>, ParentType, ContextType>;
  migration?: Resolver<Maybe<ResolversTypes['Migration']>, ParentType, ContextType, RequireFields<QueryMigrationArgs, 'dataset'>>;
};

export type MutationResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Mutation'] = ResolversParentTypes['Mutation']> = {
  participate?: Resolver<ResolversTypes['ParticipateResult'], ParentType, ContextType, RequireFields<MutationParticipateArgs, 'input'>>;
  changeParticipation?: Resolver<ResolversTypes['ChangeParticipationResult'], ParentType, ContextType, RequireFields<MutationChangeParticipationArgs, 'input'>>;
  withdrawParticipation?: Resolver<ResolversTypes['WithdrawParticipationResult'], ParentType, ContextType, RequireFields<MutationWithdrawParticipationArgs, 'phone' | 'event'>>;
  switchMigration?: Resolver<ResolversTypes['SwitchMigrationResult'], ParentType, ContextType, RequireFields<MutationSwitchMigrationArgs, 'input'>>;
  setBusinessLogic?: Resolver<ResolversTypes['Migration'], ParentType, ContextType, RequireFields<MutationSetBusinessLogicArgs, 'dataset'>>;
  pauseCopy?: Resolver<ResolversTypes['Migration'], ParentType, ContextType, RequireFields<MutationPauseCopyArgs, 'dataset'>>;
  resumeCopy?: Resolver<ResolversTypes['Migration'], ParentType, ContextType, RequireFields<MutationResumeCopyArgs, 'dataset'>>;
  setCopyRate?: Resolver<ResolversTypes['Migration'], ParentType, ContextType, RequireFields<MutationSetCopyRateArgs, 'dataset'>>;
  verifyMigration?: Resolver<ResolversTypes['Migration'], ParentType, ContextType, RequireFields<MutationVerifyMigrationArgs, 'dataset'>>;
  repairDifferences?: Resolver<ResolversTypes['Migration'], ParentType, ContextType, RequireFields<MutationRepairDifferencesArgs, 'dataset'>>;
  retryQuarantine?: Resolver<ResolversTypes['Migration'], ParentType, ContextType, RequireFields<MutationRetryQuarantineArgs, 'dataset'>>;
  waiveQuarantine?: Resolver<ResolversTypes['Migration'], ParentType, ContextType, RequireFields<MutationWaiveQuarantineArgs, 'dataset' | 'reason'>>;
  defineEvent?: Resolver<ResolversTypes['Event'], ParentType, ContextType, RequireFields<MutationDefineEventArgs, 'input'>>;
};

export type ParticipateResultResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ParticipateResult'] = ResolversParentTypes['ParticipateResult']> = {
  __resolveType: TypeResolveFn<'Participated' | 'AlreadyParticipated' | 'EntryNotAccepted' | 'UnknownRecommendationCode' | 'EventNotFound' | 'EventNotOpen', ParentType, ContextType>;
};

export type ChangeParticipationResultResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ChangeParticipationResult'] = ResolversParentTypes['ChangeParticipationResult']> = {
  __resolveType: TypeResolveFn<'ParticipationChanged' | 'NotParticipating' | 'EntryNotAccepted' | 'UnknownRecommendationCode' | 'EventNotFound' | 'EventNotOpen', ParentType, ContextType>;
};

export type WithdrawParticipationResultResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['WithdrawParticipationResult'] = ResolversParentTypes['WithdrawParticipationResult']> = {
  __resolveType: TypeResolveFn<'ParticipationWithdrawn' | 'NotParticipating' | 'EventNotFound' | 'EventNotOpen', ParentType, ContextType>;
};

export type ParticipatedResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Participated'] = ResolversParentTypes['Participated']> = {
  participation?: Resolver<ResolversTypes['Participation'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type ParticipationChangedResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ParticipationChanged'] = ResolversParentTypes['ParticipationChanged']> = {
  participation?: Resolver<ResolversTypes['Participation'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type ParticipationWithdrawnResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ParticipationWithdrawn'] = ResolversParentTypes['ParticipationWithdrawn']> = {
  participation?: Resolver<ResolversTypes['Participation'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type AlreadyParticipatedResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['AlreadyParticipated'] = ResolversParentTypes['AlreadyParticipated']> = {
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  participation?: Resolver<ResolversTypes['Participation'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type NotParticipatingResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['NotParticipating'] = ResolversParentTypes['NotParticipating']> = {
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type EntryNotAcceptedResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['EntryNotAccepted'] = ResolversParentTypes['EntryNotAccepted']> = {
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  accepts?: Resolver<ReadonlyArray<ResolversTypes['Entry']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type UnknownRecommendationCodeResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['UnknownRecommendationCode'] = ResolversParentTypes['UnknownRecommendationCode']> = {
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type EventNotFoundResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['EventNotFound'] = ResolversParentTypes['EventNotFound']> = {
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type EventNotOpenResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['EventNotOpen'] = ResolversParentTypes['EventNotOpen']> = {
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type MigrationResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Migration'] = ResolversParentTypes['Migration']> = {
  dataset?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  state?: Resolver<ResolversTypes['MigrationState'], ParentType, ContextType>;
  readNewPercent?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  epoch?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  settled?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  switching?: Resolver<Maybe<ResolversTypes['Switching']>, ParentType, ContextType>;
  businessLogic?: Resolver<ResolversTypes['BusinessLogic'], ParentType, ContextType>;
  businessLogicPinned?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  copy?: Resolver<Maybe<ResolversTypes['CopyProgress']>, ParentType, ContextType>;
  journal?: Resolver<ResolversTypes['JournalStatus'], ParentType, ContextType>;
  verification?: Resolver<Maybe<ResolversTypes['Verification']>, ParentType, ContextType>;
  instances?: Resolver<ReadonlyArray<ResolversTypes['Instance']>, ParentType, ContextType>;
  moves?: Resolver<ReadonlyArray<ResolversTypes['Move']>, ParentType, ContextType>;
  differences?: Resolver<ResolversTypes['DifferenceConnection'], ParentType, ContextType, RequireFields<MigrationDifferencesArgs, 'first'>>;
  quarantine?: Resolver<ResolversTypes['QuarantineConnection'], ParentType, ContextType, RequireFields<MigrationQuarantineArgs, 'first'>>;
  history?: Resolver<ResolversTypes['TransitionConnection'], ParentType, ContextType, RequireFields<MigrationHistoryArgs, 'first'>>;
};

export type SwitchingResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Switching'] = ResolversParentTypes['Switching']> = {
  to?: Resolver<ResolversTypes['MigrationState'], ParentType, ContextType>;
  readNewPercent?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
  phase?: Resolver<ResolversTypes['SwitchPhase'], ParentType, ContextType>;
  since?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  waitingFor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type CopyProgressResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['CopyProgress'] = ResolversParentTypes['CopyProgress']> = {
  total?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  copied?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  quarantined?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  rowsPerSecond?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  etaSeconds?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  running?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  paused?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  complete?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  rateLimit?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
};

export type JournalStatusResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['JournalStatus'] = ResolversParentTypes['JournalStatus']> = {
  entries?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  oldestAgeSeconds?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  pendingOld?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  pendingNew?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
};

export type VerificationResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Verification'] = ResolversParentTypes['Verification']> = {
  running?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  checked?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  total?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  differing?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  repaired?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  coverage?: Resolver<ResolversTypes['Float'], ParentType, ContextType>;
  clean?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  startedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  finishedAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
};

export type InstanceResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Instance'] = ResolversParentTypes['Instance']> = {
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  label?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  epoch?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  lastSeenAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  leaseExpiresAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
};

export type MoveResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Move'] = ResolversParentTypes['Move']> = {
  to?: Resolver<ResolversTypes['MigrationState'], ParentType, ContextType>;
  readNewPercent?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
  allowed?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  blockers?: Resolver<ReadonlyArray<ResolversTypes['Blocker']>, ParentType, ContextType>;
};

export type BlockerResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Blocker'] = ResolversParentTypes['Blocker']> = {
  code?: Resolver<ResolversTypes['BlockerCode'], ParentType, ContextType>;
  message?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  count?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
};

export type DifferenceResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Difference'] = ResolversParentTypes['Difference']> = {
  key?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  field?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  kind?: Resolver<ResolversTypes['DifferenceKind'], ParentType, ContextType>;
  old?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  new?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  firstSeenAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  lastSeenAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
};

export type QuarantinedRowResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['QuarantinedRow'] = ResolversParentTypes['QuarantinedRow']> = {
  key?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  reason?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  row?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  waived?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
};

export type TransitionResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Transition'] = ResolversParentTypes['Transition']> = {
  from?: Resolver<ResolversTypes['MigrationState'], ParentType, ContextType>;
  fromPercent?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
  to?: Resolver<ResolversTypes['MigrationState'], ParentType, ContextType>;
  toPercent?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
  epoch?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  actor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  reason?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  at?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  pauseMs?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  acceptedRisks?: Resolver<ReadonlyArray<ResolversTypes['BlockerCode']>, ParentType, ContextType>;
};

export type DifferenceConnectionResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['DifferenceConnection'] = ResolversParentTypes['DifferenceConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['DifferenceEdge']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type DifferenceEdgeResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['DifferenceEdge'] = ResolversParentTypes['DifferenceEdge']> = {
  node?: Resolver<ResolversTypes['Difference'], ParentType, ContextType>;
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type QuarantineConnectionResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['QuarantineConnection'] = ResolversParentTypes['QuarantineConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['QuarantineEdge']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type QuarantineEdgeResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['QuarantineEdge'] = ResolversParentTypes['QuarantineEdge']> = {
  node?: Resolver<ResolversTypes['QuarantinedRow'], ParentType, ContextType>;
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type TransitionConnectionResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['TransitionConnection'] = ResolversParentTypes['TransitionConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['TransitionEdge']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type TransitionEdgeResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['TransitionEdge'] = ResolversParentTypes['TransitionEdge']> = {
  node?: Resolver<ResolversTypes['Transition'], ParentType, ContextType>;
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type SwitchMigrationResultResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['SwitchMigrationResult'] = ResolversParentTypes['SwitchMigrationResult']> = {
  __resolveType: TypeResolveFn<'MigrationSwitched' | 'SwitchBlocked' | 'EpochConflict', ParentType, ContextType>;
};

export type MigrationSwitchedResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['MigrationSwitched'] = ResolversParentTypes['MigrationSwitched']> = {
  migration?: Resolver<ResolversTypes['Migration'], ParentType, ContextType>;
  dryRun?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  pauseMs?: Resolver<Maybe<ResolversTypes['Float']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type SwitchBlockedResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['SwitchBlocked'] = ResolversParentTypes['SwitchBlocked']> = {
  migration?: Resolver<ResolversTypes['Migration'], ParentType, ContextType>;
  blockers?: Resolver<ReadonlyArray<ResolversTypes['Blocker']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type EpochConflictResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['EpochConflict'] = ResolversParentTypes['EpochConflict']> = {
  migration?: Resolver<ResolversTypes['Migration'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type Resolvers<ContextType = RequestContext> = {
  DateTime?: GraphQLScalarType;
  PhoneNumber?: GraphQLScalarType;
  PageInfo?: PageInfoResolvers<ContextType>;
  Event?: EventResolvers<ContextType>;
  EventConnection?: EventConnectionResolvers<ContextType>;
  EventEdge?: EventEdgeResolvers<ContextType>;
  Phone?: PhoneResolvers<ContextType>;
  Participation?: ParticipationResolvers<ContextType>;
  ParticipationConnection?: ParticipationConnectionResolvers<ContextType>;
  ParticipationEdge?: ParticipationEdgeResolvers<ContextType>;
  Query?: QueryResolvers<ContextType>;
  Mutation?: MutationResolvers<ContextType>;
  ParticipateResult?: ParticipateResultResolvers<ContextType>;
  ChangeParticipationResult?: ChangeParticipationResultResolvers<ContextType>;
  WithdrawParticipationResult?: WithdrawParticipationResultResolvers<ContextType>;
  Participated?: ParticipatedResolvers<ContextType>;
  ParticipationChanged?: ParticipationChangedResolvers<ContextType>;
  ParticipationWithdrawn?: ParticipationWithdrawnResolvers<ContextType>;
  AlreadyParticipated?: AlreadyParticipatedResolvers<ContextType>;
  NotParticipating?: NotParticipatingResolvers<ContextType>;
  EntryNotAccepted?: EntryNotAcceptedResolvers<ContextType>;
  UnknownRecommendationCode?: UnknownRecommendationCodeResolvers<ContextType>;
  EventNotFound?: EventNotFoundResolvers<ContextType>;
  EventNotOpen?: EventNotOpenResolvers<ContextType>;
  Migration?: MigrationResolvers<ContextType>;
  Switching?: SwitchingResolvers<ContextType>;
  CopyProgress?: CopyProgressResolvers<ContextType>;
  JournalStatus?: JournalStatusResolvers<ContextType>;
  Verification?: VerificationResolvers<ContextType>;
  Instance?: InstanceResolvers<ContextType>;
  Move?: MoveResolvers<ContextType>;
  Blocker?: BlockerResolvers<ContextType>;
  Difference?: DifferenceResolvers<ContextType>;
  QuarantinedRow?: QuarantinedRowResolvers<ContextType>;
  Transition?: TransitionResolvers<ContextType>;
  DifferenceConnection?: DifferenceConnectionResolvers<ContextType>;
  DifferenceEdge?: DifferenceEdgeResolvers<ContextType>;
  QuarantineConnection?: QuarantineConnectionResolvers<ContextType>;
  QuarantineEdge?: QuarantineEdgeResolvers<ContextType>;
  TransitionConnection?: TransitionConnectionResolvers<ContextType>;
  TransitionEdge?: TransitionEdgeResolvers<ContextType>;
  SwitchMigrationResult?: SwitchMigrationResultResolvers<ContextType>;
  MigrationSwitched?: MigrationSwitchedResolvers<ContextType>;
  SwitchBlocked?: SwitchBlockedResolvers<ContextType>;
  EpochConflict?: EpochConflictResolvers<ContextType>;
};

export type DirectiveResolvers<ContextType = RequestContext> = {
  migration?: MigrationDirectiveResolver<any, any, ContextType>;
  storedIn?: StoredInDirectiveResolver<any, any, ContextType>;
};
