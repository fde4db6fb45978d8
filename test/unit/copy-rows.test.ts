import { PassThrough } from 'node:stream';
import * as fc from 'fast-check';
import { Connection, type Submittable } from 'pg';
import { expect, test } from 'vitest';
import { copyOut, Statement } from '../../src/migration/stores/postgres/copy-streams.ts';
import { END } from '../../src/migration/stores/piece.ts';
import { CopiedRows } from '../../src/migration/stores/postgres/copy-rows.ts';

const cell = fc.oneof(
  fc.constant(null),
  fc.constantFrom('', '\0', '\u0001', 'é', 'x'.repeat(300)),
  fc.string({ unit: 'grapheme' }),
);
const row = fc.array(cell, { minLength: 1, maxLength: 5 });

function reader(micros: readonly boolean[] = []) {
  const copied = new CopiedRows(micros);
  return (messages: Buffer) => {
    const rows: unknown[][] = [];
    copied.eachPiece(messages, { timesAt: micros, wholesAt: [] }, (piece) => {
      const cells: unknown[] = [];
      for (let i = 0; i < piece.count; i += 2) {
        if (piece.marks[i] !== END) cells.push(copied.cellAt(piece, i));
        else rows.push(cells.splice(0));
      }
      expect(cells).toEqual([]);
    });
    return rows;
  };
}

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\x02ab', 'latin1');
const TRAILER = message('d', Buffer.from([0xff, 0xff]));

/** As the server sends it: text, or microseconds. */
function contentOf(cells: readonly (string | bigint | null)[]): Buffer {
  const parts = cells.flatMap((value) => {
    const length = Buffer.alloc(4);
    const bytes = Buffer.from(typeof value === 'string' ? value : Buffer.alloc(value === null ? 0 : 8));
    if (typeof value === 'bigint') bytes.writeBigInt64BE(value);
    length.writeInt32BE(value === null ? -1 : bytes.length);
    return [length, bytes];
  });
  const count = Buffer.alloc(2);
  count.writeInt16BE(cells.length);
  return Buffer.concat([count, ...parts]);
}

/** What comes before the first row is in a message with it, or alone if there is none. */
function messagesOf(rows: readonly (readonly (string | bigint | null)[])[]): Buffer[] {
  const contents = rows.map(contentOf);
  const [first = Buffer.alloc(0), ...others] = contents;
  return [Buffer.concat([SIGNATURE, first]), ...others].map((content) => message('d', content));
}

function message(kind: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(kind), length, content]);
}

test('what goes into a row comes out of it', () => {
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      expect(reader()(Buffer.concat([...messagesOf(rows), TRAILER]))).toEqual(rows);
    }),
  );
});

test('messages are whole, however the bytes come, and what is not of the rows is for the driver', async () => {
  const notice = message('N', Buffer.from('SNOTICE\0\0'));
  const [begin, ...end] = ['H', 'c', 'C', 'Z'].map((kind) => message(kind, Buffer.from(kind)));
  await fc.assert(
    fc.asyncProperty(fc.array(row), fc.integer({ min: 1, max: 40 }), fc.nat(5), async (rows, size, at) => {
      const messages = [...messagesOf(rows), TRAILER];
      messages.splice(at, 0, notice);
      const bytes = Buffer.concat([begin ?? notice, ...messages, ...end]);
      const stream = new PassThrough();
      const heard: Buffer[] = [];
      const driver = (some: Buffer) => heard.push(some);
      stream.on('data', driver);
      const query = (statement: Submittable): void => {
        statement.submit(Object.assign(new Connection({ stream: () => stream }), { query: () => {} }));
        for (let from = 0; from < bytes.length; from += size) stream.write(bytes.subarray(from, from + size));
        stream.once('end', () => {
          if (statement instanceof Statement) statement.handleReadyForQuery();
        });
        stream.end();
      };
      const found: unknown[] = [];
      const fromMessages = reader();
      for await (const some of copyOut({ query }, 'copy', { answerMs: 1000, longestMs: 1000 }))
        found.push(...fromMessages(some));
      expect(found).toEqual(rows);
      expect(Buffer.concat(heard)).toEqual(Buffer.concat([begin ?? notice, notice, ...end]));
      expect(stream.listeners('data')).toEqual([expect.any(Function)]);
    }),
  );
});

test('a message that is no row is none', () => {
  const [begin = TRAILER] = messagesOf([]);
  const short = Buffer.concat([contentOf(['a']), Buffer.from('b')]);
  expect(() => reader()(Buffer.concat([begin, message('d', short)]))).toThrow('a message that is no row');
  expect(() => reader([true])(Buffer.concat(messagesOf([['a']])))).toThrow('a time that is none');
});

test('much that comes at once is read in pieces, a long row whole', () => {
  const rows = Array.from({ length: 5000 }, (_, i) => [`row ${i}`, i === 2500 ? 'x'.repeat(200_000) : 'é', null]);
  expect(reader()(Buffer.concat(messagesOf(rows)))).toEqual(rows);
});

const FIRST = Date.UTC(2000, 0, 1);
const microsOf = (ms: number, more: number) => BigInt(ms - FIRST) * 1000n + BigInt(more);

test('times are spelt as values are, far ones as the server shows them', () => {
  const time = fc.tuple(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), fc.nat(999));
  fc.assert(
    fc.property(fc.array(time, { maxLength: 4 }), (times) => {
      const micros = times.map(([ms, more]) => microsOf(ms, more));
      const spelt = times.map(([ms, more]) => {
        const value = new Date(ms).toISOString().replace('Z', `${String(more).padStart(3, '0')}Z`);
        const year = Number(value.slice(0, 4));
        if (year > 1714 && year < 2285) return value;
        if (year < 1714 || year > 2285) return shownOf(value);
        return expect.toSatisfy((found: unknown) => found === value || found === shownOf(value));
      });
      expect(reader(times.map(() => true))(Buffer.concat(messagesOf([micros])))).toEqual([spelt]);
    }),
    { numRuns: 1000 },
  );
  const odd = [
    2n ** 63n - 1n,
    -(2n ** 63n),
    microsOf(Date.UTC(10_000, 0, 1), 0),
    microsOf(Date.UTC(-43, 2, 15), 500_000),
  ];
  expect(reader(odd.map(() => true))(Buffer.concat(messagesOf([odd])))).toEqual([
    ['infinity', '-infinity', '10000-01-01 00:00:00+00', '0044-03-15 00:00:00.5+00 BC'],
  ]);
});

function shownOf(value: string): string {
  return `${value.slice(0, 10)} ${value.slice(11, -1).replace(/\.?0+$/, '')}+00`;
}

test('a time in a page is as the server shows it', () => {
  const copied = new CopiedRows([]);
  expect(copied.timeInPage('2026-01-31T23:59:50.123400Z')).toBe('2026-01-31 23:59:50.1234+00');
  expect(copied.timeInPage('2026-01-31T23:59:50.000000Z')).toBe('2026-01-31 23:59:50+00');
  expect(copied.timeInPage('infinity')).toBe('infinity');
  expect(copied.timeInPage(null)).toBe(null);
});
