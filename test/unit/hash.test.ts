/** Stored data are placed by these values: whoever makes the hash faster has to keep every one of them. */
import { expect, test } from 'vitest';
import { hash32 } from '../../src/migration/hash.ts';

test.each([
  ['', 2_872_998_923],
  ['a', 444_641_715],
  ['+8613800000042', 2_367_391_957],
  ['a\u0000b', 1_564_531_501],
  ['é', 2_387_039_943],
  ['aé', 4_134_151_629],
  ['phone 汉字 😀 end', 1_665_393_684],
  // Half a character is hashed as the replacement character.
  ['\ud800x', 3_337_331_921],
])('%j has the hash it always had', (text, hash) => {
  expect(hash32(text)).toBe(hash);
});
