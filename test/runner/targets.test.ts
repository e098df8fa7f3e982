import { describe, expect, it, test } from 'vitest';
import { destinationKey, parseTarget, splitTargets } from '../../src/runner/targets.ts';
import { Destination } from '../../src/store/destinations.ts';
import { messageOf } from '../../src/errors.ts';

test.each<[string, object]>([
  [
    '#sales?attach=csv,html&thread=all&onlyIf=changed&skipIfEmpty',
    { kind: 'slack', channel: '#sales', attach: ['csv', 'html'], thread: 'all', onlyIf: 'changed', skipIfEmpty: true },
  ],
  ['#sales?skipIfEmpty=false&format=text', { kind: 'slack', channel: '#sales', skipIfEmpty: false, format: 'text' }],
  [
    'ana@example.com?attach=csv&thread=series',
    { kind: 'email', to: 'ana@example.com', attach: ['csv'], thread: 'series' },
  ],
  ['C0123ABC:1763884800.123456', { kind: 'slack', channel: 'C0123ABC', threadTs: '1763884800.123456' }],
  [
    '#sales:1763884800.123456?format=text',
    { kind: 'slack', channel: '#sales', threadTs: '1763884800.123456', format: 'text' },
  ],
  ['U0123ABC', { kind: 'slack', channel: 'U0123ABC' }],
  ['U0123ABC?onlyIf=failed', { kind: 'slack', channel: 'U0123ABC', onlyIf: 'failed' }],
  ['file:reports/x.html?format=md', { kind: 'file', path: 'reports/x.html', format: 'md' }],
  ['#sales?attach=csv,csv', { kind: 'slack', channel: '#sales', attach: ['csv'] }],
  ['#sales?', { kind: 'slack', channel: '#sales' }],
])('%s is a place with its options', (text, destination) => {
  expect(parseTarget(text)).toEqual(destination);
  expect(Destination.parse(parseTarget(text))).toEqual(destination);
});

it('the query of a webhook is its own, and its options stand in the object', () => {
  const url = 'https://hooks.example.com/x?format=text&token=a,b&attach=csv';
  expect(parseTarget(url)).toEqual({ kind: 'webhook', url });
  const object = { kind: 'webhook', url, format: 'markdown', onlyIf: 'failed' };
  expect(parseTarget(object)).toEqual(object);
});

test.each([
  ['#sales?attach=cvs', 'attach cannot be "cvs"; did you mean csv? it takes csv, html, md, json'],
  ['#sales?attach', 'attach cannot be "true"; it takes csv, html, md, json'],
  ['#sales?attach=', 'attach names nothing; it takes csv, html, md, json'],
  ['#sales?atach=csv', '"atach" is no option of a Slack destination; did you mean attach? it takes format, thread,'],
  ['#sales?thread=series', 'thread cannot be "series"; it takes detail, all, none'],
  ['ana@example.com?thread=all', 'thread cannot be "all"; it takes series, none'],
  ['file:x.html?thread=all', '"thread" is no option of a file destination'],
  ['#sales?onlyIf=change', 'onlyIf cannot be "change"; did you mean changed? it takes changed, failed'],
  ['#sales?skipIfEmpty=maybe', 'skipIfEmpty cannot be "maybe"; it takes true, false'],
  ['#sales?format=text&format=native', 'format is given twice'],
  ['#sales?channel=C0OTHER', 'channel is no option'],
  ['#sales?threadTs=1763884800.123456', 'threadTs is no option'],
  ['origin?attach=csv', 'origin takes no options'],
])('of %s it is said what is wrong', (text, message) => {
  expect(messageOf(caught(() => parseTarget(text)))).toContain(`"${text}" is not a destination: ${message}`);
});

test.each<[object, string]>([
  [
    { kind: 'slack', channel: '#sales', atach: ['csv'] },
    '"atach" is no option of a Slack destination; did you mean attach?',
  ],
  [{ kind: 'slack', channel: '#sales', attach: 'csv' }, 'attach must be a list; it takes csv, html, md, json'],
  [{ kind: 'slack', channel: '#sales', skipIfEmpty: 'yes' }, 'skipIfEmpty cannot be "yes"; it takes true, false'],
  [{ kind: 'email', to: 'ana@example.com', channel: '#sales' }, '"channel" is no option of an e-mail destination'],
  [{ kind: 'slak', channel: '#sales' }, 'kind cannot be "slak"; did you mean slack?'],
])('%j is no destination', (target, message) => {
  expect(messageOf(caught(() => parseTarget(target)))).toContain(
    `the destination object is not a destination: ${message}`,
  );
});

describe('a list of targets', () => {
  it('is divided at the commas between targets, not at those of an option or of an address', () => {
    expect(splitTargets('#sales?attach=csv,html&onlyIf=failed, ana@example.com , file:a.md,')).toEqual([
      '#sales?attach=csv,html&onlyIf=failed',
      'ana@example.com',
      'file:a.md',
    ]);
    expect(splitTargets('https://hooks.example.com/x?a=1,2,U0123ABC,origin')).toEqual([
      'https://hooks.example.com/x?a=1,2',
      'U0123ABC',
      'origin',
    ]);
    expect(splitTargets('#a,#b,C0123ABC?attach=csv,C0456DEF:1763884800.123456')).toHaveLength(4);
  });
  it('keeps a word that is no target in sight, so that it is refused', () => {
    expect(splitTargets('#sales,ops')).toEqual(['#sales', 'ops']);
    expect(messageOf(caught(() => parseTarget(splitTargets('#sales?attach=csv,htm')[0])))).toContain(
      'did you mean html?',
    );
  });
});

describe('the key of a place', () => {
  const key = (text: string): string => {
    const target = parseTarget(text);
    return target === 'origin' ? target : destinationKey(target);
  };
  it('is the same whatever its options, and another for a thread than for its channel', () => {
    expect(key('#sales?onlyIf=failed')).toBe(key('#sales'));
    expect(key('Ana@example.com?attach=csv')).toBe(key('ana@example.com'));
    expect(key('C0123ABC:1763884800.123456')).not.toBe(key('C0123ABC'));
    expect(key('C0123ABC:1763884800.123456')).not.toBe(key('C0123ABC:1763884800.123457'));
  });
});

function caught(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
