/** The console in a real browser, on real stores: what an operator does, by clicks and keys. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { App } from '../../src/app.ts';
import { PARTICIPATION } from '../../src/activity/dataset.ts';
import type { MigrationState } from '../../src/migration/states.ts';
import { findChromium, openBrowser, picture } from '../support/browser.ts';
import { buildConsole, openTab, readOnly, signIn, standsAt, switchBy, takeSeat, TOKEN } from '../support/console.ts';
import { describeFound } from '../support/servers.ts';

/** A browser is slow on a machine that is busy with other tests. */
vi.setConfig({ testTimeout: 60_000 });

const MISSING = 'Chromium is not there; install it or set TEST_CHROMIUM';

describeFound('the console', await findChromium(), MISSING, (chromium) => {
  let browser: BrowserContext;
  beforeAll(async () => {
    [browser] = await Promise.all([openBrowser(chromium), buildConsole()]);
  }, 60_000);
  afterAll(() => browser?.close());

  test('a migration from OLD to NEW by clicks', async () => {
    const { page, url, app } = await takeSeat(browser);
    await signIn(page, url);
    await standsAt(page, 'OLD');
    await picture(page, 'old');
    await switchBy(page, /^Go on to MIGRATING/, 'MIGRATING');
    await page.getByText('complete', { exact: true }).waitFor();
    await switchBy(page, /^Go on to CATCHING_UP/, 'CATCHING_UP');
    await switchBy(page, /^Go on to DUAL/, 'DUAL 0 %');
    for (const share of ['10', '100']) {
      await page.getByRole('button', { name: share, exact: true }).click();
      await switchBy(page, `Go to ${share} %…`, `DUAL ${share} %`);
    }
    await expectBlocker(page, 'NOT_VERIFIED');
    await picture(page, 'dual-100');
    await page.getByRole('button', { name: 'Verify now' }).click();
    await page.getByText('Clean', { exact: true }).waitFor();
    await switchBy(page, /^Go on to NEW/, 'NEW');
    await page.getByRole('heading', { name: 'Way back: none' }).waitFor();
    expect(await page.getByRole('row').count()).toBe(1 + 6);
    await picture(page, 'new');
    expect((await app.engine.operator.status()).place.state).toBe('NEW');
  });

  test('the ways back, from MIGRATING and from DUAL', async () => {
    const { page, url, app } = await takeSeat(browser);
    await signIn(page, url);
    await switchBy(page, /^Go on to MIGRATING/, 'MIGRATING');
    await switchBy(page, /^Go back to RETREATING/, 'RETREATING');
    await switchBy(page, /^Go back to OLD/, 'OLD');
    await switchBy(page, /^Go on to MIGRATING/, 'MIGRATING');
    await page.getByText('complete', { exact: true }).waitFor();
    await switchBy(page, /^Go on to CATCHING_UP/, 'CATCHING_UP');
    await switchBy(page, /^Go on to DUAL/, 'DUAL 0 %');
    await page.getByLabel('Percent read from the new store').fill('37');
    await switchBy(page, 'Go to 37 %…', 'DUAL 37 %');
    await page.getByRole('heading', { name: 'Way back: DUAL at 0 %, then OLD' }).waitFor();
    await switchBy(page, /^Go back to DUAL at 0 %/, 'DUAL 0 %');
    await switchBy(page, /^Go back to OLD/, 'OLD');
    expect((await app.engine.operator.status()).place.state).toBe('OLD');
  });

  test('differences behind its back are found, shown with both values, repaired, and verified clean', async () => {
    const { page, url, directory } = await takeSeat(browser, { rows: 40 });
    await signIn(page, url);
    await switchBy(page, /^Go on to MIGRATING/, 'MIGRATING');
    await page.getByText('complete', { exact: true }).waitFor();
    await switchBy(page, /^Go on to CATCHING_UP/, 'CATCHING_UP');
    await switchBy(page, /^Go on to DUAL/, 'DUAL 0 %');

    const before = change(directory, 'new', (table) => {
      const row = table.prepare('select * from participation_new order by phone limit 1').get() as Row;
      table.prepare("update participation_new set recommendation_code = '~cGxhbnRlZA' where phone = ?").run(row.phone);
      table
        .prepare(
          'insert into participation_new select ?, event, recommendation_code, created_at, updated_at from participation_new limit 1',
        )
        .run('+8613912345678');
      return row;
    });
    await page.getByRole('button', { name: 'Verify now' }).click();
    await openTab(page, 'Differences');
    const planted = page.getByRole('row').filter({ hasText: `${before.phone}/${before.event}` });
    await planted.getByText('~cGxhbnRlZA').waitFor();
    await planted.getByText(before.recommendation_code, { exact: true }).waitFor();
    await page.getByRole('row').filter({ hasText: '+8613912345678' }).getByText('only in the new store').waitFor();
    await picture(page, 'differences');

    await page.getByRole('button', { name: 'Repair…' }).click();
    await page
      .getByRole('dialog')
      .getByText(/^Every key is read from the old store now/)
      .waitFor();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Repair/ })
      .click();
    await page.getByText('No difference is known.', { exact: true }).waitFor();
    const after = change(directory, 'new', (table) => table.prepare('select * from participation_new where phone = ? and event = ?').get(before.phone, before.event)); // prettier-ignore
    expect(after).toMatchObject({ recommendation_code: before.recommendation_code });
    await page.getByRole('button', { name: 'Verify now' }).click();
    await page.getByText('Clean', { exact: true }).waitFor();
  });

  test('a row that cannot be mapped bars the way until it is waived; a risk is taken with a tick, and kept', async () => {
    const { page, url, directory } = await takeSeat(browser, { rows: 40 });
    change(directory, 'old', (table) => table.exec("update participation_old set event = 'unheard-of' where phone = (select min(phone) from participation_old)")); // prettier-ignore
    await signIn(page, url);
    await switchBy(page, /^Go on to MIGRATING/, 'MIGRATING');
    await expectBlocker(page, 'QUARANTINE_NOT_EMPTY');
    await page.getByRole('button', { name: /^Go on to CATCHING_UP/ }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Rows are in quarantine').waitFor();
    await dialog.getByLabel('Reason').fill('anyway');
    expect(await dialog.getByRole('button', { name: /^Switch to/ }).isEnabled()).toBe(false);
    await page.keyboard.press('Escape');
    await openTab(page, 'Quarantine');
    await page.getByText('is not in the catalogue').waitFor();
    await picture(page, 'quarantine');
    await page.getByRole('button', { name: 'Waive…' }).click();
    await dialog.getByLabel('Reason').fill('a test of long ago');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('cell', { name: 'waived' }).waitFor();

    change(directory, 'old', (table) => table.exec("update participation_old set answer = 'C' where phone = (select max(phone) from participation_old)")); // prettier-ignore
    await page.getByRole('button', { name: /^Go on to CATCHING_UP/ }).click();
    await dialog.getByText('The old table has changed').waitFor();
    await dialog.getByLabel('Reason').fill('it is known');
    await dialog.getByLabel(/^Take the risk/).click();
    await dialog.getByText('Nothing stands in the way.').waitFor();
    await dialog.getByRole('button', { name: 'Switch to CATCHING_UP' }).click();
    await standsAt(page, 'CATCHING_UP');
    await openTab(page, 'History');
    await page.getByRole('cell', { name: 'OLD_STORE_CHANGED' }).waitFor();
  });

  test('the copy is limited, paused and resumed; quarantine has pages, and is tried again when its cause is mended; a pin', async () => {
    const { page, url, directory } = await takeSeat(browser, { rows: 400 });
    change(directory, 'old', (table) => table.exec("update participation_old set event = 'forgotten' where phone in (select phone from participation_old order by phone desc limit 12)")); // prettier-ignore
    await signIn(page, url);
    const copy = page.getByRole('region', { name: 'Copy' });
    await copy.getByLabel('Limit, rows a second').fill('20');
    await copy.getByRole('button', { name: 'Set' }).click();
    await switchBy(page, /^Go on to MIGRATING/, 'MIGRATING');
    await copy.getByRole('button', { name: 'Pause' }).click();
    await copy.getByText('paused', { exact: true }).waitFor();
    expect(await copy.getByLabel('Limit, rows a second').inputValue()).toBe('20');
    await copy.getByRole('button', { name: 'Resume' }).click();
    await copy.getByText('copying', { exact: true }).waitFor();
    await copy.getByLabel('Limit, rows a second').fill('');
    await copy.getByRole('button', { name: 'Set' }).click();
    await copy.getByText('complete', { exact: true }).waitFor();

    await openTab(page, 'Quarantine');
    await page.getByText('1–10 of 12', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'After', exact: true }).click();
    await page.getByText('11–12 of 12', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'After', exact: true }).isEnabled()).toBe(false);
    await page.getByRole('button', { name: 'Before', exact: true }).click();
    await page.getByText('1–10 of 12', { exact: true }).waitFor();
    await defineEvent(url, 'forgotten');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText(/^No row is in quarantine/).waitFor();

    await page.getByRole('button', { name: 'Pin…' }).click();
    await page.getByRole('dialog').getByRole('radio').nth(1).check();
    await page.keyboard.press('Enter');
    await page.getByText('Pinned; it does not follow the state.').waitFor();
    await page.getByRole('button', { name: 'Change the pin…' }).click();
    await page
      .getByRole('dialog')
      .getByLabel(/^Follow the state/)
      .check();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Pin…', exact: true }).waitFor();
  });

  test('a switch that waits shows for whom, and can be called off', async () => {
    const { page, url, app } = await takeSeat(browser);
    await signIn(page, url);
    const asleep = { dataset: PARTICIPATION, id: 'asleep', label: 'asleep', leaseMs: 600_000, epoch: 1, answered: 0 };
    await app.control.renew(asleep);
    await page.getByRole('button', { name: /^Go on to MIGRATING/ }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('too early');
    await page.getByRole('dialog').getByRole('button', { name: 'Switch to MIGRATING' }).click();
    await page.keyboard.press('Escape');
    await page.getByText(/waiting for.*asleep/).waitFor();
    await picture(page, 'announce');
    await page.getByRole('button', { name: 'Call it off, stay in OLD' }).click();
    // Sooner than it would have given up by itself.
    await page.getByRole('region', { name: 'Switch under way' }).waitFor({ state: 'detached', timeout: 5000 });
    await standsAt(page, 'OLD');
    expect((await app.engine.operator.status()).settled).toBe(true);
  });

  test('a switch that somebody else was first with is not made', async () => {
    const { page, url, app } = await takeSeat(browser);
    await signIn(page, url);
    await page.getByRole('button', { name: /^Go on to MIGRATING/ }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Nothing stands in the way.').waitFor();
    for (const to of ['MIGRATING', 'RETREATING', 'OLD'] as const) await goOn(app, to);
    await dialog.getByLabel('Reason').fill('too late');
    await dialog.getByRole('button', { name: 'Switch to MIGRATING' }).click();
    await dialog.getByText('Somebody else switched meanwhile').waitFor();
    expect((await app.engine.operator.status()).place.state).toBe('OLD');
  });

  test('keys alone: Tab to the next step, Escape leaves it, Enter makes it', async () => {
    const { page, url } = await takeSeat(browser);
    await signIn(page, url);
    const button = page.getByRole('button', { name: /^Go on to MIGRATING/ });
    await button.waitFor();
    for (let i = 0; i < 10 && !(await button.evaluate((element) => element.matches(':focus-visible'))); i += 1) {
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await button.evaluate((element) => element.matches(':focus'))).toBe(true);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByText('Nothing stands in the way.').waitFor();
    await page.keyboard.type('by keys');
    await page.keyboard.press('Enter');
    await standsAt(page, 'MIGRATING');
    await page.getByRole('cell', { name: 'by keys' }).waitFor();
  });

  test('a lost connection is told, what is shown is marked as old, and it comes back by itself', async () => {
    const { page, url, complaints } = await takeSeat(browser);
    await signIn(page, url);
    await standsAt(page, 'OLD');
    await page.getByText('live', { exact: true }).waitFor();
    await page.route('**/graphql', (route) => route.abort('connectionrefused'));
    await page.getByText('Connection lost.').waitFor();
    await page.getByText(/^as of .* ago$/).waitFor();
    expect(await page.getByRole('button', { name: /^Go on to MIGRATING/ }).isEnabled()).toBe(false);
    await picture(page, 'lost');
    await page.unroute('**/graphql');
    await page.getByText('live', { exact: true }).waitFor();
    expect(complaints.every((complaint) => complaint.includes('ERR_CONNECTION_REFUSED'))).toBe(true);
    complaints.splice(0);
  });

  test('a wrong token is refused in words; the right one is kept nowhere but in memory', async () => {
    const { page, url } = await takeSeat(browser);
    await page.goto(`${url}/console`);
    await page.getByLabel('Admin token').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('UNAUTHENTICATED').waitFor();
    await page.getByLabel('Admin token').fill(TOKEN);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await standsAt(page, 'OLD');
    const kept = await page.evaluate(
      'JSON.stringify([location.href, document.cookie, {...localStorage}, {...sessionStorage}, document.documentElement.outerHTML])',
    );
    expect(kept).not.toContain(TOKEN);
    await page.reload();
    await page.getByLabel('Admin token').waitFor();
  });

  test('a token that may only look sees everything and can press nothing', async () => {
    const seat = await takeSeat(browser);
    await signIn(seat.page, await readOnly(seat));
    await standsAt(seat.page, 'OLD');
    await seat.page.getByText('read only', { exact: true }).waitFor();
    await seat.page.getByText('/metrics does not answer').waitFor();
    for (const name of [/^Go on to MIGRATING/, /^Pin/, 'Verify now', 'Set']) {
      const button = seat.page.getByRole('button', { name, exact: true });
      expect(await button.isDisabled()).toBe(true);
      expect(await button.getAttribute('title')).toContain('migration:read');
    }
    // That server has no metrics: it is asked for them once, and the browser tells of it.
    expect(seat.complaints).toEqual([expect.stringContaining('/metrics')]);
    seat.complaints.splice(0);
  });

  test('at the width of a phone nothing sticks out, light and dark', async () => {
    const { page, url } = await takeSeat(browser);
    await page.setViewportSize({ width: 360, height: 740 });
    await signIn(page, url);
    await switchBy(page, /^Go on to MIGRATING/, 'MIGRATING');
    await page.getByText('complete', { exact: true }).waitFor();
    for (const tab of ['Differences', 'Quarantine', 'Instances', 'History']) {
      await openTab(page, tab);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    }
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await picture(page, `phone-${colorScheme}`);
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    await picture(page, 'migrating-dark');
    await page.getByRole('button', { name: /^Go on to CATCHING_UP/ }).click();
    await page.getByRole('dialog').getByText('Nothing stands in the way.').waitFor();
    await page.setViewportSize({ width: 360, height: 740 });
    await picture(page, 'phone-dialog-dark');
    await page.keyboard.press('Escape');
  });
});

