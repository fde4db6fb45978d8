import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Unmappable } from '../../../src/migration/dataset.ts';
import { participationDataset, type NewParticipation, type OldParticipation } from '../../../src/activity/dataset.ts';
import { SAMPLE_EVENTS, type Event } from '../../../src/activity/events.ts';
import { coding, participationMapper } from '../../../src/activity/mapping.ts';
import { phoneParser } from '../../../src/activity/phone.ts';

const times = { createdAt: '2026-02-01T00:00:00.000001Z', updatedAt: '2026-02-02T00:00:00.000000Z' };
const phone = '+8613800138000';
const event = 'send-1g-traffic';
const old = (answer: string, change: Partial<OldParticipation> = {}): OldParticipation => ({
  phone,
  event,
  answer,
  ...times,
  ...change,
});
const renewed = (recommendationCode: string, change: Partial<NewParticipation> = {}): NewParticipation => ({
  phone,
  event,
  recommendationCode,
  ...times,
  ...change,
});
const events = new Map(SAMPLE_EVENTS.map((sample) => [sample.name, sample]));
const mapper = participationMapper(events, phoneParser());

describe('answers and codes', () => {
  test.each([
    ['B', 'G1-B'],
    ['b', '~Yg'],
    ['B ', '~QiA'],
    [' B', '~IEI'],
    ['', '~'],
    ['\0', '~AA'],
    ['~Qg', '~flFn'],
    ['👍🏽', '~8J-RjfCfj70'],
    ['אולי', '~15DXldec15k'],
    ['G1-B', '~RzEtQg'],
  ])('%j is %s', (answer, code) => {
    expect(mapper.toNew(old(answer))).toEqual(renewed(code));
    expect(mapper.toOld(renewed(code))).toEqual(old(answer));
  });

  test('10,000 characters of four bytes each come back', () => {
    const row = old('𝄞'.repeat(10_000));
    expect(mapper.toOld(mapper.toNew(row))).toEqual(row);
  });

  test('whatever was answered comes back, and no two answers share a code', () => {
    const answers = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('A', 'a', '~', '~Qg'),
    );
    fc.assert(
      fc.property(answers, answers, (one, other) => {
        const there = mapper.toNew(old(one));
        expect(mapper.toOld(there)).toEqual(old(one));
        if (one !== other) expect(mapper.toNew(old(other)).recommendationCode).not.toBe(there.recommendationCode);
      }),
    );
  });

  test('any code is refused, or comes back: no two codes share an answer', () => {
    const codes = fc.oneof(
      fc.string().map((text) => `~${text}`),
      fc.stringMatching(/^~[A-Za-z0-9_-]{0,12}$/),
      fc.constantFrom('G1-A', 'G1-D', '~Qg', '~Qg==', '~Yh'),
    );
    fc.assert(
      fc.property(codes, (code) => {
        let there: OldParticipation;
        try {
          there = mapper.toOld(renewed(code));
        } catch (error) {
          expect(error).toBeInstanceOf(Unmappable);
          return;
        }
        expect(mapper.toNew(there).recommendationCode).toBe(code);
      }),
    );
  });
});

describe('rows without a counterpart', () => {
  test.each([
    [old('B', { event: 'nowhere' }), 'event "nowhere" is not in the catalogue'],
    [old('B', { phone: 'landline' }), 'phone "landline": it is not a phone number'],
    [
      old('B', { phone: '138 0013 8000' }),
      'phone "138 0013 8000" is not in E.164: it would become the participant +8613800138000, who may have another row',
    ],
    [old('\ud83d'), 'answer "\\ud83d" has half a character in it'],
  ])('old row %#', (row, reason) => {
    expect(() => mapper.toNew(row)).toThrow(new Unmappable(reason));
  });

  test.each([
    ['G1-E', 'recommendation code "G1-E" is not in the catalogue of event "send-1g-traffic"'],
    ['g1-b', 'recommendation code "g1-b" is not in the catalogue of event "send-1g-traffic"'],
    ['', 'recommendation code "" is not in the catalogue of event "send-1g-traffic"'],
    ['~Qg', 'recommendation code "~Qg" spells "B", whose code is G1-B'],
    ['~Yg==', 'recommendation code "~Yg==" is not ~ and the base64url of a text'],
    ['~Yh', 'recommendation code "~Yh" is not ~ and the base64url of a text'],
    ['~Y g', 'recommendation code "~Y g" is not ~ and the base64url of a text'],
    ['~8J+RjQ', 'recommendation code "~8J+RjQ" is not ~ and the base64url of a text'],
    ['~gA', 'recommendation code "~gA" is not ~ and the base64url of a text'],
    ['~7aCA', 'recommendation code "~7aCA" is not ~ and the base64url of a text'],
  ])('code %j', (code, reason) => {
    expect(() => mapper.toOld(renewed(code))).toThrow(new Unmappable(reason));
  });
});

test('the `~` spelling of a choice that came late is still read, and is not made any more', () => {
  const late: Event = {
    ...(events.get(event) as Event),
    choices: [{ answer: 'E', code: 'G1-E', correct: false, late: true }],
  };
  const { answerOf, codeOf } = coding(late);
  expect(answerOf('~RQ')).toBe('E');
  expect(answerOf('G1-E')).toBe('E');
  expect(codeOf('E')).toBe('G1-E');
});

test('the dataset asks the catalogue once a batch, for each of its events', async () => {
  const asked: string[][] = [];
  const dataset = participationDataset({
    getMany: async (names) => {
      asked.push([...names]);
      return events;
    },
  });
  const rows = [old('A'), old('B'), old('yes', { event: 'send-2g-traffic' })];
  const { toNew } = await dataset.mapper(rows);
  expect(rows.map((row) => toNew(row).recommendationCode)).toEqual(['G1-A', 'G1-B', 'G2-Y']);
  expect(asked).toEqual([['send-1g-traffic', 'send-2g-traffic']]);
});
