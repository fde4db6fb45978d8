/** The trail of operators' commands, over HTTP, on a whole deployment with files of its own. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createApp, type App } from '../../src/app.ts';
import { createAuditTrail } from '../../src/audit.ts';
import { loadConfig } from '../../src/config.ts';
import { systemClock } from '../../src/migration/clock.ts';
import type { AuditEntry } from '../../src/migration/control/control.ts';
import { CrossfadeError } from '../../src/migration/errors.ts';
import { silent, type Logger } from '../../src/migration/log.ts';
import { fillWithSamples } from '../../src/server/samples.ts';
import { temporaryDirectory } from '../support/tmp.ts';

const TOKEN = 'a-token-for-tests';
const lines: { readonly facts: object; readonly message: string }[] = [];
const log: Logger = { ...silent, info: (facts, message) => void lines.push({ facts, message }) };

let app: App;
beforeAll(async () => {
  const config = loadConfig({ DATA_DIR: await temporaryDirectory(), SAMPLE_DATA: '50', LEASE_MS: '500' });
  app = await createApp({ config, adminToken: TOKEN, log });
  await fillWithSamples(app, config, silent);
});
afterAll(async () => {
  await app.stop();
});

async function ask(query: string, token = TOKEN): Promise<{ requestId: string; code: string | undefined }> {
  const response = await app.server.http.inject({
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    payload: JSON.stringify({ query }),
  });
  const { errors } = response.json<{ errors?: { extensions: { code: string } }[] }>();
  return { requestId: String(response.headers['x-request-id']), code: errors?.[0]?.extensions.code };
}

/** The two newest entries, the older one first. */
async function last(): Promise<readonly [AuditEntry, AuditEntry]> {
  const [ended, begun] = await app.control.auditTrail(2);
  if (!begun || !ended) throw new Error('there is no such entry');
  return [begun, ended];
}

const DATASET = 'dataset: "participation"';
const EVENT = `input: { name: "e1", question: "q", reward: "r", opensAt: "2026-01-01T00:00:00Z", choices: [{ answer: "a", code: "c", correct: true }] }`;

describe.each([
  { field: `pauseCopy(${DATASET}) { state }`, before: { copy: { paused: false } }, after: { copy: { paused: true } } },
  { field: `resumeCopy(${DATASET}) { state }`, before: { copy: { paused: true } }, after: { copy: { paused: false } } },
  {
    field: `setCopyRate(${DATASET}, rowsPerSecond: 7) { state }`,
    input: { rowsPerSecond: 7 },
    before: { copy: { rateLimit: null } },
    after: { copy: { rateLimit: 7 } },
  },
  {
    field: `setBusinessLogic(${DATASET}, logic: BOTH) { state }`,
    input: { logic: 'BOTH' },
    before: { logic: 'OLD', logicPinned: false },
    after: { logic: 'BOTH', logicPinned: true },
  },
  {
    field: `defineEvent(${EVENT}) { name }`,
    input: { name: 'e1' },
    before: null,
    after: { name: 'e1', question: 'q' },
  },
  {
    field: `switchMigration(input: { ${DATASET}, to: MIGRATING, reason: "codes replace answers" }) { __typename }`,
    input: { to: 'MIGRATING' },
    reason: 'codes replace answers',
    before: { state: 'OLD', epoch: 1 },
    after: { state: 'MIGRATING', epoch: 2 },
  },
  {
    field: `switchMigration(input: { ${DATASET}, to: NEW, reason: "too early" }) { __typename }`,
    input: { to: 'NEW' },
    reason: 'too early',
    outcome: 'BLOCKED: NOT_ADJACENT',
    before: { state: 'MIGRATING' },
    after: { state: 'MIGRATING' },
  },
  {
    field: `switchMigration(input: { ${DATASET}, to: NEW, expectedEpoch: 99, reason: "too late" }) { __typename }`,
    reason: 'too late',
    outcome: 'EPOCH_CONFLICT',
    before: { epoch: 2 },
    after: { epoch: 2 },
  },
  { field: `retryQuarantine(${DATASET}) { state }`, before: { about: { open: 0, waived: 0 } }, after: {} },
  {
    field: `waiveQuarantine(${DATASET}, reason: "known") { state }`,
    reason: 'known',
    before: {},
    after: { about: {} },
  },
  { field: `verifyMigration(${DATASET}) { state }`, before: {}, after: {}, outcome: expect.any(String) },
  { field: `repairDifferences(${DATASET}) { state }`, before: {}, after: {}, outcome: expect.any(String) },
])('$field', ({ field, input = {}, reason = null, outcome = 'DONE', before, after }) => {
  test('is on record: who, what, why, before and after', async () => {
    const { requestId } = await ask(`mutation { ${field} }`);
    const command = /^\w+/.exec(field)?.[0];
    const [begun, ended] = await last();
    expect(begun).toMatchObject({ phase: 'BEGUN', actor: 'admin', command, reason, requestId, input, outcome: null });
    expect(ended).toMatchObject({ phase: 'ENDED', actor: 'admin', command, reason, requestId, input, outcome });
    expect(ended.id).toBe(begun.id);
    if (before) expect(begun.state).toMatchObject(before);
    else expect(begun.state).toBeNull();
    expect(ended.state).toMatchObject(after);
  });
});

