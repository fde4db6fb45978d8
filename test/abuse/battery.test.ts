/** What attackers send, argument by argument: nothing is executed that was not asked for, nothing is told of the inside, nothing falls over. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Target, TOKEN } from '../support/abuse/target.ts';

let target: Target;
let before: unknown;
beforeAll(async () => {
  target = await Target.start();
  before = await target.state();
});
afterAll(async () => {
  expect(target.faults).toEqual([]);
  await target.app.stop();
});

const INJECTIONS = [
  "' OR '1'='1",
  "'; DROP TABLE participation_old; --",
  '" UNION SELECT value FROM crossfade_meta --',
  "\\'; DELETE FROM crossfade_event; --",
  "send-1g-traffic' --",
  '`id`; $(reboot)',
  '../../../../etc/passwd',
  '{{7*7}}${7*7}<%= 7*7 %>',
  '<script>alert(1)</script>',
  '\r\nx-injected: yes',
  '%s%n%x',
  '\u0000',
  'send-1g-traffic\u0000',
  '\uD800',
  '\uDC00\uD800',
  '\u202Egnp.exe',
  'x'.repeat(100_000),
  '*',
  'null',
];

/** Every string that a client can hand over, with what it may be answered. */
const ARGUMENTS: readonly { readonly where: string; readonly query: string; readonly token?: string }[] = [
  { where: 'event(name)', query: 'query ($x: String!) { event(name: $x) { name } }' },
  { where: 'events(after)', query: 'query ($x: String!) { events(after: $x) { edges { cursor } } }' },
  { where: 'phone(number)', query: 'query ($x: PhoneNumber!) { phone(number: $x) { number } }' },
  { where: 'participation(phone)', query: 'query ($x: PhoneNumber!) { participation(phone: $x, event: "send-1g-traffic") { answer } }' },
  { where: 'participation(event)', query: 'query ($x: String!) { participation(phone: "13800138000", event: $x) { answer } }' },
  { where: 'participations(after)', query: 'query ($x: String!) { event(name: "send-1g-traffic") { participations(after: $x) { totalCount } } }' },
  { where: 'participate(phone)', query: 'mutation ($x: PhoneNumber!) { participate(input: { phone: $x, event: "send-1g-traffic", answer: "B" }) { __typename } }' },
  { where: 'participate(event)', query: 'mutation ($x: String!) { participate(input: { phone: "13800138000", event: $x, answer: "B" }) { __typename } }' },
  { where: 'participate(recommendationCode)', query: 'mutation ($x: String!) { participate(input: { phone: "13800138000", event: "send-1g-traffic", recommendationCode: $x }) { __typename } }' },
  { where: 'changeParticipation(event)', query: 'mutation ($x: String!) { changeParticipation(input: { phone: "13800138000", event: $x, answer: "B" }) { __typename } }' },
  { where: 'withdrawParticipation(phone)', query: 'mutation ($x: PhoneNumber!) { withdrawParticipation(phone: $x, event: "send-1g-traffic") { __typename } }' },
  { where: 'withdrawParticipation(event)', query: 'mutation ($x: String!) { withdrawParticipation(phone: "13800138000", event: $x) { __typename } }' },
  { where: 'reference of an event', query: 'query ($x: String!) { _entities(representations: [{ __typename: "Event", name: $x }]) { __typename } }' },
  { where: 'reference of a phone', query: 'query ($x: String!) { _entities(representations: [{ __typename: "Phone", number: $x }]) { __typename } }' },
  { where: 'type of a reference', query: 'query ($x: String!) { _entities(representations: [{ __typename: $x, name: "a" }]) { __typename } }' },
  { where: 'migration(dataset)', query: 'query ($x: String!) { migration(dataset: $x) { state } }', token: TOKEN },
  { where: 'history(after)', query: 'query ($x: String!) { migration(dataset: "participation") { history(after: $x) { totalCount } } }', token: TOKEN },
  { where: 'differences(after)', query: 'query ($x: String!) { migration(dataset: "participation") { differences(after: $x) { totalCount } } }', token: TOKEN },
  { where: 'quarantine(after)', query: 'query ($x: String!) { migration(dataset: "participation") { quarantine(after: $x) { totalCount } } }', token: TOKEN },
  { where: 'switchMigration(dataset)', query: 'mutation ($x: String!) { switchMigration(input: { dataset: $x, to: MIGRATING, reason: "r" }) { __typename } }', token: TOKEN },
  { where: 'pauseCopy(dataset)', query: 'mutation ($x: String!) { pauseCopy(dataset: $x) { state } }', token: TOKEN },
  { where: 'defineEvent(opensAt)', query: 'mutation ($x: DateTime!) { defineEvent(input: { name: "n", question: "q", reward: "r", opensAt: $x, choices: [] }) { name } }', token: TOKEN },
  { where: 'operationName', query: '{ __typename }' },
]; // prettier-ignore

