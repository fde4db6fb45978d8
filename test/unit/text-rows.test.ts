import { PassThrough } from 'node:stream';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { withLiterals } from '../../src/migration/stores/mysql/literals.ts';
import { cellAt, eachPiece, textRows } from '../../src/migration/stores/mysql/text-rows.ts';
import { END, type Kinds } from '../../src/migration/stores/piece.ts';

const LONGEST = 0xff_ff_ff;
const cell = fc.oneof(
  fc.constant(null),
  fc.constantFrom('', '\0', '\u0001', 'é', '\xff'.repeat(300), 'x'.repeat(70_000)),
  fc.string({ unit: 'grapheme' }),
);
const row = fc.array(cell, { minLength: 1, maxLength: 5 });

function fromPackets(packets: Buffer, { timesAt = [], wholesAt = [] }: Partial<Kinds> = {}) {
  const rows: unknown[][] = [];
  eachPiece(packets, { timesAt, wholesAt }, (piece) => {
    const cells: unknown[] = [];
    for (let i = 0; i < piece.count; i += 2) {
      if (piece.marks[i] !== END) cells.push(cellAt(piece, i));
      else rows.push(cells.splice(0));
    }
    expect(cells).toEqual([]);
  });
  return rows;
}

function lengthOf(bytes: number): Buffer {
  if (bytes < 251) return Buffer.from([bytes]);
  const length = Buffer.alloc(bytes < 2 ** 16 ? 3 : bytes < 2 ** 24 ? 4 : 9);
  length[0] = bytes < 2 ** 16 ? 0xfc : bytes < 2 ** 24 ? 0xfd : 0xfe;
  length.writeUIntLE(bytes, 1, Math.min(length.length - 1, 6));
  return length;
}

/** As the server sends it. */
function payloadOf(cells: readonly (string | null)[]): Buffer {
  return Buffer.concat(
    cells.flatMap((text) => {
      if (text === null) return [Buffer.from([0xfb])];
      const bytes = Buffer.from(text);
      return [lengthOf(bytes.length), bytes];
    }),
  );
}

function packetsOf(payloads: readonly Buffer[]): Buffer {
  const packets: Buffer[] = [];
  const add = (payload: Buffer): void => {
    const header = Buffer.alloc(4);
    header.writeUIntLE(payload.length, 0, 3);
    header[3] = (1 + packets.length / 2) & 0xff;
    packets.push(header, payload);
  };
  for (const payload of payloads) {
    let at = 0;
    for (; payload.length - at >= LONGEST; at += LONGEST) add(payload.subarray(at, at + LONGEST));
    add(payload.subarray(at));
  }
  return Buffer.concat(packets);
}

const EOF = Buffer.from([0xfe, 0, 0, 2, 0]);
const HEAD = [Buffer.from([2]), Buffer.from('\x03def of one column'), Buffer.from('\x03def of another'), EOF];

/** Rows of an answer that comes in pieces of this size, and what the driver heard of it. */
async function read(bytes: Buffer, size: number) {
  const stream = new PassThrough();
  const heard: Buffer[] = [];
  stream.on('data', (some: Buffer) => heard.push(Buffer.from(some)));
  const query = (_sql: string, callback: (error: unknown) => void): void => {
    for (let from = 0; from < bytes.length; from += size) stream.write(Buffer.from(bytes.subarray(from, from + size)));
    stream.once('end', () => callback(null));
    stream.end();
  };
  const driver = stream.listeners('data');
  const found: unknown[] = [];
  for await (const some of textRows({ query, stream }, 'select', (answer) => answer)) found.push(...fromPackets(some));
  expect(stream.listeners('data')[0]).toBe(driver[0]);
  expect(stream.listenerCount('data')).toBe(1);
  return { found, heard: Buffer.concat(heard) };
}

