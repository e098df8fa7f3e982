import { describe, expect, test } from 'vitest';
import { splitZone } from '../../../src/runner/time/asked.ts';

describe('the due times and the zone in words without quotes', () => {
  test.each([
    ['mon 09:00', 'mon 09:00', undefined],
    ['every monday 09:00 Europe/Berlin', 'every monday 09:00', 'Europe/Berlin'],
    ['every monday at 9am in America/New_York', 'every monday at 9am', 'America/New_York'],
    ['every monday 9:00 america/new york', 'every monday 9:00', 'america/new york'],
    ['*/15 9-17 * * mon-fri', '*/15 9-17 * * mon-fri', undefined],
    ['*/15 9-17 * * mon-fri UTC', '*/15 9-17 * * mon-fri', 'UTC'],
    ['@daily EST', '@daily', 'EST'],
    ['daily 07:00 +02:00', 'daily 07:00', '+02:00'],
    ['daily 07:00 Berlin', 'daily 07:00', 'Berlin'],
    ['every 15 minutes', 'every 15 minutes', undefined],
    // The word that is not understood stays where it can be explained.
    ['every monday 09:00 tuesdai', 'every monday 09:00 tuesdai', undefined],
    ['mon 09:00 5', 'mon 09:00 5', undefined],
    ['monn 09:00 Europe/Berlin', 'monn 09:00', 'Europe/Berlin'],
    ['', '', undefined],
  ])('%s', (typed, when, zone) => {
    const words = typed.split(' ');
    expect(splitZone(words)).toEqual({ when, ...(zone === undefined ? {} : { zone }) });
  });
});
