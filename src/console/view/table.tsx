/** A page of a list: a table on a wide screen, one card a row on a narrow one; the columns are the same. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Cut, Listed, ListName } from '../session/documents.ts';
import { PAGE } from '../session/documents.ts';
import type { Problem } from '../session/problem.ts';
import { count } from '../words/format.ts';
import { ProblemNote } from './problem-note.tsx';
import { useSession } from './use-session.ts';

export interface Column<N> {
  readonly name: string;
  readonly cell: (node: N) => ComponentChildren;
  /** Numbers stand at the right. */
  readonly numeric?: boolean;
}

interface RowsProps<N> {
  readonly caption: string;
  readonly columns: readonly Column<N>[];
  readonly rows: readonly N[];
  readonly identify: (node: N) => string;
}

export function Rows<N>({ caption, columns, rows, identify }: RowsProps<N>) {
  return (
    <table>
      <caption class="visually-hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map(({ name, numeric }) => (
            <th key={name} scope="col" class={numeric ? 'numeric' : ''}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((node) => (
          <tr key={identify(node)}>
            {columns.map(({ name, cell, numeric }) => (
              <td key={name} data-name={name} class={numeric ? 'numeric' : ''}>
                {cell(node)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface ListProps<N> extends Omit<RowsProps<N>, 'rows'> {
  readonly name: ListName;
  readonly list: Listed<N> | null;
  readonly missing: Problem | undefined;
  /** Said when there is nothing in it. */
  readonly empty: string;
}

/** Each tick brings the page that is looked at; going on remembers the way back. */
export function List<N>({ name, list, missing, empty, ...table }: ListProps<N>) {
  const session = useSession();
  const [cuts, setCuts] = useState<readonly Cut['after'][]>([null]);
  useEffect(() => {
    session.look({ list: name, after: cuts.at(-1) ?? null });
  }, [session, name, cuts]);
  useEffect(() => () => session.look(null), [session]);

  if (missing) return <ProblemNote problem={missing} lead="Not known." />;
  if (!list?.rows) return <p class="quiet">Asking…</p>;
  if (list.total === 0) return <p class="quiet">{empty}</p>;
  const first = (cuts.length - 1) * PAGE + 1;
  const { next } = list;
  return (
    <>
      <Rows {...table} rows={list.rows} />
      <nav class="pager" aria-label={`Pages of ${table.caption.toLowerCase()}`}>
        <span class="number">
          {count(first)}–{count(first + list.rows.length - 1)} of {count(list.total)}
        </span>
        {(next !== null || cuts.length > 1) && (
          <>
            <button
              type="button"
              class="plain small"
              disabled={cuts.length === 1}
              onClick={() => setCuts(cuts.slice(0, -1))}
            >
              Before
            </button>
            <button
              type="button"
              class="plain small"
              disabled={next === null}
              onClick={() => next !== null && setCuts([...cuts, next])}
            >
              After
            </button>
          </>
        )}
      </nav>
    </>
  );
}