test('packets are whole, however the bytes come, and what is no row is for the driver, which counts on', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row), fc.integer({ min: 1, max: 40 }), async (rows, size) => {
      const small = rows.every((cells) => cells.every((text) => (text?.length ?? 0) < 1000));
      const { found, heard } = await read(
        packetsOf([...HEAD, ...rows.map(payloadOf), EOF]),
        small ? size : size * 10_000,
      );
      expect(found).toEqual(rows);
      expect(heard).toEqual(packetsOf([...HEAD, EOF]));
    }),
  );
});

test('an error, before the rows or behind some, is the driver’s', async () => {
  const error = Buffer.from('\xff\x15\x04#28000no', 'latin1');
  for (const before of [[], HEAD]) {
    const { found, heard } = await read(packetsOf([...before, error]), 7);
    expect(found).toEqual([]);
    expect(heard).toEqual(packetsOf([...before, error]));
  }
  const { found, heard } = await read(packetsOf([...HEAD, payloadOf(['a', 'b']), error]), 7);
  expect(found).toEqual([['a', 'b']]);
  expect(heard).toEqual(packetsOf([...HEAD, error]));
});

test('a row of several packets is one, between others', async () => {
  const rows = [
    ['a'],
    ['x'.repeat(9_000_000), 'y'.repeat(9_000_000)],
    ['z'.repeat(LONGEST)],
    ['b'.repeat(40_000)],
    ['c'],
  ];
  const { found } = await read(packetsOf([...HEAD, ...rows.map(payloadOf), EOF]), 1 << 16);
  // Not by `toEqual` alone, which would print them.
  expect(found.length).toBe(rows.length);
  for (const [i, cells] of rows.entries()) expect(JSON.stringify(found[i]) === JSON.stringify(cells)).toBe(true);
});

test('times are spelt where there is room behind them, and what is behind them stays what it is', () => {
  const [time, spelt] = ['2026-01-31 23:59:59.123456', '2026-01-31T23:59:59.123456Z'];
  const rows = [
    [time, time, null, time],
    [time, 'x'.repeat(300), time, time],
  ];
  expect(fromPackets(packetsOf(rows.map(payloadOf)), { timesAt: [true, true, true, true] })).toEqual([
    [spelt, spelt, null, spelt],
    [spelt, 'x'.repeat(300), spelt, time],
  ]);
  expect(fromPackets(packetsOf(rows.map(payloadOf)))).toEqual(rows);
});

test('zeros before whole numbers are left out, wherever they are, and nowhere else', () => {
  const rows = [
    ['00', '0', '00120', '-5', '7', '007'],
    ['', '000', '0'.repeat(255), '10', null, '0'],
  ];
  expect(fromPackets(packetsOf(rows.map(payloadOf)), { wholesAt: [true, true, true, true, true, false] })).toEqual([
    ['0', '0', '120', '-5', '7', '007'],
    ['', '0', '0', '10', null, '0'],
  ]);
});

test('bytes that are no text stay bytes; the sign for what is no character is text', () => {
  for (const more of ['', 'x'.repeat(200)]) {
    const half = Buffer.concat([Buffer.from('61eda08062', 'hex'), Buffer.from(more)]);
    const sign = `a\ufffdb${more}`;
    const cells = [half, Buffer.from(sign), half, Buffer.from('é')];
    const payload = Buffer.concat(cells.flatMap((bytes) => [lengthOf(bytes.length), bytes]));
    expect(fromPackets(packetsOf([payload]))).toEqual([[half, sign, half, 'é']]);
  }
});

test('a cell longer than its row is none', () => {
  expect(() => fromPackets(packetsOf([Buffer.from([5, 0x61])]))).toThrow('longer than its row');
});

test('values in a statement: nothing in them ends it, and names keep their question marks', () => {
  expect(withLiterals('select `a?``?` from `t` where a = ? and b > ? limit ?', ["'; \\", null, 5n])).toBe(
    "select `a?``?` from `t` where a = _utf8mb4 x'273b205c' and b > null limit 5",
  );
  expect(withLiterals('? = ?', [Buffer.from([0, 255]), 1])).toBe("x'00ff' = 1");
  expect(() => withLiterals('?', [])).toThrow(RangeError);
  expect(() => withLiterals('', [1])).toThrow(RangeError);
});
