import { expect, test } from 'vitest';
import { normalise } from '../../src/runner/normalise.ts';

function reportOf(text: string) {
  const read = normalise('hello', { form: 'value', value: text });
  if (!read.ok) throw new Error(read.reason);
  return read.report;
}

test('one paragraph is the summary and is not said twice, whatever its emphasis', () => {
  expect(reportOf('Hello, **Ana**.')).toMatchObject({ summary: 'Hello, Ana.', sections: [] });
});

test.each(['See [the page](https://example.com).', 'Run `uptime` now.', 'It is at https://example.com today.'])(
  '%s keeps its body, which shows more than the summary can',
  (text) => {
    expect(reportOf(text).sections).toMatchObject([{ kind: 'markdown', markdown: text }]);
  },
);
