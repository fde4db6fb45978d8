/** Pages as the Relay specification has them, and the opaque cursors that stand in them. */
import { badInput } from '../migration/errors.ts';

const FIRST_DEFAULT = 20;

export interface Edge<N> {
  readonly node: N;
  readonly cursor: string;
}

export interface Connection<N> {
  readonly edges: readonly Edge<N>[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  /** A method, so that nothing is counted unless the client asks. */
  totalCount(): Promise<number>;
}

export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

/** `list`: the page that was cut at `after`. */
export function connection<N>(
  list: { readonly edges: readonly Edge<N>[]; readonly hasNextPage: boolean; totalCount(): Promise<number> },
  after: string | null | undefined,
): Connection<N> {
  return {
    edges: list.edges,
    pageInfo: {
      hasNextPage: list.hasNextPage,
      hasPreviousPage: typeof after === 'string',
      startCursor: list.edges[0]?.cursor ?? null,
      endCursor: list.edges.at(-1)?.cursor ?? null,
    },
    totalCount: () => list.totalCount(),
  };
}

/** For the types of connections: what is compiled reads fields that have no resolver, and calls none of them. */
export const connectionResolvers = {
  totalCount: (list: { totalCount(): Promise<number> }): Promise<number> => list.totalCount(),
};

/** `first` of a list, 1 to `maxPageSize` (20 if it is null); BAD_USER_INPUT if it is not. */
export function pageSize({ first }: PageArguments, { maxPageSize }: { readonly maxPageSize: number }): number {
  const size = first ?? FIRST_DEFAULT;
  if (size < 1 || size > maxPageSize) throw badInput('first', `first must be 1 to ${maxPageSize}, not ${size}.`);
  return size;
}

/**
 * Cursors hold a position and nothing of the state it was read in, so they stay valid through every switch. The prefix tells the list
 * and the version of the form; a cursor of another list or release is refused instead of misread.
 */
export interface CursorForm {
  encode(position: string): string;
  /** BAD_USER_INPUT (field `after`) if this form did not make it. */
  decode(cursor: string): string;
}

export function cursorForm(prefix: string, isPosition: (position: string) => boolean): CursorForm {
  const encode = (position: string): string => Buffer.from(prefix + position, 'utf8').toString('base64url');
  return {
    encode,
    decode: (cursor) => {
      const text = Buffer.from(cursor, 'base64url').toString('utf8');
      const position = text.slice(prefix.length);
      // Only what comes out again as it went in is ours: decoding forgives characters, bytes and padding that encoding never makes.
      if (!text.startsWith(prefix) || encode(position) !== cursor || !isPosition(position)) {
        throw badInput('after', 'after must be a cursor of this list.');
      }
      return position;
    },
  };
}
