import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { csvChunks, type CsvRecord } from '../../src/activity/csv.ts';

describe('reading CSV', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'crossfade-csv-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  const records = async (content: string | Buffer): Promise<CsvRecord[]> => {
    const file = join(dir, 'file.csv');
    await writeFile(file, content);
    const all: CsvRecord[] = [];
    let bytes = 0;
    for await (const chunk of csvChunks(file)) {
      all.push(...chunk.records);
      bytes = chunk.bytes;
    }
    expect(bytes).toBe(Buffer.byteLength(content));
    return all;
  };
  const good = (line: number, ...fields: string[]): CsvRecord => ({ line, fields });
  const bad = (line: number, why: RegExp): CsvRecord => ({ line, malformed: expect.stringMatching(why) });

  test('any line ends, blank lines and quoted line ends, with the line on which each record begins', async () => {
    expect(await records('a,b\r\n1,"x\ny"\r\n\r\n\n"2","p\r\n\r\nq"\n3,"say ""so"""\r4,é\n5,')).toEqual([
      good(1, 'a', 'b'),
      good(2, '1', 'x\ny'),
      good(6, '2', 'p\r\n\r\nq'),
      good(9, '3', 'say "so"'),
      good(10, '4', 'é'),
      good(11, '5', ''),
    ]);
  });

  test('a byte order mark is no part of the first field', async () => {
    expect(await records('\uFEFFa,b\n1,2\n')).toEqual([good(1, 'a', 'b'), good(2, '1', '2')]);
    expect(await records('\uFEFF')).toEqual([]);
    expect(await records('')).toEqual([]);
    expect(await records('a')).toEqual([good(1, 'a')]);
  });

  test('a misplaced quote costs its own line, also in the first and the last one', async () => {
    expect(await records('x"y\na,b\n1,"2"3\n\n\r\n4,5\n6,"7"\n8"9"')).toEqual([
      bad(1, /quote/),
      good(2, 'a', 'b'),
      bad(3, /quote/),
      good(6, '4', '5'),
      good(7, '6', '7'),
      bad(8, /quote/),
    ]);
    expect(await records('\r\n\r\n\r\n1,"2"3\r\n4,5')).toEqual([bad(4, /quote/), good(5, '4', '5')]);
  });

  test('a quote that is never closed costs its own line, however long the file is', async () => {
    expect(await records('a,b\n1,"2\n3,4\n5,6')).toEqual([
      good(1, 'a', 'b'),
      bad(2, /opened and not closed/),
      good(3, '3', '4'),
      good(4, '5', '6'),
    ]);
    const rest = Array.from({ length: 100_000 }, (_, i) => `${i},value`);
    const read = await records(['a,b', '1,"2', ...rest].join('\r\n'));
    expect(read).toHaveLength(100_002);
    expect(read[1]).toEqual(bad(2, /too long/));
    expect(read[2]).toEqual(good(3, '0', 'value'));
    expect(read.at(-1)).toEqual(good(100_002, '99999', 'value'));
  });

  test('a line too long to be one costs itself', async () => {
    expect(await records(`a,b\n1,${'x'.repeat(1_000_000)}\n3,4`)).toEqual([
      good(1, 'a', 'b'),
      bad(2, /too long/),
      good(3, '3', '4'),
    ]);
  });

  test.each(['\n', '\r\n', '\r'])('wherever the chunks end (line end %j)', async (end) => {
    const lines = Array.from({ length: 10_000 }, (_, i) =>
      i % 7 === 3 ? `${i},"x"y` : `${i},"é${'z'.repeat(i % 11)}"`,
    );
    const expected = lines.map((line, i) =>
      i % 7 === 3 ? bad(i + 1, /quote/) : good(i + 1, ...line.replaceAll('"', '').split(',')),
    );
    expect(await records(lines.join(end) + end)).toEqual(expected);
  });
});
