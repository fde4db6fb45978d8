/** Exit codes, and how a command fails. */
export const EXIT_CODES = {
  OK: { code: 0, means: 'done, or in a dry run: it would be' },
  FAILED: { code: 1, means: 'nothing answers, or the server failed' },
  USAGE: { code: 2, means: 'the command line or an input is wrong; nothing was changed' },
  BLOCKED: { code: 3, means: 'something stands in the way; nothing was changed' },
  CONFLICT: { code: 4, means: 'somebody else switched first; nothing was changed' },
  UNHEALTHY: {
    code: 5,
    means: 'differences are left, a verification is not clean, or the doctor found something to change',
  },
  UNAUTHORIZED: { code: 6, means: 'no token, a wrong one, or one whose scope is too small' },
} as const satisfies Record<string, { readonly code: number; readonly means: string }>;

export type ExitName = keyof typeof EXIT_CODES;

/** A command that ends before it is done, with a sentence for whoever typed it. */
export class CommandFailure extends Error {
  readonly exit: ExitName;
  /** `extensions.code` of the server's answer; null: the failure is none of the server's. */
  readonly code: string | null;

  constructor(
    exit: ExitName,
    message: string,
    details: { readonly code?: string | null; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'CommandFailure';
    this.exit = exit;
    this.code = details.code ?? null;
  }
}

/** The exit that an error code of the server stands for. */
export function exitOf(code: string | null): ExitName {
  switch (code) {
    case 'UNAUTHENTICATED':
    case 'FORBIDDEN':
      return 'UNAUTHORIZED';
    case 'BAD_USER_INPUT':
    case 'UNKNOWN_DATASET':
      return 'USAGE';
    default:
      return 'FAILED';
  }
}
