/** The control store in an SQL database, of any engine that hands in a `SqlDatabase`. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import type { SqlDatabase } from '../../sql/database.ts';
import type { ControlStore } from '../control.ts';
import { Access } from './access.ts';
import { Changes } from './changes.ts';
import { auditTable } from './audit.ts';
import { claims } from './claims.ts';
import { differenceTable } from './differences.ts';
import { transitions } from './history.ts';
import { instanceTable } from './instances.ts';
import { controlRecords } from './record.ts';
import { controlTables, type ControlTables } from './tables.ts';
import { verifications } from './verifications.ts';

export type { ControlTables } from './tables.ts';

/** What is on record of who did what. */
const APPEND_ONLY = ['crossfade_transition', 'crossfade_audit'];

export interface SqlControlOptions {
  /** Closed with the control store. */
  readonly database: SqlDatabase<ControlTables>;
  /** Its wall time is what all times in the tables are. */
  readonly clock: Clock;
}

/**
 * Several of these may work on one database at the same time, in one process or in many. Listeners of `onChange` are
 * called before a change that is made through this one returns, and must not throw.
 */
export function sqlControl({ database, clock }: SqlControlOptions): ControlStore {
  const access = new Access(database, clock);
  const changes = new Changes(database.channel ?? null);
  const { onChange, hears } = changes;
  return {
    onChange,
    hears,
    async open() {
      await access.guard(() =>
        database.migrate([
          ...controlTables(database.byteText),
          ...APPEND_ONLY.flatMap((table) => database.appendOnly(table)),
        ]),
      );
      return deploymentId(access);
    },
    async ping() {
      await access.read((db) => db.selectFrom('crossfade_meta').select('name').limit(1).execute());
    },
    close: () => access.guard(() => database.close()),
    ...controlRecords(access, changes),
    ...instanceTable(access),
    ...transitions(access),
    ...claims(access),
    ...verifications(access),
    ...differenceTable(access),
    ...auditTable(access),
  };
}

/** The id that tells this control store from all others; stores keep it in their fences. Made by whoever opens first. */
function deploymentId(access: Access): Promise<string> {
  return access.write(async (tx) => {
    await tx
      .insertInto('crossfade_meta')
      .values({ name: 'deployment', value: randomUUID() })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute();
    const query = tx.selectFrom('crossfade_meta').select('value').where('name', '=', 'deployment');
    return (await query.executeTakeFirstOrThrow()).value;
  });
}
