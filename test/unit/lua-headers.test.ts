/** The scripts of the journal in Redis: what each header says, what the code beside it says, and what the body does, must be the same. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadScripts, methodOf, SCRIPTS, type ScriptName } from '../../src/migration/journal/redis/scripts.ts';

const DIRECTORY = new URL('../../src/migration/journal/redis/scripts/', import.meta.url);
const names = Object.keys(SCRIPTS).filter((name): name is ScriptName => name in SCRIPTS);

interface Parsed {
  readonly flags: readonly string[];
  readonly title: string;
  readonly header: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
}

function parse(name: string): Parsed {
  const text = readFileSync(new URL(`${name}.lua`, DIRECTORY), 'utf8');
  const lines = text.split('\n');
  const end = lines.findIndex((line, i) => i > 0 && !line.startsWith('--'));
  const words = lines.slice(0, end).flatMap((line) => {
    const [, field, rest = ''] = /^-- (KEYS|ARGV|OUTCOMES) +(.+)$/.exec(line) ?? [];
    return field ? [[field, rest.split(' ')] as const] : [];
  });
  return {
    flags: /^#!lua(?: flags=(\S+))?$/.exec(lines[0] ?? '')?.[1]?.split(',') ?? [],
    title: lines[1] ?? '',
    header: Object.fromEntries(words),
    body: lines.slice(end).join('\n'),
  };
}

/** Outcomes that a script returns, itself or by what it takes from common.lua. */
function returned(body: string): readonly string[] {
  const own = [...body.matchAll(/\{\s*'([A-Z]+)'/g)].map(([, outcome = '']) => outcome);
  const common = parse('common').body;
  const taken = ['slot_at', 'head'].flatMap((used) => {
    if (!body.includes(`${used}(`)) return [];
    const [, definition = ''] = new RegExp(`local function ${used}\\(.*?\\n(.*?)\\nend`, 's').exec(common) ?? [];
    return [...definition.matchAll(/\{'([A-Z]+)'/g)].map(([, outcome = '']) => outcome);
  });
  return [...new Set([...own, ...taken])];
}

test('every file is a script of the table, and the other way round', () => {
  const files = readdirSync(DIRECTORY).map((file) => file.replace(/\.lua$/, ''));
  expect(files.toSorted()).toEqual([...names, 'common'].toSorted());
});

describe.each(names)('%s', (name) => {
  const { flags, title, header, body } = parse(name);
  const { keys, outcomes } = SCRIPTS[name];

  test('says what it is for', () => {
    expect(title).toMatch(new RegExp(`^-- ${name}: .{10,}`));
    expect(Object.keys(header)).toEqual(['KEYS', 'ARGV', 'OUTCOMES']);
  });

  test('takes the keys that it is given', () => {
    expect(header['KEYS']).toEqual(keys);
    const ofMany = 'ofMany' in SCRIPTS[name];
    expect(loadScripts()[methodOf(name)]?.numberOfKeys).toBe(ofMany ? undefined : keys.length);
    if (ofMany) {
      expect(body).toContain(`for first = 1, #KEYS, ${keys.length} do`);
      return;
    }
    const [, named] = /^local ([A-Z_, ]+) = unpack\(KEYS\)$/m.exec(body) ?? [];
    const locals = named?.split(', ') ?? ['SLOT'];
    expect(keys.map((key) => key.toUpperCase()).slice(0, locals.length)).toEqual(name === 'meta' ? ['META'] : locals);
  });

  test('has the outcomes that the header and the table list', () => {
    expect(header['OUTCOMES']).toEqual(outcomes);
    expect(returned(body).toSorted()).toEqual([...outcomes].toSorted());
  });

  test('reads arguments that the header names', () => {
    const highest = Math.max(0, ...[...body.matchAll(/ARGV\[(\d+)\]/g)].map(([, index]) => Number(index)));
    const named = header['ARGV'] ?? [];
    expect(highest).toBeLessThanOrEqual(named.at(-1)?.endsWith('...') ? Infinity : named.length);
  });

  test('may write only if it is not flagged otherwise, and frees memory also when there is none', () => {
    const writes =
      /redis\.call\('(HSET|HSETNX|HDEL|HINCRBY|ZADD|ZREM|ZPOPMIN|SET|UNLINK|RENAME)'|\b(remove_all|make_empty)\(/.test(
        body,
      );
    expect(flags.includes('no-writes')).toBe(!writes);
    const grows = ['append', 'meta', 'make'].includes(name);
    if (writes) expect(flags.includes('allow-oom')).toBe(!grows);
  });

  test('begins with its flags, then what all share', () => {
    const lua = loadScripts()[methodOf(name)]?.lua ?? '';
    expect(lua.startsWith('#!lua')).toBe(true);
    expect(lua).toContain('local function slot_at');
    expect(lua.indexOf('local function slot_at')).toBeLessThan(lua.indexOf(`-- ${name}: `));
  });
});
