import { PassThrough } from 'node:stream';
import * as fc from 'fast-check';
import { Connection, type Submittable } from 'pg';
import { expect, test } from 'vitest';
import { copyOut, Statement } from '../../src/migration/stores/postgres/copy-streams.ts';
import { END } from '../../src/migration/stores/piece.ts';
import { cellAt, eachPiece } from '../../src/migration/stores/postgres/copy-text.ts';

const cell = fc.oneof(
  fc.constant(null),
  fc.constantFrom('', '\\N', '\\', '\t', '\n', '\r\n', '\\\t', '\\.', 'N'),
  fc.string({ unit: 'grapheme' }),
);
const row = fc.array(cell, { minLength: 1, maxLength: 5 });

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function fromMessages(messages: Buffer, timesAt: readonly boolean[] = []) {
  const rows: unknown[][] = [];
  eachPiece(messages, timesAt, (piece) => {
    const cells: unknown[] = [];
    for (let i = 0; i < piece.count; i += 2) {
      if (piece.marks[i] !== END) cells.push(cellAt(piece, i));
      else rows.push(cells.splice(0));
    }
    expect(cells).toEqual([]);
  });
  return rows;
}

/** As the server sends it. */
function messageOf(cells: readonly (string | null)[]): Buffer {
  const spelt = cells.map((c) => (c === null ? '\\N' : c.replace(/[\\\n\r\t]/g, (special) => ESCAPES[special] ?? '')));
  return message('d', Buffer.from(`${spelt.join('\t')}\n`));
}

function message(kind: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(kind), length, content]);
}

test('what goes into a line comes out of it', () => {
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      expect(fromMessages(Buffer.concat(rows.map(messageOf)))).toEqual(rows);
    }),
  );
});

test('messages are whole, however the bytes come, and what is not of the rows is for the driver', async () => {
  const notice = message('N', Buffer.from('SNOTICE\0\0'));
  const [begin, ...end] = ['H', 'c', 'C', 'Z'].map((kind) => message(kind, Buffer.from(kind)));
  await fc.assert(
    fc.asyncProperty(fc.array(row), fc.integer({ min: 1, max: 40 }), fc.nat(5), async (rows, size, at) => {
      const messages = rows.map(messageOf);
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
      for await (const some of copyOut({ query }, 'copy', { answerMs: 1000, longestMs: 1000 }))
        found.push(...fromMessages(some));
      expect(found).toEqual(rows);
      expect(Buffer.concat(heard)).toEqual(Buffer.concat([begin ?? notice, notice, ...end]));
      expect(stream.listeners('data')).toEqual([expect.any(Function)]);
    }),
  );
});

test('the escapes that only the server makes', () => {
  expect(fromMessages(message('d', Buffer.from('a\\bb\\fc\\vd\\\\\n')))).toEqual([['a\bb\fc\vd\\']]);
});

test('a message that is no line is none', () => {
  for (const text of ['a', 'a\nb', 'a\t'])
    expect(() => fromMessages(message('d', Buffer.from(text)))).toThrow('a message that is no line');
});

test('much that comes at once is read in pieces, a long line whole', () => {
  const rows = Array.from({ length: 5000 }, (_, i) => [`row ${i}`, i === 2500 ? 'x'.repeat(100_000) : 'é\t']);
  expect(fromMessages(Buffer.concat(rows.map(messageOf)))).toEqual(rows);
});

test('times with six digits come out as values are spelt, others as the server shows them', () => {
  const line = '2026-01-31 23:59:59.123456+00\t2026-01-31 23:59:59.5+00\t2026-01-31 23:59:59.123456+00\n';
  expect(fromMessages(message('d', Buffer.from(line)), [true, true, false])).toEqual([
    ['2026-01-31T23:59:59.123456Z', '2026-01-31 23:59:59.5+00', '2026-01-31 23:59:59.123456+00'],
  ]);
});
