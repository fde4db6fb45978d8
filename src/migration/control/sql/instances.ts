/**
 * Who holds a lease: an instance registers, or renews, and then reads the record.
 *
 * The order is what counts, and no lock is needed: the registration is committed before the record is read, and whoever announces commits the
 * record before it looks who is registered. So one of the two sees the other, and renewals never wait for each other.
 */
import type { ExpressionBuilder, Selectable } from 'kysely';
import type { ControlStore, InstanceRow, Renewal } from '../control.ts';
import { toNumber, type Access } from './access.ts';
import { readRecord } from './record.ts';
import type { ControlTables, InstanceTable } from './tables.ts';

/** An instance that was not seen for this many leases is forgotten … */
const FORGOTTEN_LEASES = 10;
/** … but not before this many milliseconds. */
const FORGOTTEN_MS = 60_000;

export function instanceTable(access: Access): Pick<ControlStore, 'renew' | 'release' | 'instances'> {
  return {
    async renew(renewal) {
      const { dataset, id, ...rest } = toRow(renewal, access.time(), access.time(renewal.leaseMs));
      const long = access.time(-Math.max(FORGOTTEN_LEASES * renewal.leaseMs, FORGOTTEN_MS));
      const silent = ({ eb, and }: ExpressionBuilder<ControlTables, 'crossfade_instance'>) =>
        and([
          eb('dataset', '=', dataset),
          eb('last_seen_at', '<', long),
          // Its lease may be longer than ours.
          eb('lease_expires_at', '<', access.time()),
        ]);
      const { gone } = await access.once((db) =>
        db
          .insertInto('crossfade_instance')
          .values({ dataset, id, ...rest })
          .onConflict((conflict) => conflict.columns(['dataset', 'id']).doUpdateSet(rest))
          // Nearly always there is none, and then it is one statement.
          .returning(({ exists, selectFrom }) =>
            exists(selectFrom('crossfade_instance').select('id').where(silent)).as('gone'),
          )
          .executeTakeFirstOrThrow(),
      );
      if (gone) await access.once((db) => db.deleteFrom('crossfade_instance').where(silent).execute());
      return access.read((db) => readRecord(db, dataset));
    },

    async release(dataset, id) {
      await access.write((tx) =>
        tx.deleteFrom('crossfade_instance').where('dataset', '=', dataset).where('id', '=', id).execute(),
      );
    },

    instances: (dataset, withinMs) =>
      access.read(async (db) => {
        const all = db.selectFrom('crossfade_instance').selectAll().where('dataset', '=', dataset).orderBy('id');
        const seen = withinMs === null ? all : all.where('last_seen_at', '>=', access.time(-withinMs));
        return (await seen.execute()).map(fromRow);
      }),
  };
}

function toRow(renewal: Renewal, now: string, expires: string) {
  return {
    dataset: renewal.dataset,
    id: renewal.id,
    label: renewal.label,
    epoch: renewal.epoch,
    answered: renewal.answered,
    lease_ms: renewal.leaseMs,
    last_seen_at: now,
    lease_expires_at: expires,
  };
}

function fromRow(row: Selectable<InstanceTable>): InstanceRow {
  return {
    id: row.id,
    label: row.label,
    epoch: toNumber(row.epoch),
    answered: toNumber(row.answered),
    leaseMs: toNumber(row.lease_ms),
    lastSeenAt: row.last_seen_at,
    leaseExpiresAt: row.lease_expires_at,
  };
}
