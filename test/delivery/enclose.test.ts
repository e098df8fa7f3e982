import { expect, test } from 'vitest';
import { enclose } from '../../src/delivery/email/enclose.ts';
import { sampleRun } from '../support/delivery-report.ts';

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