describe('injection', () => {
  test.each(ARGUMENTS)('through $where', async ({ where, query, token }) => {
    for (const x of INJECTIONS) {
      if (where === 'operationName') {
        const payload = JSON.stringify({ query, operationName: x });
        await target.send({ headers: { 'content-type': 'application/json' }, payload });
      } else await target.ask(query, { x }, token);
    }
    expect(await target.state()).toEqual(before);
  });

  test('a token that is one changes nothing about it', async () => {
    for (const x of ['', "' OR 1=1 --", 'admin', 'null', `${TOKEN}\u200B`, TOKEN.toUpperCase()]) {
      const { errors } = await target.ask('{ migrations { state } }', {}, encodeURIComponent(x));
      expect(errors.map(({ extensions }) => extensions.code)).toEqual(['UNAUTHENTICATED']);
    }
  });

  test('an answer is kept as it is, whatever it looks like', async () => {
    const answer = "B'; DROP TABLE participation_old; -- \u202E\u0001 {{x}} <b> \u{1F600}";
    const input = { phone: '+8613900000001', event: 'send-1g-traffic', answer };
    const query =
      'mutation ($input: ParticipateInput!) { participate(input: $input) { ... on Participated { participation { answer } } } }';
    expect((await target.ask(query, { input })).data).toEqual({ participate: { participation: { answer } } });
    await target.ask(
      'mutation { withdrawParticipation(phone: "+8613900000001", event: "send-1g-traffic") { __typename } }',
    );
    expect(await target.state()).toEqual(before);
  });
});

describe('cursors', () => {
  const forged = [
    'p1:',
    'p1:+8613800138000',
    'e1:\u0000',
    'p2:x',
    'transition:-1',
    'transition:9e9',
    'difference:[]',
    'difference:{"key":1}',
    'difference:["a"]',
    'difference:["a",{}]',
    'quarantine:',
    ':',
    '\uFFFF',
  ];
  const cursors = [
    ...forged.map((text) => Buffer.from(text).toString('base64url')),
    '====',
    'A',
    '%',
    '-'.repeat(10_000),
  ];
  test.each([
    ['events', '{ events(after: $c) { totalCount } }'],
    ['participations', '{ event(name: "send-1g-traffic") { participations(after: $c) { edges { cursor } } } }'],
    ['history', '{ migration(dataset: "participation") { history(after: $c) { edges { cursor } } } }'],
    ['differences', '{ migration(dataset: "participation") { differences(after: $c) { edges { cursor } } } }'],
    ['quarantine', '{ migration(dataset: "participation") { quarantine(after: $c) { edges { cursor } } } }'],
  ])('of %s that were forged are refused or empty', async (_, body) => {
    for (const c of cursors) {
      const { errors } = await target.ask(`query ($c: String) ${body}`, { c }, TOKEN);
      for (const { extensions } of errors) expect(extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'after' });
    }
  });
});