test('the trail is in the log too', async () => {
  lines.length = 0;
  await ask(`mutation { pauseCopy(${DATASET}) { state } }`);
  const [begun, ended] = await last();
  expect(lines.filter(({ facts }) => 'audit' in facts)).toEqual([
    { facts: { audit: begun }, message: 'an admin operation begins' },
    { facts: { audit: ended }, message: 'an admin operation has ended' },
  ]);
  expect(JSON.stringify(lines)).not.toContain(TOKEN);
});

test('what was refused, asked in vain or only tried is not in it', async () => {
  const [, newest] = await last();
  expect((await ask(`mutation { pauseCopy(${DATASET}) { state } }`, 'wrong')).code).toBe('UNAUTHENTICATED');
  expect((await ask('mutation { pauseCopy(dataset: "none") { state } }')).code).toBe('UNKNOWN_DATASET');
  await ask(`mutation { switchMigration(input: { ${DATASET}, to: OLD, reason: "r", dryRun: true }) { __typename } }`);
  await ask('{ migrations { state } }');
  expect((await last())[1]).toEqual(newest);
});

describe('a trail that cannot be written', () => {
  const away = new CrossfadeError('CONTROL_UNAVAILABLE');
  const written: AuditEntry[] = [];
  const errors: string[] = [];
  let failing: AuditEntry['phase'];
  const trail = createAuditTrail({
    control: {
      appendAudit: async (entry) => {
        await delay(1);
        if (entry.phase === failing) throw away;
        written.push(entry);
      },
    },
    clock: systemClock,
    log: { ...silent, error: (_, message) => void errors.push(message) },
  });
  const command = { actor: 'ann', command: 'c', dataset: 'd', input: {}, reason: null, requestId: 'r' };
  beforeEach(() => void (written.length = 0));

  test('keeps the command from being done', async () => {
    failing = 'BEGUN';
    let done = false;
    const effect = async (): Promise<void> => void (done = true);
    await expect(trail.record({ ...command, look: async () => 1 }, effect)).rejects.toBe(away);
    expect(done).toBe(false);
  });

  test('does not undo what was done', async () => {
    failing = 'ENDED';
    expect(await trail.record({ ...command, look: async () => 1 }, async () => 'done')).toBe('done');
    expect(errors).toEqual(['the end of an admin operation could not be written down']);
    expect(written).toMatchObject([{ phase: 'BEGUN', state: 1 }]);
  });

  test('says what went wrong, also when what the command is about cannot be seen', async () => {
    const look = async (): Promise<never> => Promise.reject(new CrossfadeError('STORE_UNAVAILABLE'));
    failing = 'ENDED';
    await trail.record({ ...command, look }, async () => 'done');
    expect(written).toMatchObject([{ state: { unknown: 'STORE_UNAVAILABLE' } }]);
  });
});
