/**
 * The stable hash that places keys: FNV-1a over UTF-8 with MurmurHash3's finaliser, 32 bits.
 *
 * Its values are part of the stored format (journal slots, the sticky percentage of DUAL): they must be the same in every process
 * and every release, which is why this is not a hash of the runtime.
 */
const encoder = new TextEncoder();

export function hash32(text: string): number {
  let h = 0x811c9dc5;
  // In ASCII, which most keys are, a character is its byte.
  let ascii = 0;
  for (; ascii < text.length; ascii++) {
    const code = text.charCodeAt(ascii);
    if (code > 0x7f) break;
    h = Math.imul(h ^ code, 0x01000193);
  }
  if (ascii < text.length) {
    for (const byte of encoder.encode(text.slice(ascii))) h = Math.imul(h ^ byte, 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
