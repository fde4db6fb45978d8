/** A Redis of the benchmark's own, and journals in it. */
import { Redis } from 'ioredis';
import { participationDataset } from '../../src/activity/dataset.ts';
import type { Journal } from '../../src/migration/journal/journal.ts';
import type { Row, StoreRole, Address } from '../../src/migration/dataset.ts';
import { JOURNAL_SLOTS } from '../../src/migration/dataset.ts';
import { systemClock } from '../../src/migration/clock.ts';
import { openJournalServer } from '../../src/migration/journal/open.ts';
import { ownRedis } from '../../test/support/own/redis.ts';
import { Reaper } from '../../test/support/own/reaper.ts';
import { EVENT, phoneOf } from '../serve/facts.ts';

export const SYNCS = ['everysec', 'always'] as const;
export type Sync = (typeof SYNCS)[number];

export const RUN = 1;
const EPOCH = 2;
const REQUEST_MS = 10_000;
const NOW = '2026-03-01T00:00:00.000001Z';

export const dataset = participationDataset({ getMany: async () => new Map([[EVENT.name, EVENT]]) });

export interface OwnRedis {
  readonly url: string;
  readonly client: Redis;
  /** From now on the file is synced so. */
  sync(how: Sync): Promise<void>;
  version(): Promise<string>;
  close(): Promise<void>;
}

export async function openRedis(): Promise<OwnRedis> {
  const reaper = new Reaper('crossfade-bench-');
  const { url } = await ownRedis(reaper);
  const client = new Redis(url, { enableAutoPipelining: true });
  return {
    url,
    client,
    sync: async (how) => {
      await client.flushall();
      await client.config('SET', 'appendfsync', how);
    },
    version: async () => /redis_version:(\S+)/.exec(await client.info('server'))?.[1] ?? '',
    close: async () => {
      client.disconnect();
      await reaper.close();
    },
  };
}

export interface Faces {
  readonly old: Row;
  readonly new: Row;
}

export function facesOf(n: number): Faces {
  const shared = { phone: phoneOf(n), event: EVENT.name, createdAt: NOW, updatedAt: NOW };
  return { old: { ...shared, answer: 'A' }, new: { ...shared, recommendationCode: 'G1-A' } };
}

export interface Appender {
  readonly journal: Journal;
  /** A new entry. */
  append(n: number): Promise<void>;
  close(): Promise<void>;
}

/** A journal that is open for a run; trusted as a server of the product trusts it. */
export async function openAppender(redis: OwnRedis, owedTo: readonly StoreRole[]): Promise<Appender> {
  const journal = openJournalServer(redis.url, {
    dataset,
    deployment: 'bench',
    clock: systemClock,
    requestTimeoutMs: REQUEST_MS,
  });
  await journal.init(EPOCH - 1);
  journal.expect(await journal.incarnation());
  await journal.open({ epoch: EPOCH, run: RUN });
  const everySlot = Array.from({ length: JOURNAL_SLOTS }, (_, slot) => ({ key: 'none', slot }));
  const { slots } = await journal.read(everySlot);
  const append = async (address: Address, { old, new: recent }: Faces, n: number): Promise<void> => {
    const appended = await journal.append({
      epoch: EPOCH,
      address,
      expect: { mark: slots.get(address.slot)?.mark ?? 0 },
      writeId: `write-${n}`,
      image: { old, new: recent },
      listed: { phone: [old['phone'] ?? null], event: [EVENT.name] },
      owedTo,
      holdMs: 0,
    });
    if (appended.outcome !== 'APPENDED') throw new Error(`an append was answered ${appended.outcome}`);
  };
  return {
    journal,
    append: (n) => {
      const faces = facesOf(n);
      return append(dataset.address(faces.old), faces, n);
    },
    close: () => journal.stop(),
  };
}
