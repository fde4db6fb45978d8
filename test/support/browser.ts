/**
 * A real browser for tests of the console: the system's Chromium, headless, with a profile of its own that is thrown away.
 *
 *   TEST_CHROMIUM   where it is; without it, /usr/bin/chromium
 */
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { temporaryDirectory } from './tmp.ts';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Kept after the tests, for people to look at. */
const ARTEFACTS = fileURLToPath(new URL('../../test-artefacts/', import.meta.url));

/** The path of the browser; null: this machine has none. */
export async function findChromium(): Promise<string | null> {
  const path = process.env['TEST_CHROMIUM'] || '/usr/bin/chromium';
  return access(path, constants.X_OK).then(
    () => path,
    () => null,
  );
}

export async function openBrowser(executablePath: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(await temporaryDirectory(), {
    executablePath,
    headless: true,
    args: FLAGS,
    viewport: { width: 1280, height: 900 },
    // Nothing moves while a picture is taken.
    reducedMotion: 'reduce',
  });
}

/** What the page complained of: errors on its console, violations of the policy among them, and exceptions that nobody caught. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) {
      complaints.push(`${message.text()} ${message.location().url}`);
    }
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return complaints;
}

export async function picture(page: Page, name: string): Promise<void> {
  await page.evaluate('scrollTo(0, 0)');
  await page.screenshot({ path: join(ARTEFACTS, 'console', `${name}.png`), fullPage: true });
}
