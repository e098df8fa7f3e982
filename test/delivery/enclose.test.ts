import { expect, test } from 'vitest';
import { enclose } from '../../src/delivery/email/enclose.ts';
import { makeReport, sampleRun } from '../support/delivery-report.ts';

test('between two files of a mail everybody else gets a turn, even when they are made at once', async () => {
  const files = Array.from({ length: 20 }, (_, at) => ({
    name: `${at}.csv`,
    mediaType: 'text/csv',
    title: `File ${at}`,
    source: { is: 'table', section: at } as const,
  }));
  let turns = 0;
  let over = false;
  const count = (): void => {
    turns += 1;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  let most = 0;
  let open = 0;
  const letter = await enclose(
    { subject: 'S', text: 'T', files },
    { kind: 'run', run: sampleRun() },
    {
      files: async () => {
        open += 1;
        most = Math.max(most, open);
        await Promise.resolve();
        open -= 1;
        return Buffer.from('a');
      },
      maxBytes: 1_000_000,
    },
  );
  over = true;
  expect(letter.files).toHaveLength(20);
  expect(most).toBe(1);
  expect(turns).toBeGreaterThanOrEqual(19);
});

test.each([
  [
    'https://example.com/r?a=1&b=2',
    'https://example.com/r?a=1&b=2',
    '<a class="link" href="https://example.com/r?a=1&amp;b=2"',
  ],
  [undefined, 'bellhop runs show run_', 'The full report: bellhop runs show run_'],
])('a file that is too large is named with the way to it: the report at %s', async (url, said, drawn) => {
  const run = sampleRun({ report: makeReport(url === undefined ? {} : { url }) });
  const source = { is: 'table', section: 0 } as const;
  const file = { name: 'large.csv', mediaType: 'text/csv', title: 'Large', source };
  const letter = await enclose(
    { subject: 'S', text: 'T', html: '<html><body>x</body></html>', files: [file] },
    { kind: 'run', run },
    { files: () => Promise.resolve(Buffer.alloc(100_000)), maxBytes: 50_000 },
  );
  expect(letter.files).toEqual([]);
  expect(letter.text).toContain('- large.csv (Large)');
  expect(letter.text).toContain(`The full report: ${said}`);
  expect(letter.html).toContain(drawn);
});
