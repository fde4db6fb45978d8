import { ERRORS } from '../../../migration/errors.ts';
import type { BlockerCode } from '../../../migration/api.ts';
import type { Command, Context } from '../command.ts';
import { CommandFailure } from '../exit.ts';
import { amiss, well, type Finding } from '../finding.ts';
import { localFindings } from '../local.ts';
import { readStatus, type Status } from '../status.ts';

/** Blockers that do not pass by themselves, and say that something is not set up as it should be. */
const AMISS: Readonly<Partial<Record<BlockerCode, string>>> = {
  STORE_UNREACHABLE: 'Bring the store back; the log of the server says what it answers.',
  JOURNAL_UNREACHABLE: 'Bring the journal back; the log of the server says what it answers.',
  JOURNAL_UNSAFE: 'Change the settings of the journal: docs/journal.md.',
  TARGET_NOT_EMPTY: 'Is it the right table? Empty it yourself.',
  OLD_STORE_CHANGED: 'Find who writes to the old table; go back to OLD and begin again.',
};
/** Clocks may differ by so much, milliseconds: leases are measured by each process itself, histories are read by people. */
const SKEW_MS = 2000;
const PATIENCE_MS = 5000;

export const doctor: Command = {
  name: 'doctor',
  meaning:
    'looks for what is not as it should be: server, token, stores, journal, clocks, versions; says what to change',
  options: [
    {
      flags: '--local',
      meaning: 'look at stores, control store and journal from here too, with the variables of the server',
    },
  ],
  changes: false,
  run: async (context, { local }) => {
    const served = await serverFindings(context);
    const findings = [nodeFinding(), ...served, ...(local === true ? await localFindings(context.env) : [])];
    const ill = findings.filter(({ ok }) => !ok).length;
    const verdict = ill === 0 ? 'Nothing is amiss.' : `${ill} of ${findings.length} checks found something to change.`;
    return { json: { findings }, lines: [...findings.map(describe), verdict], exit: ill === 0 ? 'OK' : 'UNHEALTHY' };
  },
};

function describe({ check, ok, found, advice }: Finding): string {
  const sentence = advice === null ? found : `${found.replace(/\.?$/, '.')} ${advice}`;
  return `${ok ? 'ok   ' : 'AMISS'} ${check}: ${sentence}`;
}

function nodeFinding(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = major > 22 || (major === 22 && minor >= 18);
  const found = process.versions.node;
  return fits ? well('node here', found) : amiss('node here', found, 'Install Node 22.18 or newer.');
}

async function serverFindings(context: Context): Promise<readonly Finding[]> {
  const { origin } = context.client.endpoint;
  const alive = await answerOf(new URL('/healthz', origin));
  if (alive === null) {
    return [amiss('server', `nothing answers at ${origin}`, 'Start it, or say in CROSSFADE_URL where it is.')];
  }
  const ready = await answerOf(new URL('/readyz', origin));
  const findings = [well('server', `${origin} is alive`), readyFinding(ready), clockFinding(alive)];
  try {
    const status = await readStatus(context);
    return [...findings, well('token', 'it may read the migration'), ...statusFindings(status)];
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    const advice =
      error.exit === 'UNAUTHORIZED'
        ? 'Set ADMIN_TOKEN, or name a file with --token-file.'
        : 'See the log of the server.';
    return [...findings, amiss('migration', error.message, advice)];
  }
}

interface Heard {
  readonly status: number;
  readonly body: unknown;
  /** By the server's clock, against the middle of the request by ours, milliseconds. */
  readonly skewMs: number | null;
}

async function answerOf(url: URL): Promise<Heard | null> {
  try {
    const asked = Date.now();
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const date = Date.parse(response.headers.get('date') ?? '');
    const body: unknown = await response.json().catch(() => null);
    return { status: response.status, body, skewMs: Number.isNaN(date) ? null : date - (asked + Date.now()) / 2 };
  } catch {
    // Whatever keeps it from answering: that it does not is what was asked.
    return null;
  }
}

function readyFinding(ready: Heard | null): Finding {
  if (ready?.status === 200) return well('ready', 'its lease runs, and what the state needs answers');
  const code = codeIn(ready?.body);
  const means = Object.entries(ERRORS).find(([name]) => name === code)?.[1].message ?? 'It does not say why.';
  return amiss('ready', `${code ?? 'no answer'}. ${means}`, 'docs/operate.md, under Errors, says what to do.');
}

function codeIn(body: unknown): string | null {
  return typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string'
    ? body.code
    : null;
}

function clockFinding({ skewMs }: Heard): Finding {
  if (skewMs === null) return well('clock', 'the server does not tell its time');
  const found = `the server's clock is ${(skewMs / 1000).toFixed(1)} s from the one here`;
  // The header has whole seconds.
  return Math.abs(skewMs) <= SKEW_MS + 1000 ? well('clock', found) : amiss('clock', found, 'Let both follow NTP.');
}

function statusFindings(status: Status): readonly Finding[] {
  const { instances, moves, unanswered, settled, epoch } = status;
  const parts = unanswered.map(({ part, message, code }) =>
    amiss(part ?? 'server', `${message} (${code})`, 'docs/operate.md, under Losing a part, says what to do.'),
  );
  const behind = instances.filter((instance) => settled && instance.epoch !== epoch);
  const epochs = behind.map(({ label, epoch: theirs }) =>
    amiss(
      'instance',
      `${label} is at epoch ${theirs}, not ${epoch}`,
      'Is it gone or hanging? It leaves the list a minute after its end.',
    ),
  );
  const blockers = new Map(moves.flatMap((move) => move.blockers).map((blocker) => [blocker.message, blocker]));
  const barred = [...blockers.values()].flatMap(({ code, message }) => {
    const advice = AMISS[code];
    return advice === undefined ? [] : [amiss(code, message, advice)];
  });
  const healthy = well('instances', `${instances.length - behind.length} at epoch ${epoch}`);
  return [healthy, ...epochs, ...parts, ...barred];
}
