import * as fc from 'fast-check';
import { parsePhoneNumberFromString } from 'libphonenumber-js';
import { expect, test } from 'vitest';
import { phoneParser } from '../../../src/activity/phone.ts';

const parse = phoneParser();

test.each([
  '13800138000',
  '+8613800138000',
  ' +86 138 0013 8000 ',
  '0086 138 0013 8000',
  '(+86) 138-0013-8000',
  'tel:+86-138-0013-8000',
  '86 13800138000',
  '(138) 0013-8000',
  '138.0013.8000',
  '+86 (0)138 0013 8000',
  '+８６ １３８ ００１３ ８０００',
  '＋８６１３８００１３８０００',
  '+86\u00a0138\u20130013\u20138000',
  '\u202a+8613800138000\u202c',
  '138\u200b0013\u200b8000',
  '+86 ١٣٨٠٠١٣٨٠٠٠',
])('%j is the same phone', (text) => {
  expect(parse(text)).toEqual({ number: '+8613800138000' });
});

test.each([
  ['+44 20 7946 0018', '+442079460018'],
  ['+1 (415) 555-2671', '+14155552671'],
])('%s of another country is %s', (text, number) => {
  expect(parse(text)).toEqual({ number });
});

test.each([
  ['', 'it is not a phone number'],
  ['landline', 'it is not a phone number'],
  ['13800138000a', 'it is not a phone number'],
  ['call 13800138000', 'it is not a phone number'],
  ['++8613800138000', 'it is not a phone number'],
  ['13800138000\u0000', 'it is not a phone number'],
  ['+999 123456', 'it is not a phone number'],
  ['13800138000 ext. 5', 'it has an extension, and a participant is a phone'],
  ['12345', 'there is no such number in CN'],
  ['+861380013800000', 'there is no such number in CN'],
  ['1'.repeat(101), 'it is longer than 100 characters'],
])('%j is refused: %s', (text, reason) => {
  expect(parse(text)).toEqual({ reason });
});

test('a number without a country belongs to the region', () => {
  expect(phoneParser('GB')('020 7946 0018')).toEqual({ number: '+442079460018' });
  expect(() => phoneParser('XX')).toThrow(new RangeError('"XX" is not a region with phone numbers'));
});

test('what comes out goes in unchanged', () => {
  const texts = fc.stringMatching(/^\+?[0-9 ()-]{3,18}$/);
  fc.assert(
    fc.property(texts, (text) => {
      const parsed = parse(text);
      if ('number' in parsed) expect(parse(parsed.number)).toEqual(parsed);
    }),
    { numRuns: 500 },
  );
});

test('the short cut for Chinese mobile numbers says what the library says', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^\+861[3-9]\d{9}$/), (text) => {
      const parsed = parsePhoneNumberFromString(text, { defaultCountry: 'CN', extract: false });
      expect([parsed?.number, parsed?.isValid(), parsed?.country]).toEqual([text, true, 'CN']);
    }),
    { numRuns: 500 },
  );
});
