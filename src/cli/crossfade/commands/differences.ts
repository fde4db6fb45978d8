import type { Command } from '../command.ts';
import { LIST_OPTIONS, more, readList } from '../lists.ts';
import { counted } from '../numbers.ts';

interface Difference {
  readonly key: string;
  readonly field: string | null;
  readonly kind: string;
  readonly old: string | null;
  readonly new: string | null;
}

export const differences: Command = {
  name: 'differences',
  meaning: 'what differs between the stores, in key order',
  options: LIST_OPTIONS,
  changes: false,
  run: async (context, given) => {
    const fields = 'key field kind old new firstSeenAt lastSeenAt';
    const listed = await readList<Difference>(context, 'differences', fields, given);
    const rows = listed.nodes.map(({ key, field, kind, ...values }) => {
      const where = field === null ? key : `${key} ${field}`;
      return `  ${where}: ${kind}, old ${shown(values.old)}, new ${shown(values.new)}`;
    });
    return { json: listed, lines: [`${counted(listed.totalCount, 'difference')}`, ...rows, ...more(listed)] };
  },
};

/** A row is JSON already; anything else is quoted, so that it stays on its line whatever is in it. */
function shown(value: string | null): string {
  if (value === null) return 'nothing';
  return isRow(value) ? value : JSON.stringify(value);
}

function isRow(value: string): boolean {
  try {
    const row: unknown = JSON.parse(value);
    return typeof row === 'object' && row !== null && JSON.stringify(row) === value;
  } catch {
    return false;
  }
}
