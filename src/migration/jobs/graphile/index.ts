/**
 * The queue of pieces on PostgreSQL, by graphile-worker: who takes which piece, how many at once, retries, and word of new pieces at once.
 *
 * Three of its habits are not ours. It trusts a lock for four hours: here a piece is put back after a slice of a second, or kept with a word
 * every second (locks.ts), so that one that is held for longer can be given free (`reclaim`). And a worker deletes its job by number when it
 * is done, also when the job was given to another meanwhile: so whoever has lost its piece says that it failed, which changes nothing of what
 * is another's. And unless results are written in batches, one that cannot be written is a rejection that nobody handles, which ends the
 * process.
 */
import type { JobHelpers, Logger as WorkerLogger, Runner, WorkerUtils } from 'graphile-worker';
import { Client, Pool } from 'pg';
import { systemClock } from '../../clock.ts';
import { HELD_MS, type JobQueue, type OpenQueue, type Piece, type Work } from '../queue.ts';
import { Locks, type Held } from './locks.ts';

/** Pieces that one process works on at once. */
const CONCURRENCY = 2;
/** How often an idle worker looks for itself, milliseconds: word of new pieces comes over LISTEN. */
const POLL_MS = 5000;
/** Tries of a piece that throws, a few seconds apart; then it is left until it is offered again. */
const TRIES = 4;
/** How often it is said of a piece that it is kept, milliseconds. */
const KEEP_MS = HELD_MS / 3;
const CONNECT_MS = 5000;
const STATEMENT_MS = 15_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
const LONGEST_NAME = 63;
/** For how long the end of a worker, or of its connections, is waited for, milliseconds. */
const END_MS = 2000;

const PRESET = { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } } as const;

type LogScope = { readonly workerId?: string; readonly taskIdentifier?: string };
type Context = Parameters<OpenQueue>[0];

/** Opens nothing before it is started. */
export function graphileQueue(url: string): OpenQueue {
  return (context) => new GraphileQueue(url, context);
}

class GraphileQueue implements JobQueue {
  readonly #url: string;
  readonly #context: Context;
  readonly #stopping = new AbortController();
  #life: Promise<void> = Promise.resolve();
  #live: { readonly utils: WorkerUtils; readonly schema: string; readonly locks: Locks } | null = null;
  /** Jobs that are worked on here. */
  readonly #atHand = new Set<string>();

  constructor(url: string, context: Context) {
    this.#url = url;
    this.#context = context;
  }

  start(work: Work): void {
    this.#life = this.#keep(work);
  }

  up(): boolean {
    return this.#live !== null;
  }

