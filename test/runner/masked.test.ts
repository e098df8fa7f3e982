/** Every value of a plugin's key is taken for a secret, also where it is a word that reports are made of. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/index.ts';
import { estate } from '../support/runner-estate.ts';

const { open } = estate();

test.each(['failed', 'markdown', 'bellhop.report/1'])(
  'a run that fails ends and tells so where the word %s is masked',
  async (word) => {
    const fails = defineJob({
      name: 'fails',
      description: 'Fails',
      retries: 0,
      input: z.object({}),
      run: () => Promise.reject(new Error(`it ${word}`)),
    });
    const house = await open({ jobs: [fails], secrets: [word] });
    const run = await house.until((await house.ask('fails')).id);
    expect(run.state).toBe('failed');
    expect(run.report).toMatchObject({
      status: 'failed',
      summary: 'it [secret]',
      sections: [{ kind: 'markdown' }, {}],
    });
    expect(run.deliveries).toHaveLength(1);
  },
);

test('a table keeps its columns where the name of one is masked, and masks the words in it whatever they stand under', async () => {
  const tells = defineJob({
    name: 'tells',
    description: 'Makes a table',
    input: z.object({}),
    run: async () => ({
      title: 'Orders',
      summary: 'Two columns.',
      timeZone: 'Europe/Berlin',
      sections: [
        {
          kind: 'table' as const,
          caption: 'Orders of today',
          columns: [
            { key: 'orders', label: 'Orders' },
            { key: 'key', label: 'Key' },
          ],
          rows: [{ orders: 3, key: 'number' }],
        },
      ],
    }),
  });
  const house = await open({ jobs: [tells], secrets: ['orders', 'number', 'Europe/Berlin'] });
  const run = await house.until((await house.ask('tells')).id);
  expect(run.report).toMatchObject({
    timeZone: 'Europe/Berlin',
    sections: [{ columns: [{ key: 'orders' }, { key: 'key' }], rows: [{ orders: 3, key: '[secret]' }] }],
  });
});
