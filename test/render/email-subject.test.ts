import { describe, expect, it } from 'vitest';
import { renderEmail } from '../../src/render/email/report.ts';
import type { Report } from '../../src/store/report.ts';
import { makeReport, sampleRun } from '../support/delivery-report.ts';

const run = sampleRun();

describe('the subject of a mail', () => {
  const subject = (over: Partial<Report>, thread?: 'series'): string =>
    renderEmail({ ...makeReport(), ...over }, { run }, thread && { thread }).subject;
  const period = { from: '2026-11-16', to: '2026-11-22', label: 'week 47' };

  it('is dated once: by its title, its period or the day it was made', () => {
    expect(subject({})).toBe('Weekly report · Nov 23, 2026');
    expect(subject({ period })).toBe('Weekly report · week 47');
    expect(subject({ period, title: 'Sales, week 47' })).toBe('Sales, week 47');
    expect(subject({ title: 'Sales of 22 Nov' })).toBe('Sales of 22 Nov');
    expect(subject({ title: 'x'.repeat(150), period })).toMatch(/^x{139}… · week 47$/);
  });

  it('never varies within a series', () => {
    expect(subject({ title: 'Revenue rose in W47', status: 'partial', period }, 'series')).toBe('Weekly merchandising');
    expect(subject({ series: 'sales.eu-west' }, 'series')).toBe('Sales eu west');
  });

  it('is one line, whatever the title holds', () => {
    const title = 'Hello\r\nBcc: eve@example.com\u0000\u202e\u001b[31m\u2028x';
    expect(subject({ title, period })).toBe('Hello Bcc: eve@example.com x · week 47');
    expect(subject({ title: '\r\n', period })).toBe('weekly-merchandising · week 47');
    expect(subject({ period: { ...period, label: 'a\r\nBcc: b' } })).toBe('Weekly report · a Bcc: b');
  });
});
