/** Another try for quarantined rows, after the mapping or what it looks up has changed. Waived rows are left alone. */
import { hasCode } from '../errors.ts';
import { decodeKey } from '../key.ts';
import type { Quarantined, QuarantinedRow } from '../stores/store.ts';
import type { JobContext, StepResult } from './context.ts';
import { mapBatch } from './mapping.ts';
import { blocked, copies, IDLE, PROGRESSED, replaysInto, settled } from './steps.ts';

const PAGE = 200;
/** How long one key may take to reach both stores before the next one has its turn, milliseconds. */
const REWRITE_MS = 5000;

const AWAY = ['STORE_UNAVAILABLE', 'JOURNAL_UNAVAILABLE', 'JOURNAL_FULL', 'CONTROL_UNAVAILABLE'] as const;

/** One pass over quarantine, asked for by an operator. */
export interface RetryState {
  after: string | null;
  done: boolean;
}

export function retryState(): RetryState {
  return { after: null, done: false };
}

/** Tries one page again; `done` when the pass is over, or when the state has no quarantine to work on. */
export async function retryStep(ctx: JobContext, state: RetryState): Promise<StepResult> {
  if (state.done) return IDLE;
  const record = await ctx.record();
  const rewrites = replaysInto(record, 'NEW');
  if (!copies(record) && !rewrites) {
    state.done = true;
    return IDLE;
  }
  if (!settled(record)) return blocked('a switch is on its way');
  const page = await ctx.stores.NEW.quarantine.page(state.after, PAGE);
  const open = page.filter(({ waived }) => !waived);
  if (rewrites) await rewriteAll(ctx, open);
  else if ((await mapAgain(ctx, record.epoch, open)) === 'FENCED')
    return blocked('the new store is closed to this copy');
  state.after = page.at(-1)?.key ?? state.after;
  state.done = page.length < PAGE;
  return PROGRESSED;
}

/** While the copy's fence stands: straight into the new table. */
async function mapAgain(
  ctx: JobContext,
  epoch: number,
  open: readonly QuarantinedRow[],
): Promise<'RETRIED' | 'FENCED'> {
  if (open.length === 0) return 'RETRIED';
  const found = await ctx.stores.OLD.reader.load(open.map(({ key }) => key));
  const { rows, keys, quarantine } = await mapBatch(ctx.dataset, [...found.values()]);
  const gone = open.filter(({ key }) => !found.has(key));
  const lost = gone.map(({ key, row }): Quarantined => ({ key, row, reason: 'the old row is not there any more' }));
  const mapped = rows.map((row, i) => ({ key: keys[i] ?? '', row }));
  return ctx.stores.NEW.quarantine.retry(epoch, mapped, [...quarantine, ...lost]);
}

/** While the journal carries writes: as if the row had been written again. */
async function rewriteAll(ctx: JobContext, open: readonly QuarantinedRow[]): Promise<void> {
  for (const { key } of open) await rewriteKey(ctx, key);
}

/**
 * true: both stores have what the key's authority holds; false: not in time, or something is wrong with this very row, which is
 * logged and must not keep the other keys from their turn. Throws when a device is away: then no key fares better.
 */
export async function rewriteKey(ctx: JobContext, key: string): Promise<boolean> {
  try {
    return await ctx.rewrite(decodeKey(ctx.dataset.keyFields, key), ctx.clock.monotonic() + REWRITE_MS);
  } catch (error) {
    if (hasCode(error, ...AWAY)) throw error;
    const facts = { dataset: ctx.dataset.name, key: ctx.dataset.showKey(key) };
    // Why is in the lists of operators, which may be masked: the reason can quote the row.
    if (hasCode(error, 'BAD_USER_INPUT')) ctx.log.info(facts, 'a row has no counterpart and cannot be written again');
    else ctx.log.error({ ...facts, err: error }, 'a row cannot be written again');
    return false;
  }
}
