/**
 * One phone is one participant, however its number is written: every spelling becomes E.164, or is refused with the reason.
 *
 * Numbers are checked against their country's numbering plan (length and leading digits), not against today's list of allotted ranges:
 * an operator opens new ranges sooner than a library learns of them.
 */
import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js';

export type ParsedPhone = { readonly number: string } | { readonly reason: string };

/** `text`: as somebody wrote it. Never throws. */
export type PhoneParser = (text: string) => ParsedPhone;

/** No spelling of a number is longer, with all the brackets and spaces one could want. */
const LONGEST = 100;
/** Chinese mobile numbers in E.164, as nearly every stored row has them: the library says the same of each, a hundred times slower. */
const CHINESE_MOBILE = /^\+861[3-9]\d{9}$/;
/** Invisible: what contact lists and right-to-left texts put around and into numbers. */
const FORMAT_CHARACTERS = /\p{Cf}/gu;

/** RFC 3966's scheme, and a country code in brackets of its own: common, and not read by the library. */
const DECORATION = /^(?:tel:)?\s*(?:\((\+\d{1,3})\))?/i;

/** `region`: whose number it is when it has no country code, two letters (ISO 3166-1). RangeError if there is no such region. */
export function phoneParser(region = 'CN'): PhoneParser {
  if (!isSupportedCountry(region)) throw new RangeError(`${JSON.stringify(region)} is not a region with phone numbers`);
  return (text) => {
    if (CHINESE_MOBILE.test(text)) return { number: text };
    if (text.length > LONGEST) return { reason: `it is longer than ${LONGEST} characters` };
    const plain = text.normalize('NFKC').replace(FORMAT_CHARACTERS, '').trim().replace(DECORATION, '$1');
    const parsed = parsePhoneNumberFromString(plain, { defaultCountry: region, extract: false });
    if (!parsed) return { reason: 'it is not a phone number' };
    if (parsed.ext) return { reason: 'it has an extension, and a participant is a phone' };
    if (!parsed.isValid()) return { reason: `there is no such number in ${parsed.country ?? 'any country'}` };
    return { number: parsed.number };
  };
}
