/**
 * A digest of a set of rows that does not depend on their order: the sum, modulo 2^128, of a 128-bit hash of each row.
 *
 * Sums of parts add up to the sum of the whole. So the copy can keep the digest of all it has looked at beside its checkpoint, batch by
 * batch, and the whole table can be held against it later, whatever the batches were.
 */
import { hash } from 'node:crypto';
import type { Digest, Stored } from './stores/store.ts';

const MODULUS = 1n << 128n;
const HEX_DIGITS = 32;

export const NO_ROWS: Digest = { rows: 0, hash: '0'.repeat(HEX_DIGITS) };

export function digestOf(found: readonly Stored[]): Digest {
  let sum = 0n;
  for (const stored of found) sum += BigInt(`0x${hash('sha256', canonical(stored), 'hex').slice(0, HEX_DIGITS)}`);
  return { rows: found.length, hash: hex(sum) };
}

export function addDigests(a: Digest, b: Digest): Digest {
  return { rows: a.rows + b.rows, hash: hex(BigInt(`0x${a.hash}`) + BigInt(`0x${b.hash}`)) };
}

/** Readers give fields in the order of the dataset's definition, in every engine. */
function canonical(stored: Stored): string {
  return JSON.stringify('row' in stored ? [stored.key, stored.row] : [stored.key, null, stored.unreadable, stored.raw]);
}

function hex(sum: bigint): string {
  return (sum % MODULUS).toString(16).padStart(HEX_DIGITS, '0');
}
