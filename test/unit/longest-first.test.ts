import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { LONGEST } from '../support/longest-first.ts';

test('the files that come first are there', () => {
  const root = new URL('../../', import.meta.url);
  expect(LONGEST.filter((file) => !existsSync(fileURLToPath(new URL(file, root))))).toEqual([]);
});
