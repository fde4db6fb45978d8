/** The engine for other subgraphs: everything a dataset of one's own needs. */
export * from './api.ts';
export { systemClock, type Clock } from './clock.ts';
export * from './dataset.ts';
export { createEngine, type EngineOptions } from './engine.ts';
export { CrossfadeError, ERRORS, hasCode, type ErrorCode } from './errors.ts';
export type { Logger } from './log.ts';
export type { ComparisonResult, Observer } from './observer.ts';
export { LADDER, MOVES, STATES, type BusinessLogic, type MigrationState, type Place } from './states.ts';
export type { Store } from './stores/store.ts';
export type { Journal } from './journal/journal.ts';
export type { ControlStore } from './control/control.ts';
