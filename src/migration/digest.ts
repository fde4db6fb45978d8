/**
 * A digest of a set of rows that does not depend on their order: the sum, modulo 2^128, of a 64-bit hash of each row.
 *
 * Sums of parts add up to the sum of the whole. So the copy can keep the digest of all it has looked at beside its checkpoint, batch by
 * batch, and the whole table can be held against it later, whatever the batches were.
 *
 * It finds what happened by accident: a change goes unseen once in 2^64. It is no defence against somebody who makes rows so that
 * they cancel out; who may write the old table can do harm in simpler ways. A cryptographic hash took a fifth of the copy's time.
 */
import type { Value } from './dataset.ts';
import type { Digest, Stored } from './stores/store.ts';

const HEX_DIGITS = 32;
const LANE = 2n ** 32n;
const LAST_ASCII = 0x7f;

export const NO_ROWS: Digest = { rows: 0, hash: '0'.repeat(HEX_DIGITS) };

/** Of rows whose reader made it from the bytes as they came. */
const known = new WeakMap<readonly Stored[], Digest>();

/** Spares `digestOf` the work for these rows. */
export function know(found: readonly Stored[], hasher: RowHasher): void {
  known.set(found, { rows: found.length, hash: hex(hasher.sum()) });
}

export function digestOf(found: readonly Stored[]): Digest {
  const made = known.get(found);
  if (made) return made;
  const hasher = new RowHasher();
  for (const stored of found) {
    if ('row' in stored) hasher.add(stored.row);
    else hasher.addUnreadable(stored);
  }
  return { rows: found.length, hash: hex(hasher.sum()) };
}

export function addDigests(a: Digest, b: Digest): Digest {
  return { rows: a.rows + b.rows, hash: hex(BigInt(`0x${a.hash}`) + BigInt(`0x${b.hash}`)) };
}

function hex(sum: bigint): string {
  return BigInt.asUintN(128, sum).toString(16).padStart(HEX_DIGITS, '0');
}

/** Before a value: its kind, so that no value is taken for another one, and no two together for one. */
const KIND = { null: 1, false: 2, true: 3, number: 4, string: 5, unreadable: 6 } as const;

/**
 * The hash of a row: its values in the order of the dataset's definition, in which readers of every engine give them; of a text its length
 * and its bytes in UTF-8, four at a time, which a reader may have before it has the text. Two lanes of 32 bits take in the same with other
 * constants; each step (xor, times an odd number, rotate) can be undone, so that nothing that differs is lost on the way, and the finish
 * of MurmurHash3 spreads it.
 */
export class RowHasher {
  #a = 0;
  #b = 0;
  // Sums of lanes: exact as long as there are less than 2^21 rows.
  #low = 0;
  #high = 0;

  add(row: Readonly<Record<string, Value>>): void {
    this.begin();
    for (const field in row) this.value(row[field] ?? null);
    this.end();
  }

  addUnreadable({ key, unreadable, raw }: { key: string; unreadable: string; raw: string }): void {
    this.begin();
    this.#word(KIND.unreadable);
    for (const text of [key, unreadable, raw]) this.#text(text);
    this.end();
  }

  sum(): bigint {
    return BigInt(this.#high) * LANE + BigInt(this.#low);
  }

  /** Of a row, whose values follow. One that is begun anew before its end does not count. */
  begin(): void {
    this.#a = 0x243f6a88;
    this.#b = 0x85a308d3;
  }

  end(): void {
    // Crosswise, so that both halves depend on all of both lanes.
    const a = finish(this.#a ^ rotate(this.#b, 16));
    const b = finish(Math.imul(this.#b, 0x2c1b3c6d) + a);
    this.#low += a;
    this.#high += b;
  }

  value(value: Value): void {
    if (typeof value === 'string') this.#text(value);
    else if (value === null) this.#word(KIND.null);
    else if (typeof value === 'boolean') this.#word(value ? KIND.true : KIND.false);
    else {
      this.#word(KIND.number);
      this.#text(String(value));
    }
  }

  /** The value is the text whose UTF-8 form these bytes are. */
  bytes(bytes: Uint8Array, from: number, to: number): void {
    this.#word(((to - from) << 3) | KIND.string);
    let a = this.#a;
    let b = this.#b;
    let at = from;
    for (; at + 4 <= to; at += 4) {
      const word =
        (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
      a = step(a, word, 0x9e3779b1);
      b = step(b, word, 0x85ebca77);
    }
    let word = 0;
    for (let i = to - 1; i >= at; i--) word = (word << 8) | (bytes[i] ?? 0);
    if (at < to) {
      a = step(a, word, 0x9e3779b1);
      b = step(b, word, 0x85ebca77);
    }
    this.#a = a;
    this.#b = b;
  }

  #text(text: string): void {
    const { length } = text;
    let [a, b] = [this.#a, this.#b];
    a = step(a, (length << 3) | KIND.string, 0x9e3779b1);
    b = step(b, (length << 3) | KIND.string, 0x85ebca77);
    let seen = 0;
    let at = 0;
    for (; at + 4 <= length; at += 4) {
      const [u, v] = [text.charCodeAt(at), text.charCodeAt(at + 1)];
      const [w, x] = [text.charCodeAt(at + 2), text.charCodeAt(at + 3)];
      seen |= u | v | w | x;
      const word = u | (v << 8) | (w << 16) | (x << 24);
      a = step(a, word, 0x9e3779b1);
      b = step(b, word, 0x85ebca77);
    }
    if (at < length) {
      let word = 0;
      for (let i = length - 1; i >= at; i--) {
        const unit = text.charCodeAt(i);
        seen |= unit;
        word = (word << 8) | unit;
      }
      a = step(a, word, 0x9e3779b1);
      b = step(b, word, 0x85ebca77);
    }
    if (seen > LAST_ASCII) {
      const bytes = Buffer.from(text);
      this.bytes(bytes, 0, bytes.length);
      return;
    }
    this.#a = a;
    this.#b = b;
  }

  #word(word: number): void {
    this.#a = step(this.#a, word, 0x9e3779b1);
    this.#b = step(this.#b, word, 0x85ebca77);
  }
}

function step(lane: number, word: number, times: number): number {
  return rotate(Math.imul(lane ^ word, times), 13);
}

function rotate(lane: number, by: number): number {
  return (lane << by) | (lane >>> (32 - by));
}

function finish(lane: number): number {
  let h = lane ^ (lane >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