  async offer(pieces: readonly Piece[], turn: number): Promise<void> {
    if (!this.#live) return;
    const { utils, schema } = this.#live;
    const { name } = this.#context;
    const keys = pieces.map((piece) => keyOf(name, piece));
    const there = await utils.withPgClient((client) =>
      client.query<{ key: string; spent: boolean }>(
        `select key, locked_by is null and attempts >= max_attempts as spent from ${schema}.jobs where key = any($1)`,
        [keys],
      ),
    );
    const known = new Map(there.rows.map(({ key, spent }) => [key, spent]));
    for (const [i, piece] of pieces.entries()) {
      const jobKey = keys[i] ?? '';
      if (known.get(jobKey) === false) continue;
      // Two that offer at once add one; what was given up is begun anew.
      const jobKeyMode = known.has(jobKey) ? 'replace' : 'unsafe_dedupe';
      await utils.addJob(name, piece, { jobKey, jobKeyMode, maxAttempts: TRIES, priority: turn });
    }
  }

  async reclaim(): Promise<void> {
    if (!this.#live) return;
    const { utils, locks } = this.#live;
    const { name, log } = this.#context;
    const pieces = await utils.withPgClient((client) => locks.reclaim(client, name, [...this.#atHand]));
    if (pieces > 0) log.info({ pieces }, 'pieces of work of a process that is gone are given free');
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#life;
  }

  async #keep(work: Work): Promise<void> {
    const { clock, log } = this.#context;
    const { signal } = this.#stopping;
    let pause = FIRST_RETRY_MS;
    while (!signal.aborted) {
      const began = clock.monotonic();
      try {
        await this.#run(work, signal);
      } catch (error) {
        log.warn({ err: error }, 'the queue of background work does not answer; this process works for itself');
      }
      if (signal.aborted) return;
      if (clock.monotonic() - began > LONGEST_RETRY_MS) pause = FIRST_RETRY_MS;
      await clock.delay(pause, signal);
      pause = Math.min(pause * 2, LONGEST_RETRY_MS);
    }
  }

  /** One life of the worker; returns when it is stopped, throws when the server is lost. */
  async #run(work: Work, signal: AbortSignal): Promise<void> {
    const pool = new Pool({
      connectionString: this.#url,
      fallback_application_name: 'crossfade jobs',
      max: CONCURRENCY + 2,
      connectionTimeoutMillis: CONNECT_MS,
      statement_timeout: STATEMENT_MS,
      query_timeout: STATEMENT_MS + CONNECT_MS,
      keepAlive: true,
    });
    const lost = (error: Error): void => this.#context.log.debug({ err: error }, 'a connection of the queue was lost');
    pool.on('error', lost);
    pool.on('connect', (client) => client.on('error', lost));
    try {
      // Loaded when it is needed: whoever has an embedded control store starts without it.
      const { Logger, makeWorkerUtils, run } = await import('graphile-worker');
      const schema = await jobsSchema(this.#url);
      const logger: WorkerLogger = new Logger((scope) => this.#say(scope));
      const shared = { pgPool: pool, schema, logger, preset: PRESET };
      const utils = await makeWorkerUtils(shared);
      await utils.migrate();
      const locks = new Locks(schema);
      const runner = await run({
        ...shared,
        concurrency: CONCURRENCY,
        pollInterval: POLL_MS,
        noHandleSignals: true,
        parsedCronItems: [],
        taskList: {
          [this.#context.name]: (payload, helpers) => this.#task(work, payload, helpers, locks),
        },
      });
      this.#live = { utils, schema, locks };
      await lifeOf(runner, signal);
    } finally {
      this.#live = null;
      await atMost(END_MS, pool.end());
    }
  }

  async #task(work: Work, payload: unknown, { job, ...helpers }: JobHelpers, locks: Locks): Promise<void> {
    const { name, clock } = this.#context;
    const piece = pieceOf(payload);
    if (!piece) return;
    const { id, key, attempts, locked_by: holder } = job;
    const held: Held = { id, key, holder, attempts };
    const mine = (renew: boolean): Promise<boolean> =>
      helpers.withPgClient((client) => locks.holds(client, held, renew));
    let keptAt = clock.monotonic();
    const keep = async (): Promise<boolean> => {
      if (clock.monotonic() - keptAt < KEEP_MS) return true;
      keptAt = clock.monotonic();
      return mine(true);
    };
    this.#atHand.add(id);
    const left = await work(piece, this.#stopping.signal, keep).finally(() => this.#atHand.delete(id));
    if (!(await mine(false))) throw new Error('the piece was given to another process');
    if (left === 'DONE') return;
    await helpers.addJob(name, piece, { jobKey: keyOf(name, piece), maxAttempts: TRIES, priority: job.priority });
  }

  #say({ workerId, taskIdentifier }: LogScope): (level: string, message: string) => void {
    const { log } = this.#context;
    return (level, message) => {
      const facts = { worker: workerId, task: taskIdentifier };
      if (level === 'error' || level === 'warning') log.warn(facts, message);
      else log.debug(facts, message);
    };
  }
}

async function lifeOf(runner: Runner, signal: AbortSignal): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  const stop = (): void => stopped.resolve();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    await Promise.race([runner.promise, stopped.promise]);
    if (signal.aborted) await atMost(END_MS, runner.stop());
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** A worker whose server is gone may wait for it for ever; what it holds is given free by others. */
async function atMost(ms: number, end: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  await Promise.race([Promise.allSettled([end]), systemClock.delay(ms, over.signal)]);
  over.abort();
}

function keyOf(name: string, { job, part, parts }: Piece): string {
  return `${name}: ${job} ${part + 1}/${parts}`;
}

/** null: what a later release may have put there. */
function pieceOf(payload: unknown): Piece | null {
  if (typeof payload !== 'object' || payload === null) return null;
  if (!('job' in payload && 'part' in payload && 'parts' in payload)) return null;
  const { job, part, parts } = payload;
  return typeof job === 'string' && typeof part === 'number' && typeof parts === 'number' ? { job, part, parts } : null;
}

/** A schema of its own beside the one that the control store's tables lie in, which more than one deployment of a database may have. */
async function jobsSchema(url: string): Promise<string> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS });
  await client.connect();
  try {
    const { rows } = await client.query<{ schema: string | null }>('select current_schema() as schema');
    const own = rows[0]?.schema ?? 'public';
    if (own === 'public') return 'crossfade_jobs';
    const name = `crossfade_jobs_${own}`;
    if (name.length > LONGEST_NAME || !/^[a-z0-9_]+$/.test(name)) return 'crossfade_jobs';
    return name;
  } finally {
    await client.end();
  }
}
