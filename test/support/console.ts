/** A server of its own for each test of the console, and an operator who clicks. */
import { build } from 'vite';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import type { BrowserContext, Page } from 'playwright-core';
import { createApp, type App } from '../../src/app.ts';
import type { Authenticator } from '../../src/auth.ts';
import { loadConfig } from '../../src/config.ts';
import { CrossfadeError } from '../../src/migration/errors.ts';
import { silent } from '../../src/migration/log.ts';
import { buildSubgraph } from '../../src/resolvers/index.ts';
import { createServer } from '../../src/server.ts';
import { fillWithSamples } from '../../src/server/samples.ts';
import { complaintsOf } from './browser.ts';
import { noAudit } from './fake-engine.ts';
import { temporaryDirectory } from './tmp.ts';

export const TOKEN = 'a-token-for-the-console';

/** The page as it is in the sources now. */
export async function buildConsole(): Promise<void> {
  await build({ root: fileURLToPath(new URL('../../src/console', import.meta.url)), logLevel: 'warn' });
}

export interface Seat {
  readonly app: App;
  /** Where the server listens. */
  readonly url: string;
  /** The directory of the embedded stores. */
  readonly directory: string;
  readonly page: Page;
  readonly complaints: string[];
}

/** Starts a server with `rows` participations and opens a page; both are gone after the test, which fails if the page complained. */
export async function takeSeat(browser: BrowserContext, { rows = 300 } = {}): Promise<Seat> {
  const directory = await temporaryDirectory();
  const env = { DATA_DIR: directory, PORT: '0', SAMPLE_DATA: String(rows), LOG_LEVEL: 'silent' };
  const config = loadConfig(env);
  const app = await createApp({ config, adminToken: TOKEN, log: silent });
  onTestFinished(() => app.stop());
  await fillWithSamples(app, config, silent);
  const url = await app.server.http.listen({ port: 0, host: '127.0.0.1' });
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  const complaints = complaintsOf(page);
  onTestFinished(async () => {
    await page.close();
    expect(complaints).toEqual([]);
  });
  return { app, url, directory, page, complaints };
}

/** Another server over the same engine, whose tokens may look and not change anything. */
export async function readOnly({ app }: Seat): Promise<string> {
  const authenticator: Authenticator = {
    authorize: async (_, scope) => {
      if (scope !== 'migration:read') throw new CrossfadeError('FORBIDDEN');
      return 'reader';
    },
  };
  const { schema } = buildSubgraph([app.dataset]);
  const { engine, catalogue } = app;
  const config = loadConfig({});
  const server = await createServer({ config, schema, engine, catalogue, audit: noAudit, authenticator, log: silent });
  onTestFinished(() => server.close());
  return server.http.listen({ port: 0, host: '127.0.0.1' });
}

export async function signIn(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/console`);
  await page.getByLabel('Admin token').fill(TOKEN);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** `place` as the page's heading has it: `MIGRATING`, `DUAL 10 %`. */
export async function standsAt(page: Page, place: string): Promise<void> {
  await page.getByRole('heading', { level: 1, name: place, exact: true }).waitFor();
}

/** Presses the button, waits for the dry run, gives a reason, switches, and waits until the page is there. */
export async function switchBy(page: Page, button: string | RegExp, place: string): Promise<void> {
  await page.getByRole('button', { name: button }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Nothing stands in the way.').waitFor();
  await dialog.getByLabel('Reason').fill(`to ${place}`);
  const final = dialog.getByRole('checkbox');
  if (await final.isVisible()) await final.check();
  await dialog.getByRole('button', { name: /^Switch to/ }).click();
  await dialog.waitFor({ state: 'detached' });
  await standsAt(page, place);
}

export async function openTab(page: Page, name: string): Promise<void> {
  await page.getByRole('tab', { name }).click();
}
