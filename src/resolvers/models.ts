/** What stands behind each type of the schema, for the generated resolver types. */
import type * as api from '../migration/api.ts';
import type * as control from '../migration/control/control.ts';
import type { JournalStatus } from '../migration/journal/journal.ts';
import type { QuarantinedRow } from '../migration/stores/store.ts';
import type { ParticipationFaces } from '../activity/dataset.ts';
import type { Event } from '../activity/events.ts';
import type { Connection, Edge } from './connection.ts';

export interface PhoneModel {
  /** E.164. */
  readonly number: string;
}
export type EventModel = Event;
export type EventEdgeModel = Edge<Event>;
export type EventConnectionModel = Connection<Event>;
export type ParticipationModel = ParticipationFaces;
export type ParticipationEdgeModel = Edge<ParticipationFaces>;
export type ParticipationConnectionModel = Connection<ParticipationFaces>;

export type MigrationModel = api.MigrationStatus;
export type SwitchingModel = NonNullable<api.MigrationStatus['switching']>;
export type CopyProgressModel = api.CopyProgress;
export type JournalStatusModel = JournalStatus;
export type VerificationModel = api.VerificationStatus;
export type InstanceModel = control.InstanceRow;
export type MoveModel = api.MoveOption;
export type BlockerModel = api.Blocker;
export type DifferenceModel = control.Difference;
export type DifferenceEdgeModel = Edge<control.Difference>;
export type DifferenceConnectionModel = Connection<control.Difference>;
export type QuarantinedRowModel = QuarantinedRow;
export type QuarantineEdgeModel = Edge<QuarantinedRow>;
export type QuarantineConnectionModel = Connection<QuarantinedRow>;
export type TransitionModel = control.Transition;
export type TransitionEdgeModel = Edge<control.Transition>;
export type TransitionConnectionModel = Connection<control.Transition>;
