/** Journals in Redis for tests: what the contract asks for, on a server or a cluster, each under a name of its own. */
import type { Cluster, Redis } from 'ioredis';
import type { Clock } from '../../src/migration/clock.ts';
import { JOURNAL_SLOTS } from '../../src/migration/dataset.ts';
import { redisJournal } from '../../src/migration/journal/redis/index.ts';
import type { JournalFixture } from '../contract/journal.contract.ts';
import { randomName } from './servers.ts';

/** Longer than a test, and short enough not to stay behind. */
const ANSWERS_MS = 30_000;
/** Of all journals of tests. */
export const DEPLOYMENT = 'test';
const KEYS = ['slot', 'debts', 'index'];
/** As the contract's entries have them. */
const KEY_FIELDS = [{ field: 'phone', type: 'text' }] as const;

export function slotKeys(dataset: string, slot: number): readonly string[] {
  return KEYS.map((key) => `{crossfade:3:${DEPLOYMENT}:${dataset}:${slot}}:${key}`);
}

/** Removes a journal, but for its answers to writes, which go by themselves. */
export async function dropJournal(client: Redis | Cluster, dataset: string): Promise<void> {
  const slots = Array.from({ length: JOURNAL_SLOTS }, (_, slot) => client.del(...slotKeys(dataset, slot)));
  await Promise.all([client.del(`{crossfade:3:${DEPLOYMENT}:${dataset}}:meta`), ...slots]);
}

/** `cut` makes sure that the first journal, opened at `url`, reaches nothing any more. */
export function redisFixture(
  clock: Clock,
  client: Redis | Cluster,
  {
    url,
    otherUrl = url,
    cut,
  }: { readonly url: string; readonly otherUrl?: string; readonly cut?: () => Promise<void> },
): JournalFixture & { readonly name: string } {
  const name = randomName();
  const handle = (at: string) =>
    redisJournal({
      url: at,
      dataset: { name, keyFields: KEY_FIELDS },
      deployment: DEPLOYMENT,
      clock,
      timeoutMs: 500,
      answersMs: ANSWERS_MS,
    });
  const [journal, other] = [handle(url), handle(otherUrl)];
  return {
    name,
    journal,
    other,
    loseSlot: async (slot) => {
      await client.del(...slotKeys(name, slot));
    },
    cut: async () => (cut ? cut() : journal.stop()),
    end: async () => {
      await Promise.all([journal.stop(), other.stop(), cut?.()]);
      await dropJournal(client, name);
    },
  };
}
