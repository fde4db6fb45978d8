/**
 * The order of the test files: those that take longest come first, so that no worker is left alone with one of them at the end. Vitest
 * knows the times only where it has run before; a fresh clone has this list. What is not on it takes a few seconds at most.
 *
 * Neighbours run beside each other: one that starts many processes stands next to one that mostly waits.
 */
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

export const LONGEST: readonly string[] = [
  'test/chaos/chaos.test.ts',
  'test/contract/journal.postgres.test.ts',
  'test/console/console.test.ts',
  'test/contract/queue.postgres.test.ts',
  'test/kill/kill.test.ts',
  'test/engine/pairings.test.ts',
  'test/unit/server-process.test.ts',
  'test/contract/journal.redis-servers.test.ts',
  'test/kill/start.test.ts',
  'test/cluster/switches.test.ts',
  'test/unit/package.test.ts',
  'test/contract/store.mysql.test.ts',
  'test/contract/journal.sqlite.test.ts',
  'test/engine/spot-check.test.ts',
  'test/engine/redis-journal.test.ts',
  'test/unit/jobs/shared.test.ts',
  'test/contract/mysql-specifics.test.ts',
  'test/contract/store.postgres.test.ts',
  'test/contract/postgres-specifics.test.ts',
  'test/property/concurrency.test.ts',
];

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = LONGEST.indexOf(relative(this.ctx.config.root, moduleId).replaceAll('\\', '/'));
      return place < 0 ? LONGEST.length : place;
    };
    const others = await super.sort(files);
    return others.toSorted((a, b) => rank(a) - rank(b));
  }
}
