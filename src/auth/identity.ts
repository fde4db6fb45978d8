/** What a token proves. */
import type { Scope } from '../resolvers/context.ts';

export interface Identity {
  /** Who is asking, for the history. */
  readonly actor: string;
  readonly scopes: ReadonlySet<Scope>;
}

/** It proves nothing. */
export interface Unproven {
  /** For the log; without anything of the token. */
  readonly why: string;
  /** It could not be looked at: a fault on this side. */
  readonly cause?: unknown;
}
