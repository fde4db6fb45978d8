/**
 * The one catalogue of error codes: what each tells the client, and whether its own message may be shown.
 *
 * `expose: true` means the message of the thrown error is written for the client and is shown as it is;
 * otherwise the client sees the catalogue's sentence and the detail goes to the log only, so that
 * no SQL, URL or stack trace leaves the process.
 */
export const ERRORS = {
  BAD_USER_INPUT: { message: 'The input is not valid.', expose: true },
  UNAUTHENTICATED: { message: 'A valid admin token is required.', expose: true },
  FORBIDDEN: { message: 'The token does not allow this operation.', expose: false },
  UNKNOWN_DATASET: { message: 'There is no such dataset.', expose: true },
  STORE_UNAVAILABLE: { message: 'A store that this request needs does not answer.', expose: false },
  JOURNAL_UNAVAILABLE: { message: 'The journal does not answer or cannot be trusted.', expose: false },
  JOURNAL_FULL: { message: 'The journal has no room for another write.', expose: false },
  CONTROL_UNAVAILABLE: { message: 'The control store does not answer.', expose: false },
  OUTCOME_UNKNOWN: { message: 'The write may or may not have taken effect; read before you try again.', expose: false },
  DEADLINE_EXCEEDED: { message: 'The request took longer than its deadline.', expose: false },
  INTERNAL: { message: 'Something went wrong here; it has been logged.', expose: false },
} as const satisfies Record<string, { readonly message: string; readonly expose: boolean }>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorDetails {
  /** Shown to the client where the catalogue says `expose`, logged always. */
  readonly message?: string;
  /** The input field that is wrong (BAD_USER_INPUT). */
  readonly field?: string;
  readonly cause?: unknown;
}

/** Every failure that leaves the engine is one of these. */
export class CrossfadeError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.message ?? ERRORS[code].message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'CrossfadeError';
    this.code = code;
    this.field = details.field;
  }
}

/** A store that answers, and can't be used as it is set up: its URL, a right, a table or the server itself has to be changed by a person. */
export class StoreUnusable extends CrossfadeError {
  constructor(message: string, cause?: unknown) {
    super('STORE_UNAVAILABLE', { message, cause });
    this.name = 'StoreUnusable';
  }
}

/** A journal that answers, and lets nobody in as its URL says: a person has to change the one or the other. */
export class JournalUnusable extends CrossfadeError {
  constructor(message: string, cause?: unknown) {
    super('JOURNAL_UNAVAILABLE', { message, cause });
    this.name = 'JournalUnusable';
  }
}

export function badInput(field: string, message: string): CrossfadeError {
  return new CrossfadeError('BAD_USER_INPUT', { field, message });
}

export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is CrossfadeError {
  return error instanceof CrossfadeError && codes.includes(error.code);
}
