/** Commands of clients. */
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { OperationExpired } from '../../../src/migration/api.ts';
import { keyOf, mutateTicket, reading, type TicketFaces, type TicketOperation } from '../../support/client.ts';
import { soon } from '../../support/deployment.ts';
import { compareModelKeys, type Model, type ModelFilter } from '../../support/model.ts';
import { command, faceOf, filter, key, kind, plain, show, who } from './world.ts';

export const writes = fc
  .record({ i: who, key, kind, face: fc.constantFrom('old', 'new') })
  .map(({ i, key: k, kind: what, face }) =>
    command(`${what} ${show(k)} at ${i}`, {
      check: (model) => !model.isUndecided(k),
      run: async (model, world) => {
        const before = model.get(k);
        const seat = what === 'REMOVE' ? null : world.seat();
        const refuses = (before !== null) === (what === 'CREATE');
        const answer = await mutateTicket(world.process(i).instance.engine, k, seat, what, face);
        if (refuses) {
          expect(answer.outcome).toBe('REFUSED');
          expect(plain('current' in answer ? answer.current : null)).toEqual(before);
          return;
        }
        expect(answer.outcome).toBe('WRITTEN');
        expect(plain('before' in answer ? answer.before : null)).toEqual(before);
        expect(plain('after' in answer ? answer.after : null)).toEqual(faceOf(seat, k));
        model.set(k, seat);
        const elsewhere = world.another(i).instance.engine;
        const seen = await reading(elsewhere, (operation) => operation.load({ ...k }));
        expect(plain(seen), 'what was acknowledged, through another instance').toEqual(model.get(k));
      },
    }),
  );

export const gets = fc.record({ i: who, key }).map(({ i, key: k }) =>
  command(`get ${show(k)} at ${i}`, {
    check: (model) => !model.isUndecided(k),
    run: async (model, world) => {
      const found = await reading(world.process(i).instance.engine, (operation) => operation.load({ ...k }));
      expect(plain(found)).toEqual(model.get(k));
    },
  }),
);

export const lists = fc
  .record({ i: who, filter, first: fc.integer({ min: 1, max: 5 }) })
  .map(({ i, filter: by, first }) =>
    command(`list ${show(by ?? 'all')} by ${first} at ${i}`, {
      run: async (model, world) => {
        const { engine } = world.process(i).instance;
        const { rows, count } = await reading(engine, async (operation) => ({
          rows: await walkPages(operation, by, first),
          count: await operation.count(by),
        }));
        compareLists(model, by, rows);
        const must = model.rows(by).length;
        expect(count).toBeGreaterThanOrEqual(must);
        expect(count).toBeLessThanOrEqual(must + model.maybe(by).length);
      },
    }),
  );

export async function walkPages(
  operation: TicketOperation,
  by: ModelFilter,
  first: number,
): Promise<readonly TicketFaces[]> {
  const rows: TicketFaces[] = [];
  for (let after: string | null = null; ;) {
    const page = await operation.page({ after, first, ...(by && { filter: by }) });
    rows.push(...page.rows);
    expect(page.rows.length).toBeLessThanOrEqual(first);
    after = page.rows.at(-1)?.key ?? null;
    if (!page.hasNextPage) return rows;
  }
}

export function compareLists(model: Model, by: ModelFilter, found: readonly TicketFaces[]): void {
  const rows = found.map((faces) => plain(faces));
  expect(rows.filter((row) => row && !model.isUndecided(row))).toEqual(model.rows(by));
  const maybe = model.maybe(by);
  for (const row of rows) if (row && model.isUndecided(row)) expect(maybe).toContainEqual(row);
}

/** A list that is begun in one state and goes on in another. */
export const pages = fc
  .record({ i: who, filter, first: fc.integer({ min: 1, max: 4 }), goOn: fc.nat(3) })
  .map(({ i, filter: by, first, goOn }) =>
    command(`page of ${first} at ${i}, cursor ${goOn}`, {
      check: (model) => model.allDecided,
      run: async (model, world) => {
        const cursor = world.cursors[goOn] ?? { filter: by, after: null, last: null };
        const query = { after: cursor.after, first, ...(cursor.filter && { filter: cursor.filter }) };
        const page = await reading(world.process(i).instance.engine, (operation) => operation.page(query));
        const { last } = cursor;
        const rest = model.rows(cursor.filter).filter((row) => !last || compareModelKeys(row, last) > 0);
        expect(page.rows.map((faces) => plain(faces))).toEqual(rest.slice(0, first));
        expect(page.hasNextPage).toBe(rest.length > first);
        const end = page.rows.at(-1);
        world.cursors.splice(goOn, 1);
        if (end) world.cursors.unshift({ filter: cursor.filter, after: end.key, last: keyOf(end) });
      },
    }),
  );

/** An operation that stays open while other things happen: what it still reads is right, or it has to start over. */
export const openOperations = fc.record({ i: who, key }).map(({ i, key: k }) =>
  command(`read ${show(k)} in the operation open at ${i}`, {
    check: (model) => !model.isUndecided(k),
    run: async (model, world) => {
      const process = world.process(i);
      process.operation ??= { reads: await process.instance.engine.begin(soon()), loaded: new Set() };
      const { reads, loaded } = process.operation;
      if (loaded.has(show(k))) return;
      try {
        const found = await reads.load({ ...k });
        loaded.add(show(k));
        expect(plain(found)).toEqual(model.get(k));
      } catch (error) {
        if (!(error instanceof OperationExpired)) throw error;
        reads.end();
        process.operation = null;
      }
    },
  }),
);

export const endOperations = who.map((i) =>
  command(`end the operation at ${i}`, {
    run: async (_, world) => {
      world.process(i).operation?.reads.end();
      world.process(i).operation = null;
    },
  }),
);
