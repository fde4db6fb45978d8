/**
 * The life of the process: configuration, lock, start, signals, end.
 *
 * What a person who starts it has to know goes to standard output, in plain lines; the log goes to standard error, as JSON lines.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { pino, type Logger } from 'pino';
import { createApp, type App, type AppOptions } from '../app.ts';
import { keptToken } from '../auth.ts';
import { ConfigError, loadConfig, maskPassword, type Config, type Environment } from '../config.ts';
import { lockDirectories, type DirectoryLock } from '../directory-lock.ts';
import { CrossfadeError } from '../migration/errors.ts';
import { engineOf } from '../migration/stores/open.ts';
import { fillWithSamples } from './samples.ts';

/** After the last deadline of requests and switches, the end is not waited for any longer, milliseconds. */
const PATIENCE_MS = 5000;
/** A signal within this time after the first is the same one: a terminal sends it to npm and to this process, and npm passes it on. */
const SAME_SIGNAL_MS = 500;

/** Runs until SIGTERM or SIGINT, then exits with 0; with 1, and one line on standard error, when it cannot start. */
export async function serve(env: Environment, { wrap }: Pick<AppOptions, 'wrap'> = {}): Promise<void> {
  let log: Logger | undefined;
  let lock: DirectoryLock | undefined;
  try {
    const config = loadConfig(env);
    log = pino({ level: config.logLevel, base: { instance: config.label } }, pino.destination(2));
    lock = lockDirectories(config);
    const adminToken = config.adminToken ?? (isShared(config) ? null : await keptToken(config.dataDir));
    const app = await createApp({ config, adminToken, log, ...(wrap && { wrap }) });
    await fillWithSamples(app, config, log);
    // Whoever reads that it is ready may send a signal at once.
    endOnSignals(app, config, log);
    const address = await listen(app, config);
    await announce(app, address, shownToken(config, adminToken));
    warn(config, log);
  } catch (error) {
    log?.debug({ err: error }, 'start failed');
    lock?.release();
    process.stderr.write(`${reason(error)}\n`);
    process.exit(1);
  }
}

/** The control store is on a server: no token that one process made and kept would be known to the others. */
function isShared({ controlUrl }: Config): boolean {
  return engineOf(controlUrl).directory(controlUrl) === null;
}

/** The token, for the person who starts this on a machine of their own; not where somebody chose it. */
function shownToken(config: Config, token: string | null): string {
  if (config.adminToken !== null) return 'as ADMIN_TOKEN has it';
  return token ?? 'none: tokens are checked with the keys of JWKS_URL';
}

async function announce(app: App, address: string, token: string): Promise<void> {
  const { place } = await app.engine.operator.status();
  const state = place.state === 'DUAL' ? `DUAL, ${place.percent} percent from the new store` : place.state;
  const lines = [
    `Crossfade is ready, in state ${state}.`,
    `  GraphQL      ${address}/graphql`,
    `  console      ${address}/console`,
    `  metrics      ${address}/metrics`,
    `  admin token  ${token}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** What is said of the engines of the stores, once each. */
function warn({ oldStoreUrl, newStoreUrl }: Config, log: Logger): void {
  for (const [variable, url] of [
    ['OLD_STORE_URL', oldStoreUrl],
    ['NEW_STORE_URL', newStoreUrl],
  ] as const) {
    const { warning } = engineOf(url);
    if (warning === undefined) continue;
    log.warn({ variable }, warning);
    process.stdout.write(`  warning      ${variable} is ${JSON.stringify(maskPassword(url))}. ${warning}\n`);
  }
}

function endOnSignals(app: App, config: Config, log: Logger): void {
  let endingSince: number | null = null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (endingSince !== null) {
      if (performance.now() - endingSince > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    endingSince = performance.now();
    log.info({ signal }, 'shutting down');
    app.server.drain();
    await delay(config.shutdownDelayMs);
    const longest = 2 * config.requestTimeoutMs + config.switchTimeoutMs + 2 * config.leaseMs + PATIENCE_MS;
    const stopped = await Promise.race([app.stop().then(() => true), delay(longest, false)]);
    if (!stopped) log.error({}, 'something did not stop; leaving it behind');
    process.exit(stopped ? 0 : 1);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      end(signal).catch((error: unknown) => {
        log.error({ err: error }, 'shutting down failed');
        process.exit(1);
      });
    });
  }
}

/** What listening can fail of, by the code of the system's error, and the variable to change. */
const LISTENING: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process has that port; stop it or change PORT',
  EACCES: 'this process may not listen there; change PORT or HOST',
  EADDRNOTAVAIL: 'this machine has no such address; change HOST',
  ENOTFOUND: 'no such host; change HOST',
  EAI_AGAIN: 'the host name cannot be looked up; change HOST',
};

async function listen(app: App, { host, port }: Config): Promise<string> {
  try {
    return await app.server.http.listen({ port, host });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new ConfigError(`Cannot listen on ${host} port ${port}: ${LISTENING[code] ?? reason(error)}.`);
  }
}

/** One line for the terminal. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error instanceof CrossfadeError && error.cause instanceof Error ? error.cause.message : '';
  const more = cause === '' || error.message.includes(cause) ? '' : ` (${cause})`;
  return `${error.message}${more}`.replaceAll(/\s+/g, ' ');
}
