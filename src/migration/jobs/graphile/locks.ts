/**
 * Whose a piece is, in the worker's own table: its interface has no word for "I am still at it", nor for "give free this one alone". The
 * version is pinned, and the tests of the queue go through all of this on a server.
 */
import { HELD_MS } from '../queue.ts';

/** As a client and a pool of the driver have it. */
export interface Querier {
  query<R extends object>(text: string, values: readonly unknown[]): Promise<{ readonly rows: readonly R[] }>;
}

/** A job that was taken. `holder`: what it is locked by, one name for all workers of a process; `attempts`: the how-many-eth take it is. */
export interface Held {
  readonly id: string;
  readonly key: string | null;
  readonly holder: string | null;
  readonly attempts: number;
}

export class Locks {
  readonly #jobs: string;
  readonly #tasks: string;

  constructor(schema: string) {
    this.#jobs = `${schema}._private_jobs`;
    this.#tasks = `${schema}._private_tasks`;
  }

  /** Is the job still whose it was when it was taken? `renew`: and counts as taken just now. */
  async holds(client: Querier, { id, key, holder, attempts }: Held, renew: boolean): Promise<boolean> {
    const mine = 'id = $1 and key is not distinct from $2 and locked_by = $3 and attempts = $4';
    const sql = renew
      ? `update ${this.#jobs} set locked_at = now() where ${mine} returning id`
      : `select id from ${this.#jobs} where ${mine}`;
    return (await client.query(sql, [id, key, holder, attempts])).rows.length > 0;
  }

  /**
   * Gives free what has been held for too long, and tells the workers; how many. What is worked on here (`except`: ids) is not of a process
   * that is gone.
   */
  async reclaim(client: Querier, task: string, except: readonly string[]): Promise<number> {
    const { rows } = await client.query(
      `with freed as (
         update ${this.#jobs} set locked_at = null, locked_by = null
         where task_id = (select id from ${this.#tasks} where identifier = $1)
           and locked_at < now() - $2 * interval '1 millisecond' and id <> all($3::bigint[])
         returning id
       )
       select pg_notify('jobs:insert', json_build_object('r', random(), 'count', 1)::text) from freed`,
      [task, HELD_MS, except],
    );
    return rows.length;
  }
}
