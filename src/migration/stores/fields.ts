/** The fields of a table, for engines that go through them with every row. */
import type { Column, Table } from '../dataset.ts';

type Fields = readonly (readonly [field: string, column: Column])[];

const known = new WeakMap<Table, Fields>();

/** In the order of the definition. */
export function fieldsOf(table: Table): Fields {
  let fields = known.get(table);
  if (!fields) {
    fields = Object.entries(table.columns);
    known.set(table, fields);
  }
  return fields;
}
