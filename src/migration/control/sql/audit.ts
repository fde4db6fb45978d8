/** What operators asked for and what became of it: rows are added, and the database refuses to change or remove one. */
import type { Selectable } from 'kysely';
import type { AuditEntry, ControlStore } from '../control.ts';
import { oneOf, type Access } from './access.ts';
import type { AuditTable } from './tables.ts';

export function auditTable(access: Access): Pick<ControlStore, 'appendAudit' | 'auditTrail'> {
  return {
    appendAudit: (entry) =>
      access.write(async (tx) => {
        await tx.insertInto('crossfade_audit').values(toRow(entry)).execute();
      }),

    auditTrail: (limit) =>
      access.read(async (db) => {
        const all = db.selectFrom('crossfade_audit').selectAll();
        const newest = all.orderBy('at', 'desc').orderBy('id', 'desc').orderBy('phase', 'desc').limit(limit);
        return (await newest.execute()).map(fromRow);
      }),
  };
}

function toRow({ requestId, input, state, ...entry }: AuditEntry): AuditTable {
  return { ...entry, request_id: requestId, input: JSON.stringify(input), state: JSON.stringify(state) };
}

function fromRow({ request_id: requestId, ...row }: Selectable<AuditTable>): AuditEntry {
  return {
    ...row,
    phase: oneOf(['BEGUN', 'ENDED'], row.phase),
    requestId,
    input: JSON.parse(row.input),
    state: JSON.parse(row.state),
  };
}
