/** What a new deployment starts with, so that there is something to migrate. */
import type { App } from '../app.ts';
import { SAMPLE_EVENTS } from '../activity/events.ts';
import { sampleParticipations } from '../activity/sample.ts';
import type { Config } from '../config.ts';
import { CrossfadeError } from '../migration/errors.ts';
import type { Logger } from '../migration/log.ts';
import { EVERYTHING } from '../migration/stores/store.ts';

/**
 * Fills the embedded old store with sample participations if it is empty, and adds the sample events; a store that was configured is
 * somebody's own, and is left alone. Only in OLD: elsewhere the old store does not take writes, and the pairs of events are fixed.
 */
export async function fillWithSamples(app: App, config: Config, log: Logger): Promise<void> {
  if (!config.embedded.old) return;
  const { place, epoch, settled } = await app.engine.operator.status();
  if (place.state !== 'OLD' || !settled) return;
  await app.catalogue.seed(SAMPLE_EVENTS);
  const { reader, writer } = app.stores.OLD;
  if (config.sampleData === 0 || (await reader.page(EVERYTHING, 1)).length > 0) return;
  // In one transaction: a start that is killed leaves all of them or none, and the next one makes what none is left of.
  const inserted = await writer.insertMissing(epoch, [...sampleParticipations(config.sampleData)].flat());
  if (inserted === 'FENCED') throw new CrossfadeError('STORE_UNAVAILABLE', { message: 'The old store was switched.' });
  log.info({ rows: config.sampleData }, 'the old store was empty: made sample participations');
}
