import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHouse, saidIn, type House } from '../support/house.ts';
import { AGENT } from '../support/spending.ts';

let house: House;
beforeEach(async () => {
  house = await createHouse();
});
afterEach(() => house[Symbol.asyncDispose]());

test('/jobs spend shows the day, the month and each agent, with a bar where there is a cap', async () => {
  const said = saidIn(await house.type('spend'));
  expect(said).toContain('*Today* $0.00, no cap');
  expect(said).toContain('*This month* $0.00, no cap');
  expect(said).toContain(`*${AGENT} today* ▱▱▱▱▱▱▱▱▱▱ 0% · $0.00 of $2.50 · month $0.00`);
});

test('/jobs allow lets an owner allow one run, once, and tells others whom to ask', async () => {
  expect(saidIn(await house.type(`allow ${AGENT}`, 'U0ANA'))).toContain(
    'Only an owner may let a run pass its caps: ask <@U0BEN>',
  );
  expect(await house.store.getDoc('allowance', AGENT)).toBeUndefined();
  expect(saidIn(await house.type(`allow ${AGENT}`, 'U0BEN'))).toContain(
    `The next run of \`${AGENT}\` may pass its caps, once, until`,
  );
  expect(await house.store.getDoc('allowance', AGENT)).toBeDefined();
  expect(saidIn(await house.type(`allow ${AGENT}`, 'U0BEN'))).toContain('may already pass its caps');
});

test('/jobs allow says what is wrong with the job that was named', async () => {
  expect(saidIn(await house.type('allow'))).toContain('Which job?');
  expect(saidIn(await house.type('allow weekly-merchandise', 'U0BEN'))).toContain(`Did you mean ${AGENT}?`);
  expect(saidIn(await house.type('allow fate', 'U0BEN'))).toContain('fate is no agent, so it spends no money.');
});
