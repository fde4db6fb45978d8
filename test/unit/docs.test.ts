/** What the documents say of the program is what the program says of itself. */
import { glob, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { participationDataset } from '../../src/activity/dataset.ts';
import { VARIABLES } from '../../src/config/variables.ts';
import { BLOCKER_CODES } from '../../src/migration/api.ts';
import { ERRORS } from '../../src/migration/errors.ts';
import { buildSubgraph } from '../../src/resolvers/index.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const documents: { readonly path: string; readonly text: string }[] = [];
for await (const path of glob(['*.md', 'docs/**/*.md'], { cwd: ROOT })) {
  documents.push({ path, text: await readFile(join(ROOT, path), 'utf8') });
}
const document = (path: string): string => {
  const found = documents.find((candidate) => candidate.path === path);
  if (!found) throw new Error(`there is no ${path}`);
  return found.text;
};

/** What is under this heading, up to the next one of its level or a higher one. */
function section(text: string, heading: string): string {
  const start = text.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`there is no heading ${heading}`);
  const body = text.slice(start + heading.length + 2);
  const level = heading.indexOf(' ');
  const end = new RegExp(`^#{1,${level}} `, 'm').exec(body);
  return end ? body.slice(0, end.index) : body;
}

/** The cells of the rows whose first cell is code. */
function rows(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()).slice(1, -1)); // prettier-ignore
}

const codes = (text: string): readonly string[] => rows(text).map(([first = '']) => first.replaceAll('`', ''));

function blocks(text: string, language: string): readonly string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, body = '']) => body);
}

test('README: the two commands', () => {
  expect(blocks(document('README.md'), 'sh')).toEqual(
    expect.arrayContaining(['npm ci && npm start\n', 'npm ci && npm test\n']),
  );
});

test('README: every variable of the configuration, with its default, what it means and what it may be', () => {
  const expected = Object.entries(VARIABLES).map(([name, variable]) => {
    const absent = 'absent' in variable ? variable.absent : '';
    const fallback = variable.default === null ? absent : `\`${variable.default}\``;
    return [`\`${name}\``, fallback, `${variable.meaning}; ${variable.must}`];
  });
  expect(rows(section(document('README.md'), '## Configuration'))).toEqual(expected);
});

test('README: the example of the engine is the one that is run', async () => {
  const example = await readFile(join(ROOT, 'examples', 'orders.ts'), 'utf8');
  expect(blocks(document('README.md'), 'ts')).toEqual([example]);
});

test('run book: each blocker once', () => {
  const told = codes(section(document('docs/operate.md'), '## Blockers'));
  expect(told.toSorted()).toEqual(BLOCKER_CODES.toSorted());
});

test('run book: each error once', () => {
  const told = codes(section(document('docs/operate.md'), '## Errors'));
  expect(told.toSorted()).toEqual(Object.keys(ERRORS).toSorted());
});

test('run book: what the log says is what the program logs', async () => {
  const told = codes(section(document('docs/operate.md'), '### The log'));
  expect(told.length).toBeGreaterThan(12);
  const logged: string[] = [];
  for await (const path of glob('src/migration/**/*.ts', { cwd: ROOT })) {
    logged.push(await readFile(join(ROOT, path), 'utf8'));
  }
  for (const message of told) expect(logged.join('\n'), message).toMatch(new RegExp(`['\`]${message}`));
});

test('security: each limit of a query, and files of tests that are there', async () => {
  const told = codes(section(document('docs/security.md'), '## Limits'));
  const limits = Object.keys(VARIABLES).filter((name) => name.startsWith('MAX_'));
  expect(told.filter((name) => name.startsWith('MAX_')).toSorted()).toEqual(limits.toSorted());
  expect(told.every((name) => name in VARIABLES)).toBe(true);
  const tests = [...document('docs/security.md').matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path);
  expect(tests.length).toBeGreaterThan(10);
  for (const path of tests) await expect(stat(join(ROOT, path)), path).resolves.toBeDefined();
});

describe.each(documents)('$path', ({ path, text }) => {
  test('links lead somewhere', async () => {
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const linked = file === '' ? path : join(dirname(path), file);
      await expect(stat(join(ROOT, linked)), target).resolves.toBeDefined();
      if (anchor !== undefined) expect(anchors(document(linked)), target).toContain(anchor);
    }
  });

  test('GraphQL is of the schema', () => {
    for (const example of blocks(text, 'graphql')) {
      const faults = validate(schema, parse(example)).map(({ message }) => message);
      expect(faults, example).toEqual([]);
    }
  });
});

const { schema } = buildSubgraph([participationDataset({ getMany: async () => new Map() })]);

/** As GitHub makes them of headings. */
function anchors(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(
    ([, heading = '']) =>
    heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-'), // prettier-ignore
  );
}

test('the examples are found at all', () => {
  expect(blocks(document('README.md'), 'graphql').length).toBeGreaterThan(1);
  expect(blocks(document('docs/operate.md'), 'graphql').length).toBeGreaterThan(5);
});
