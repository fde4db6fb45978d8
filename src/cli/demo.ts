/**
 * `npm run demo`: the whole story on a throw-away directory, with traffic, from OLD to NEW; exits with 1 if anything was lost.
 *
 *   --new sqlite | pglite   the engine of the new store
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { createApp, type App } from '../app.ts';
import { PARTICIPATION } from '../activity/dataset.ts';
import { keptToken } from '../auth.ts';
import { ConfigError, loadConfig, type Environment } from '../config.ts';
import { silent } from '../migration/log.ts';
import { EVERYTHING } from '../migration/stores/store.ts';
import { fillWithSamples } from '../server/samples.ts';
import { graphqlClient } from './demo/client.ts';
import { Traffic, type Known, type TrafficReport } from './demo/traffic.ts';
import { walk, type Progress, type WalkReport } from './demo/walk.ts';

const CLIENTS = 8;
/** Rows compared at once at the end. */
const PAGE = 1000;

async function main(): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'crossfade-demo-'));
  try {
    const config = loadConfig({ DATA_DIR: directory, PORT: '0', LOG_LEVEL: 'silent', ...newStore(directory) });
    const token = await keptToken(directory);
    const app = await createApp({ config, adminToken: token, log: silent });
    try {
      await fillWithSamples(app, config, silent);
      const address = await app.server.http.listen({ port: config.port, host: config.host });
      return await tell(app, `${address}/graphql`, token);
    } finally {
      await app.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function newStore(directory: string): Environment {
  const { values } = parseArgs({ options: { new: { type: 'string', default: 'pglite' } } });
  if (values.new === 'sqlite') return {};
  if (values.new === 'pglite') return { NEW_STORE_URL: `pglite:${join(directory, 'new')}` };
  throw new ConfigError(`--new is ${JSON.stringify(values.new)}; it must be sqlite or pglite.`);
}

async function tell(app: App, url: string, token: string): Promise<boolean> {
  const { progress, end } = bars();
  const before = await app.stores.OLD.reader.count(EVERYTHING);
  progress.say(`${before} participations in the old store; ${CLIENTS} clients take part, change, withdraw and read.`);
  const traffic = new Traffic(graphqlClient(url));
  traffic.start(CLIENTS);
  let walked: WalkReport;
  let report: TrafficReport;
  try {
    walked = await walk(graphqlClient(url, token), PARTICIPATION, progress);
  } finally {
    report = await traffic.stop();
    end();
  }
  const lost = await missing(app, traffic.known);
  const kept = [...traffic.known.values()].filter((known) => known !== null).length;
  const rows = await app.stores.NEW.reader.count(EVERYTHING);
  print([
    '',
    `copied       ${walked.rows} rows in ${walked.copySeconds.toFixed(1)} s, beside the traffic`,
    `verified     ${walked.checked} rows of both stores, no difference`,
    `requests     ${report.requests}, median ${report.medianMs.toFixed(1)} ms, slowest ${report.slowestMs.toFixed(1)} ms`,
    `pauses       ${walked.pauses.map(({ step, pauseMs }) => `${step} ${pauseMs.toFixed(1)} ms`).join(', ')}`,
    `errors       ${report.errors.length}${report.errors[0] === undefined ? '' : `, the first: ${report.errors[0]}`}`,
    `wrong reads  ${report.wrong.length}${report.wrong[0] === undefined ? '' : `, the first: ${report.wrong[0]}`}`,
    `lost         ${lost.length}${lost[0] === undefined ? '' : `, the first: ${lost[0]}`}`,
    `new store    ${rows} rows: ${before} from before, and ${kept} of the clients' ${traffic.known.size} phones (the others withdrew)`,
  ]);
  return report.errors.length + report.wrong.length + lost.length === 0 && rows === before + kept;
}

/** What was acknowledged and is not in the new store as it was acknowledged. */
async function missing(app: App, known: ReadonlyMap<string, Known>): Promise<string[]> {
  const lost: string[] = [];
  const expected = [...known].map(([phone, value]) => ({
    key: app.dataset.keyOf({ phone, event: 'send-1g-traffic' }),
    phone,
    value,
  }));
  for (let i = 0; i < expected.length; i += PAGE) {
    const page = expected.slice(i, i + PAGE);
    const found = await app.stores.NEW.reader.load(page.map(({ key }) => key));
    for (const { key, phone, value } of page) {
      const stored = found.get(key);
      const code = stored && 'row' in stored ? stored.row['recommendationCode'] : undefined;
      if (code !== value?.code) lost.push(`${phone} has ${String(code)}, not ${String(value?.code)}`);
    }
  }
  return lost;
}

/** Live bars on a terminal, plain lines elsewhere. */
function bars(): { readonly progress: Progress; end(): void } {
  const format = ' {name} {bar} {percentage}% | {value}/{total} rows';
  const multi = process.stdout.isTTY
    ? new MultiBar({ format, hideCursor: true, clearOnComplete: false }, Presets.shades_classic)
    : null;
  const shown = new Map<string, SingleBar>();
  return {
    progress: {
      say: (line) => (multi ? multi.log(`${line}\n`) : print([line])),
      show: (name, done, total) => {
        if (!multi) return;
        const bar = shown.get(name) ?? multi.create(total, 0, { name: name.padEnd(8) });
        shown.set(name, bar);
        bar.setTotal(total);
        bar.update(Math.min(done, total));
      },
    },
    end: () => multi?.stop(),
  };
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

const proven = await main();
print(['', proven ? 'Nothing was lost, and no request failed.' : 'Something went wrong.']);
process.exitCode = proven ? 0 : 1;