interface Row {
  readonly phone: string;
  readonly event: string;
  readonly recommendation_code: string;
}

/** As somebody else with a key to the database would. */
function change<T>(directory: string, store: 'old' | 'new', work: (table: Database.Database) => T): T {
  const database = new Database(join(directory, `${store}.sqlite`));
  try {
    return work(database);
  } finally {
    database.close();
  }
}

async function defineEvent(url: string, name: string): Promise<void> {
  const input = {
    name,
    question: '?',
    reward: 'none',
    opensAt: '2020-01-01T00:00:00Z',
    closesAt: null,
    choices: [{ answer: 'a', code: 'A', correct: true }],
  };
  const query = 'mutation ($input: DefineEventInput!) { defineEvent(input: $input) { name } }';
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` };
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query, variables: { input } }),
  });
  expect(await answer.json()).toEqual({ data: { defineEvent: { name } } });
}

async function goOn({ engine }: App, to: MigrationState): Promise<void> {
  const how = { readNewPercent: null, expectedEpoch: null, dryRun: false, acceptRisk: [] };
  const { outcome } = await engine.operator.switchTo({ ...how, to, reason: 'another operator', actor: 'another' });
  expect(outcome).toBe('SWITCHED');
}

async function expectBlocker(page: Page, code: string): Promise<void> {
  await page.locator('.move').getByText(code).waitFor();
}
