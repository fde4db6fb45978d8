/** A backlog brought to PostgreSQL: by the product, and as it is done first, batch after batch. */
import { Client } from 'pg';
import { drain } from '../../src/migration/jobs/replay.ts';
import { systemClock } from '../../src/migration/clock.ts';
import { silent } from '../../src/migration/log.ts';
import type { Store } from '../../src/migration/stores/store.ts';
import type { BenchDatabase } from '../lib/databases.ts';
import type { Measured } from '../lib/rounds.ts';
import { dataset, facesOf, openAppender, RUN, type Faces, type OwnRedis } from './server.ts';

const BATCH = 500;
const IN_FLIGHT = 64;
const DEADLINE_MS = 120_000;

/** Entries a second. */
export async function drainByCrossfade(redis: OwnRedis, store: Store, entries: number): Promise<Measured> {
  const { journal, append, close } = await openAppender(redis, ['NEW']);
  try {
    for (let n = 0; n < entries; n += IN_FLIGHT) {
      await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, entries - n) }, (_, i) => append(n + i)));
    }
    const began = performance.now();
    const deps = { dataset, store, journal, clock: systemClock, log: silent };
    const outcome = await drain(deps, 'NEW', { run: RUN, deadline: began + DEADLINE_MS });
    if (outcome !== 'DRAINED') throw new Error(`the drain was ${outcome}`);
    return { value: (entries * 1000) / (performance.now() - began) };
  } finally {
    await close();
  }
}

/** The product's table with its index for lists, and a version in each row. */
const PLAIN = 'create table plain (like participation_new including all, version bigint not null)';
const UPSERT = `insert into plain select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::bigint[])
  on conflict (phone, event) do update set recommendation_code = excluded.recommendation_code, updated_at = excluded.updated_at,
    version = excluded.version where plain.version < excluded.version`;
const COLUMNS = ['phone', 'event', 'recommendationCode', 'createdAt', 'updatedAt'] as const;
/** What was written again since it was read stays. */
const ACKNOWLEDGE = `for i = 1, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call('ZREM', KEYS[1], ARGV[i])
    redis.call('HDEL', KEYS[2], ARGV[i])
  end
end`;

/**
 * Keys in a sorted set with their versions, images in a hash; read 500, get their images, upsert, acknowledge, in turns. It has what makes
 * a drain right at all: the lower version never wins, neither in the table nor when it is acknowledged.
 */
export async function drainInSequence(
  { client }: OwnRedis,
  database: BenchDatabase,
  entries: number,
): Promise<Measured> {
  await database.sql('drop table if exists plain', PLAIN);
  for (let n = 0; n < entries; n += BATCH) {
    const some = Array.from({ length: Math.min(BATCH, entries - n) }, (_, i) => ({
      version: n + i,
      ...facesOf(n + i),
    }));
    const keyed = some.map(({ version, ...faces }) => ({ key: dataset.keyOf(faces.new), version, faces }));
    await client.hset('images', Object.fromEntries(keyed.map(({ key, faces }) => [key, JSON.stringify(faces)])));
    await client.zadd('owed', ...keyed.flatMap(({ key, version }) => [`${version}`, key]));
  }
  const pg = new Client({ connectionString: database.url });
  await pg.connect();
  try {
    const began = performance.now();
    for (;;) {
      const found = await client.zrange('owed', 0, `${BATCH - 1}`, 'WITHSCORES');
      const [keys, versions] = [found.filter((_, i) => i % 2 === 0), found.filter((_, i) => i % 2 === 1)];
      if (keys.length === 0) break;
      const images = (await client.hmget('images', ...keys)).map((image) => (JSON.parse(image ?? '{}') as Faces).new);
      const values = [...COLUMNS.map((column) => images.map((image) => image[column])), versions];
      await pg.query({ name: 'upsert', text: UPSERT, values });
      await client.eval(ACKNOWLEDGE, 2, 'owed', 'images', ...found);
    }
    return { value: (entries * 1000) / (performance.now() - began) };
  } finally {
    await pg.end();
  }
}
