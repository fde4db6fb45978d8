/** Participations into the old store, with a progress bar and a summary for people. */
import { stat } from 'node:fs/promises';
import progress from 'cli-progress';
import { SAMPLE_EVENTS } from '../../activity/events.ts';
import { importParticipations, type ImportSummary } from '../../activity/import.ts';
import { timestampOf } from '../../activity/time.ts';
import type { ControlRecord } from '../../migration/control/control.ts';
import { findOrFound } from '../../migration/control/found.ts';
import { isSettledIn, type Context, type Output } from './context.ts';

/** How long the old store's fence waits for transactions under way when it is made, milliseconds. */
const LOCK_TIMEOUT_MS = 5000;

/** Returns the exit code. */
export async function importRows(file: string, context: Context): Promise<number> {
  const { config, control, catalogue, dataset, old, output } = context;
  const { size } = await stat(file);
  const deployment = await control.open();
  const founding = { control, dataset: dataset.name, store: old, deployment, lockTimeoutMs: LOCK_TIMEOUT_MS };
  const record = await findOrFound(founding);
  if (!isSettledIn(record, 'OLD')) return notInOld(record, output);
  // What a server finds at its first start it should find here too.
  if (config.embedded.old) await catalogue.seed(SAMPLE_EVENTS);

  const began = performance.now();
  const rejectedFile = `${file.replace(/\.csv$/i, '')}.rejected.csv`;
  const bar = progressBar(size, output);
  let summary: ImportSummary;
  try {
    summary = await importParticipations({
      ...context,
      file,
      rejectedFile,
      writer: old.writer,
      epoch: record.epoch,
      now: timestampOf(Date.now()),
      onProgress: (bytes) => bar?.update(bytes),
    });
  } finally {
    bar?.stop();
  }
  output.stdout.write(`${sentence(summary, performance.now() - began, rejectedFile)}\n`);
  if (summary.fenced) return notInOld((await control.read(dataset.name)) ?? record, output);
  return summary.rejected > 0 ? 1 : 0;
}

function sentence(summary: ImportSummary, ms: number, rejectedFile: string): string {
  const [lines, imported, present, rejected] = [summary.lines, summary.imported, summary.present, summary.rejected].map(
    (count) => count.toLocaleString('en'),
  );
  const where = summary.rejected > 0 ? ` (see ${rejectedFile})` : '';
  const seconds = (ms / 1000).toFixed(1);
  return `${lines} lines in ${seconds} s: ${imported} imported, ${present} there already, ${rejected} rejected${where}.`;
}

/** On a terminal, in bytes of the file. */
function progressBar(size: number, { stderr }: Output): progress.SingleBar | null {
  if (stderr.isTTY !== true) return null;
  const bar = new progress.SingleBar(
    { format: '{bar} {percentage}% | {eta_formatted} left', stream: stderr, clearOnComplete: true, hideCursor: true },
    progress.Presets.shades_classic,
  );
  bar.start(size, 0);
  return bar;
}

function notInOld({ dataset, place, switching }: ControlRecord, { stderr }: Output): number {
  const to = switching ? `, switching to ${switching.to.state}` : '';
  stderr.write(`Rows are imported in state OLD only; ${dataset} is in ${place.state}${to}.\n`);
  return 2;
}
