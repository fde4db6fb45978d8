import { expect, test } from 'vitest';
import { participationDataset } from '../../../src/activity/dataset.ts';
import { openness, SAMPLE_EVENTS } from '../../../src/activity/events.ts';
import { phoneParser } from '../../../src/activity/phone.ts';
import { sampleParticipations } from '../../../src/activity/sample.ts';

const events = new Map(SAMPLE_EVENTS.map((event) => [event.name, event]));
const COUNT = 20_000;
const rows = [...sampleParticipations(COUNT)].flat();

test('as many as were asked for, of as many phones, spelled in E.164', () => {
  expect(rows).toHaveLength(COUNT);
  expect(new Set(rows.map(({ phone }) => phone)).size).toBe(COUNT);
  const parse = phoneParser();
  expect(rows.filter(({ phone }) => !/^\+861\d{10}$/.test(phone) || !('number' in parse(phone)))).toEqual([]);
  expect([...sampleParticipations(1001)].map((batch) => batch.length)).toEqual([1000, 1]);
  expect([...sampleParticipations(0)]).toEqual([]);
});

test('every row can be mapped and comes back', async () => {
  const { toNew, toOld } = await participationDataset({ getMany: async () => events }).mapper(rows);
  expect(rows.map((row) => toOld(toNew(row)))).toEqual(rows);
});

test('at least 2 percent of the answers are no choice; the open events have most', () => {
  const unlisted = rows.filter(({ event, answer }) => events.get(event)?.choices.every((c) => c.answer !== answer));
  expect(unlisted.length).toBeGreaterThanOrEqual(COUNT * 0.02);
  expect(new Set(unlisted.map(({ answer }) => answer)).size).toBeGreaterThan(10);
  const share = (name: string) => rows.filter(({ event }) => event === name).length / COUNT;
  expect(share('send-1g-traffic')).toBeGreaterThan(0.5);
  expect(share('send-2g-traffic')).toBeGreaterThan(0.2);
  expect(share('spring-2020')).toBeGreaterThan(0.05);
});

test('everybody took part while the event was open, and changed it later if at all', () => {
  for (const { event, createdAt, updatedAt } of rows) {
    const found = events.get(event);
    expect(found && [openness(found, createdAt), openness(found, updatedAt)]).toEqual(['OPEN', 'OPEN']);
    expect(updatedAt >= createdAt).toBe(true);
  }
  expect(rows.some(({ createdAt, updatedAt }) => updatedAt > createdAt)).toBe(true);
});

test('the same for the same seed, and others for another', () => {
  const [again] = sampleParticipations(1000, 1);
  const [other] = sampleParticipations(1000, 2);
  expect(again).toEqual(rows.slice(0, 1000));
  expect(other).not.toEqual(again);
});
