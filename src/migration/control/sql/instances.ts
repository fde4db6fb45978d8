/** Who holds a lease: an instance registers, or renews, and reads the record in one transaction. */
import type { Selectable } from 'kysely';
import type { ControlStore, InstanceRow, Renewal } from '../control.ts';
import { toNumber, type Access } from './access.ts';
import { readRecord } from './record.ts';
import type { InstanceTable } from './tables.ts';

/** An instance that was not seen for this many leases is forgotten … */
const FORGOTTEN_LEASES = 10;
/** … but not before this many milliseconds. */
const FORGOTTEN_MS = 60_000;

export function instanceTable(access: Access): Pick<ControlStore, 'renew' | 'release' | 'instances'> {
  return {
    renew: (renewal) =>
      access.write(async (tx, lock) => {
        // The lock makes an announce come wholly before this (then we read it) or wholly after (then its driver sees us registered).
        const record = await readRecord(tx, renewal.dataset, lock);
        const { dataset, id, ...rest } = toRow(renewal, access.time(), access.time(renewal.leaseMs));
        await tx
          .insertInto('crossfade_instance')
          .values({ dataset, id, ...rest })
          .onConflict((conflict) => conflict.columns(['dataset', 'id']).doUpdateSet(rest))
          .execute();
        await tx
          .deleteFrom('crossfade_instance')
          .where('dataset', '=', dataset)
          .where('last_seen_at', '<', access.time(-Math.max(FORGOTTEN_LEASES * renewal.leaseMs, FORGOTTEN_MS)))
          // Its lease may be longer than ours.
          .where('lease_expires_at', '<', access.time())
          .execute();
        return record;
      }),

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
