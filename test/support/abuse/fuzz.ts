/** Requests that make no sense, by a seed: bodies of noise, documents with holes, values from the edges, and everything where it does not belong. */
import { seeded } from './random.ts';
import { TOKEN, type Raw } from './target.ts';

const DOCUMENTS = [
  '{ events(first: 3) { edges { node { name participationCount } cursor } pageInfo { endCursor } } }',
  'query ($e: String!) { event(name: $e) { question choices participations(first: 2) { edges { node { answer } } } } }',
  'query ($p: PhoneNumber!, $e: String!) { participation(phone: $p, event: $e) { rewarded createdAt } phone(number: $p) { number } }',
  'mutation ($p: PhoneNumber!, $e: String!) { withdrawParticipation(phone: $p, event: $e) { __typename } }',
  'mutation ($i: ParticipateInput!) { participate(input: $i) { __typename ... on Participated { participation { answer } } } }',
  'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Phone { number } ... on Event { question } } }',
  'query ($a: String, $n: Int) { migration(dataset: $a) { state history(first: $n, after: $a) { edges { node { reason } } } } }',
  'mutation ($s: SwitchMigrationInput!) { switchMigration(input: $s) { __typename } }',
  'mutation ($d: DefineEventInput!) { defineEvent(input: $d) { name } }',
  'fragment A on Event { name ...B } fragment B on Event { ...A } { events { edges { node { ...A } } } }',
  '{ __schema { types { name fields { name type { name ofType { name } } } } } _service { sdl } }',
];
const VARIABLES = ['p', 'e', 'i', 'r', 'a', 'n', 's', 'd'];
const KEYS = [
  'phone',
  'event',
  'answer',
  'name',
  'input',
  '__typename',
  '__proto__',
  'constructor',
  'first',
  'number',
  'dataset',
  'to',
  'choices',
  '',
];
const SCALARS: readonly unknown[] = [
  '', ' ', '0', 'B', 'send-1g-traffic', '+8613800138000', '13800138000', '\u0000', '\uD800', '\uFFFF', '\u202E\u200B', 'Event', 'Phone', 'Participation',
  "' OR '1'='1", '"; DROP TABLE participation_old; --', '../../../etc/passwd', '{{7*7}}', '%00%0a', 'x'.repeat(20_000), '𝟙𝟛𝟠', 'cDE6', 'ZTE6',
  0, -1, 1, 1.5, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 1e308, true, false, null, [], {},
]; // prettier-ignore
const METHODS = ['GET', 'POST', 'POST', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'];
const TYPES = [
  'application/json',
  'application/json; charset=utf-16',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/graphql',
  '',
];
const PATHS = [
  '/graphql',
  '/graphql/',
  '/graphql?query=%7B__typename%7D',
  '/graphql?query=%E0%A4%A',
  '/',
  '/healthz',
  '/..%2f..%2fetc/passwd',
  '/%zz',
  '/graphql?variables=x&query=',
];

export function* garbage(seed: number, count: number): Generator<Raw> {
  const random = seeded(seed);
  const { pick, below } = random;

  const value = (depth: number): unknown => {
    const kind = below(8);
    if (depth === 0 || kind < 5) return pick(SCALARS);
    if (kind === 5) return Array.from({ length: below(4) }, () => value(depth - 1));
    return Object.fromEntries(Array.from({ length: below(5) }, () => [pick(KEYS), value(depth - 1)]));
  };
  const holes = (text: string): string => {
    let broken = text;
    for (let times = below(5); times > 0; times--) {
      const at = below(broken.length + 1);
      const insert = pick([
        '',
        '',
        '{',
        '}',
        '(',
        ')',
        '@skip(if: true)',
        '...',
        '"',
        '"""',
        '$p',
        '#',
        '\u0000',
        ' 9e999 ',
        '\uFEFF',
        broken.slice(0, 40),
      ]);
      broken = broken.slice(0, at) + insert + broken.slice(at + below(6));
    }
    return broken;
  };
  const noise = (): Buffer => Buffer.from(Array.from({ length: below(400) }, () => below(256)));
  const body = (): string | Buffer => {
    const kind = below(10);
    if (kind === 0) return noise();
    if (kind === 1) return holes(JSON.stringify({ query: pick(DOCUMENTS), variables: value(3) }));
    if (kind === 2)
      return JSON.stringify({ query: value(2), operationName: value(1), variables: value(1), extensions: value(2) });
    const variables = Object.fromEntries(VARIABLES.map((name) => [name, value(3)]));
    return JSON.stringify({ query: kind < 6 ? pick(DOCUMENTS) : holes(pick(DOCUMENTS)), variables });
  };

  for (let i = 0; i < count; i++) {
    const sane = below(4) > 0;
    const method = sane ? 'POST' : pick(METHODS);
    const type = sane ? 'application/json' : pick(TYPES);
    const authorization = pick([
      '',
      '',
      'Bearer',
      `Bearer ${TOKEN}x`,
      'Bearer a.b.c',
      'Basic QQ==',
      `Bearer ${'x'.repeat(5000)}`,
    ]);
    yield {
      method,
      url: sane ? '/graphql' : pick(PATHS),
      headers: { ...(type !== '' && { 'content-type': type }), ...(authorization !== '' && { authorization }) },
      ...(method !== 'GET' && method !== 'HEAD' && { payload: body() }),
    };
  }
}