describe('keys of prototypes', () => {
  test.each([
    '{"query":"{ __typename }","variables":{"__proto__":{"polluted":true}}}',
    '{"query":"{ __typename }","__proto__":{"polluted":true}}',
    '{"query":"{ __typename }","variables":{"constructor":{"prototype":{"polluted":true}}}}',
    '{"query":"{ __typename }","extensions":{"__proto__":{"polluted":true}}}',
    '{"query":"query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }","variables":{"r":[{"__typename":"__proto__"},{"__typename":"constructor"}]}}',
    '{"query":"query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }","variables":{"r":[{"__typename":"Event","name":{"__proto__":{"polluted":true}}}]}}',
    '{"query":"{ a: __typename @__proto__ constructor toString hasOwnProperty __proto__ }"}',
    '{"query":"query ($__proto__: Int, $constructor: Int) { events(first: $__proto__) { totalCount } }","variables":{"constructor":1}}',
  ])('%s', async (payload) => {
    await target.send({ headers: { 'content-type': 'application/json' }, payload });
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  test('as names of things find nothing', async () => {
    for (const x of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect((await target.ask('query ($x: String!) { event(name: $x) { name } }', { x })).data).toEqual({
        event: null,
      });
      expect((await target.ask('query ($x: String!) { migration(dataset: $x) { state } }', { x }, TOKEN)).data).toEqual(
        { migration: null },
      );
    }
  });
});

describe('numbers at the edges', () => {
  const numbers = [
    '-1',
    '0',
    '101',
    '2147483647',
    '2147483648',
    '-2147483649',
    '9007199254740993',
    '1e309',
    '1.5',
    '-0',
    '"20"',
    'true',
    '[]',
    '{}',
  ];
  test.each([
    ['first', 'query ($n: Int) { events(first: $n) { edges { cursor } } }'],
    [
      'readNewPercent',
      'mutation ($n: Int) { switchMigration(input: { dataset: "participation", to: DUAL, readNewPercent: $n, reason: "r", dryRun: true }) { __typename } }',
    ],
    [
      'expectedEpoch',
      'mutation ($n: Int) { switchMigration(input: { dataset: "participation", to: MIGRATING, expectedEpoch: $n, reason: "r", dryRun: true }) { __typename } }',
    ],
    ['rowsPerSecond', 'mutation ($n: Int) { setCopyRate(dataset: "none", rowsPerSecond: $n) { state } }'],
  ])('%s', async (_, query) => {
    for (const n of numbers) {
      const payload = `{"query":${JSON.stringify(query)},"variables":{"n":${n}}}`;
      await target.send({ headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` }, payload });
    }
    expect(await target.state()).toEqual(before);
  });
});

describe('too much, too deep', () => {
  const nested = (open: string, close: string, n: number): string => open.repeat(n) + close.repeat(n);
  test.each([
    ['a selection', { query: nested('{ events ', '}', 1900) }],
    ['a list', { query: `{ event(name: ${nested('[', ']', 1900)}) { name } }` }],
    ['an object', { query: `{ event(name: ${'{ a: '.repeat(900)}1${' }'.repeat(900)}) { name } }` }],
    ['fragments in a ring', { query: '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }' }],
    ['the same field', { query: `{ ${'events { totalCount } '.repeat(900)} }` }],
    ['fields there are none of', { query: `{ ${Array.from({ length: 3000 }, (_, i) => `f${i}`).join(' ')} }` }],
    [
      'variables nobody declared',
      {
        query: '{ __typename }',
        variables: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`v${i}`, i])),
      },
    ],
    ['a comment', { query: `#${'x'.repeat(900_000)}\n{ __typename }` }],
    ['types in types', { query: `query ($a: ${nested('[', ']', 1900).replace('[]', '[Int]')}) { __typename }` }],
    [
      'introspection in introspection',
      { query: `{ __schema { types { ${'fields { type { '.repeat(10)} name ${'} } '.repeat(10)} } } }` },
    ],
  ])('%s', async (_, payload) => {
    const began = performance.now();
    const { status } = await target.send({
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify(payload),
    });
    expect(status).toBeLessThan(500);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test('JSON', async () => {
    for (const payload of [
      nested('[', ']', 400_000),
      `{"query":"{ __typename }","variables":{"a":${nested('[', ']', 300_000)}}}`,
    ]) {
      await target.send({ headers: { 'content-type': 'application/json' }, payload });
    }
  });

  test('a body that is too long', async () => {
    const { status, errors } = await target.ask(`{ __typename } #${'x'.repeat(1_000_000)}`);
    expect([status, errors[0]?.extensions.code]).toEqual([413, 'BAD_REQUEST']);
    expect(errors[0]?.message).toContain('1000000 bytes');
  });
});

describe('unicode', () => {
  const spellings = [
    '13700000042',
    '+86 137 0000 0042',
    '０１３７００００００４２'.replace('０', ''),
    '１３７００００００４２',
    '\u202B137\u200B0000\u200D0042\u202C',
    '(+86)137-0000-0042',
    'tel:+86-137-0000-0042',
    '\u2066+８６\u2069 137 0000 0042',
    '𝟏𝟑𝟕𝟎𝟎𝟎𝟎𝟎𝟎𝟒𝟐',
    '00 86 137 0000 0042'.replace('00 86', '0086'),
    ' 13700000042\u00A0',
  ];
  const participate =
    'mutation ($phone: PhoneNumber!, $event: String!) { participate(input: { phone: $phone, event: $event, answer: "B" }) { __typename } }';

  test('all spellings of a phone are one participant, also at the same time', async () => {
    const answers = await Promise.all(
      spellings.map((phone) => target.ask(participate, { phone, event: 'send-1g-traffic' })),
    );
    const outcomes = answers.map(
      ({ data, errors }) => Reflect.get(data?.['participate'] ?? {}, '__typename') ?? errors[0]?.extensions.code,
    );
    expect(outcomes.filter((outcome) => outcome === 'Participated')).toHaveLength(1);
    expect(
      outcomes
        .filter((outcome) => outcome !== 'Participated')
        .every((outcome) => outcome === 'AlreadyParticipated' || outcome === 'BAD_USER_INPUT'),
    ).toBe(true);
    expect(outcomes.filter((outcome) => outcome === 'BAD_USER_INPUT').length, String(outcomes)).toBeLessThanOrEqual(2);
    const mine = await target.ask('{ phone(number: "13700000042") { participations { totalCount } } }');
    expect(mine.data).toEqual({ phone: { participations: { totalCount: 1 } } });
  });

  test('a name of an event that only looks like one is none', async () => {
    for (const event of [
      'send-1g-traffic ',
      '\u200Bsend-1g-traffic',
      'ｓｅｎｄ-1g-traffic',
      'send\u20101g\u2010traffic',
      'SEND-1G-TRAFFIC',
      'se\u0301nd-1g-traffic',
      'send-1g-traffiс',
    ]) {
      const { data } = await target.ask(participate, { phone: '13700000043', event });
      expect(data, event).toEqual({ participate: { __typename: 'EventNotFound' } });
    }
  });
});
