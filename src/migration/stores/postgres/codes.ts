/**
 * What a failure of the server or of the driver means for us. The one table of codes: everything else asks it.
 *
 * Codes are SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html), whole or by class, their first two characters.
 */
import { DatabaseError } from 'pg';

/**
 *   AGAIN     the transaction was rolled back because of others: the same again may succeed
 *   REFUSED   the row breaks a rule of the table, and will however often it is written
 *   LOST      the connection is gone, or of no use any more
 *   FAILED    anything else; the connection goes on
 */
export type Meaning = 'AGAIN' | 'REFUSED' | 'LOST' | 'FAILED';

const MEANINGS: Readonly<Record<string, Meaning>> = {
  '40001': 'AGAIN', // serialization_failure
  '40P01': 'AGAIN', // deadlock_detected
  '22': 'REFUSED', // data exceptions: out of range, too long, bad encoding
  '23': 'REFUSED', // integrity constraints
  '44': 'REFUSED', // with check option
  '54': 'REFUSED', // program limits: a key too long for its index
  P0001: 'REFUSED', // raised by a trigger
  '08': 'LOST', // connection exceptions
  '25P03': 'LOST', // idle_in_transaction_session_timeout
  '57P01': 'LOST', // admin_shutdown
  '57P02': 'LOST', // crash_shutdown
  '57P05': 'LOST', // idle_session_timeout
  '0A000': 'LOST', // a prepared statement whose table was altered
};

/** The server answers, but not to this user, or not about this database: as long as nobody changes that. */
const BARRED: readonly string[] = [
  '28000', // invalid_authorization_specification: no such role, or no entry in pg_hba.conf
  '28P01', // invalid_password
  '3D000', // no such database
  '3F000', // no such schema, so that no table can be made
  '42501', // insufficient_privilege
];

/** Why the server bars us, in its words; null: it does not. */
export function barring(error: unknown): string | null {
  const cause = error instanceof DriverFailure ? error.cause : error;
  if (cause instanceof DatabaseError) return BARRED.includes(cause.code ?? '') ? cause.message : null;
  // The driver's own word for a server that wants a password where the URL has none.
  return cause instanceof Error && cause.message.startsWith('SASL:') ? 'it wants a password' : null;
}

/** A failure of one statement, as the connection met it. The driver's own error is the cause. */
export class DriverFailure extends Error {
  override readonly name = 'DriverFailure';
  /** SQLSTATE; null: not from the server, so nobody knows what the server did. */
  readonly code: string | null;
  readonly meaning: Meaning;

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    const fromServer = cause instanceof DatabaseError ? cause : null;
    this.code = fromServer?.code ?? null;
    this.meaning = fromServer ? meaningOf(fromServer) : 'LOST';
  }
}

function meaningOf({ code = '', severity }: DatabaseError): Meaning {
  if (severity === 'FATAL' || severity === 'PANIC') return 'LOST';
  return MEANINGS[code] ?? MEANINGS[code.slice(0, 2)] ?? 'FAILED';
}
