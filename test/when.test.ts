import { describe, expect, test } from 'vitest';
import { lateSentence } from '../src/runner/late.ts';
import { dayAndTime, timeBeside } from '../src/when.ts';

const slot = '2026-11-22T08:00:00.000Z';

describe('an instant in the words of a zone', () => {
  test('names its day, time and zone', () => {
    expect(dayAndTime(slot, 'Europe/Berlin')).toBe('Sun 22 Nov 09:00 (Europe/Berlin)');
    expect(dayAndTime('2026-09-05T00:00:00.000Z', 'UTC')).toBe('Sat 5 Sep 00:00 (UTC)');
    expect(dayAndTime(slot, 'Australia/Lord_Howe')).toBe('Sun 22 Nov 19:00 (Australia/Lord_Howe)');
  });
  test('an unknown zone is read as UTC and called so', () => {
    expect(dayAndTime(slot, 'Mars/Base')).toBe('Sun 22 Nov 08:00 (UTC)');
  });
  test('is short beside an instant of the same day, and never beside one of another year', () => {
    expect(timeBeside('2026-11-22T21:45:00.000Z', slot, 'Europe/Berlin')).toBe('22:45');
    expect(timeBeside('2026-11-22T23:45:00.000Z', slot, 'Europe/Berlin')).toBe('Mon 23 Nov 00:45');
    expect(timeBeside('2032-11-21T08:00:00.000Z', slot, 'UTC')).toBe('Sun 21 Nov 08:00');
    expect(timeBeside('2037-11-22T08:00:00.000Z', slot, 'UTC')).toBe('Sun 22 Nov 08:00');
  });
});

describe('the sentence of a late run', () => {
  const run = (over: object) => ({ createdAt: '2026-11-22T21:45:00.000Z', ...over });
  test('says when it was due, when it ran, and why', () => {
    const late = { ms: 1, reason: 'Bellhop was down 22:39-22:45 UTC.' };
    const schedule = { name: 'weekly-report', slot, zone: 'Europe/Berlin', late };
    expect(lateSentence(run({ schedule }))).toBe(
      'Due Sun 22 Nov 09:00 (Europe/Berlin), ran 22:45: Bellhop was down 22:39-22:45 UTC.',
    );
    expect(lateSentence(run({ schedule, startedAt: '2026-11-23T07:00:00.000Z' }))).toContain('ran Mon 23 Nov 08:00:');
  });
  test('is not there for a run in time, or of no schedule', () => {
    expect(lateSentence(run({}))).toBeUndefined();
    expect(lateSentence(run({ schedule: { name: 'weekly-report', slot } }))).toBeUndefined();
  });
});
