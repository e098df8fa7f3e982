import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHome } from '../../src/bot/home.ts';
import { homeView, modalView } from '../../src/bot/views/home.ts';
import type { HomeFacts, HomeView } from '../../src/bot/views/home.ts';
import { drawCard } from '../../src/render/card.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { drawMessage } from '../../src/playground/draw.ts';
import type { View } from '../../src/playground/state.ts';
import { checkMessage } from '../../src/render/slack/check.ts';
import { RunSummary } from '../../src/store/records.ts';
import { sampleRun } from '../support/delivery-report.ts';
import { createHouse, type House } from '../support/house.ts';
import { AGENT, spendingOf } from '../support/spending.ts';

let house: House;
beforeEach(async () => {
  house = await createHouse();
});
afterEach(() => house[Symbol.asyncDispose]());

const homeOf = (user = 'U0ANA'): View | undefined => house.workspace.views(user).find(({ kind }) => kind === 'home');
const blocksOf = (view: View | undefined): unknown[] => {
  const blocks = view?.definition['blocks'];
  return Array.isArray(blocks) ? blocks : [];
};
const drawn = (view: View | undefined): string => drawMessage({ text: '', blocks: blocksOf(view) }, { width: 120 });

/** Publishing comes after the acknowledgement. */
async function published(before?: View): Promise<View> {
  return until(() => {
    const view = homeOf();
    return view !== undefined && view.hash !== before?.hash ? view : undefined;
  });
}
async function until<T>(look: () => T | undefined): Promise<T> {
  for (let n = 0; n < 2_000; n++) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('it did not come');
}
async function ended(id: string): Promise<void> {
  for (let n = 0; n < 2_000; n++) {
    if ((await house.store.get(id))?.finishedAt !== undefined) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('it did not end');
}

test('opening the tab publishes what runs, what ran, what comes, money and problems, after the acknowledgement', async () => {
  await house.type('run fate');
  const [{ id } = { id: '' }] = (await house.store.list({})).items;
  await ended(id);
  expect(await house.workspace.openHome('U0ANA')).toMatchObject({ ok: true });
  const text = drawn(await published());
  for (const heading of ['Running now', 'Last runs', 'Next', 'Money']) expect(text).toContain(heading);
  expect(text).toContain('fate ✅ completed');
  expect(text).toContain('Nothing is scheduled.');
  expect(text).toContain('Today $0.00, no cap');
  expect(text).toContain(`${AGENT} today`);
  expect(house.workspace.violations).toEqual([]);
});

test('the other tabs of the app publish nothing', async () => {
  expect(await house.workspace.openHome('U0BEN', 'messages')).toMatchObject({ ok: true });
  await house.workspace.openHome('U0ANA');
  await published();
  expect(house.workspace.views('U0BEN')).toEqual([]);
});

test('each button works: refresh publishes anew, show and the list answer in a window', async () => {
  await house.workspace.openHome('U0ANA');
  const empty = await published();
  expect(drawn(empty)).toContain('Nothing ran yet.');
  await house.type('run fate');
  const [{ id } = { id: '' }] = (await house.store.list({})).items;
  await ended(id);
  await house.workspace.clickView({ user: 'U0ANA', viewId: empty.id, actionId: 'bellhop_home_refresh' });
  const fresh = await published(empty);
  expect(drawn(fresh)).toContain('fate ✅ completed');
  expect(JSON.stringify(fresh.definition)).toMatch(/\\nReport: <#C[A-Z0-9]+>/);

  const modals = () => house.workspace.views('U0ANA').filter(({ kind }) => kind === 'modal');
  await house.workspace.clickView({ user: 'U0ANA', viewId: fresh.id, actionId: 'bellhop_show', value: id });
  const shown = await until(() => modals()[0]);
  expect(drawn(shown)).toContain('fate completed');
  // The buttons of the card work there as well: their answer takes the place of the card.
  await house.workspace.clickView({ user: 'U0ANA', viewId: shown.id, actionId: 'bellhop_retry' });
  const after = await until(() => modals().find(({ hash }) => hash !== shown.hash));
  expect(drawn(after)).toContain('Queued `fate`');
  await house.workspace.clickView({ user: 'U0ANA', viewId: fresh.id, actionId: 'bellhop_home_list' });
  const list = await until(() => modals().find(({ id: viewId }) => viewId !== shown.id));
  expect(drawn(list)).toContain('Recent runs');
  expect(house.workspace.violations).toEqual([]);
});

const facts = (over: Partial<HomeFacts> = {}): HomeFacts => ({
  at: '2026-11-23T09:00:00.000Z',
  jobs: 1,
  open: [],
  moreOpen: false,
  last: [],
  next: [],
  spend: { timeZone: 'UTC', pricesAsOf: '2026-11-22', standing: [] },
  problems: [],
  health: { state: 'ready', unfinished: 0, quarantined: 0 },
  ...over,
});

test('an empty workspace is told how to begin', () => {
  const text = drawMessage({ text: '', blocks: homeView(facts({ jobs: 0 })).blocks });
  expect(text).toContain('There are no jobs yet. Put a file into the jobs folder');
});

test('the tab stays below 100 blocks, each of which Slack takes, and nothing in it pings anybody', () => {
  const evil = '<!channel> <@U0ANA> *x* `y`';
  const actor = { kind: 'slack', id: 'U0ANA', name: evil } as const;
  const run = RunSummary.parse({
    ...sampleRun({ state: 'failed', actor }),
    errorCode: 'BUDGET_REACHED',
    microUsd: 51_234,
  });
  const view = homeView(
    facts({
      open: Array.from({ length: 80 }, () => run),
      last: Array.from({ length: 80 }, () => ({ run, deliveries: [] })),
      problems: Array.from({ length: 50 }, (_, n) => ({ file: `${evil}${n}`, reason: evil.repeat(200) })),
      health: { state: 'read_only', reason: evil, unfinished: 1, quarantined: 2 },
    }),
  );
  expect(view.blocks).toHaveLength(100);
  for (const block of view.blocks) expect(checkMessage({ text: 'x', blocks: [block] })).toEqual([]);
  expect(JSON.stringify(view)).not.toContain('<!channel>');
  expect(JSON.stringify(view)).not.toContain('<@U0ANA>');
});

test('steps of a run become words in a window, which takes no plan', () => {
  const at = '2026-11-23T09:00:00.000Z';
  const run = sampleRun({
    progress: { steps: [{ title: 'clone <!here>', state: 'completed', startedAt: at, endedAt: at }] },
  });
  const { blocks } = modalView(drawCard({ run, deliveries: [] }));
  expect(blocks.map(({ type }) => type)).not.toContain('plan');
  expect(JSON.stringify(blocks)).toContain('clone &lt;!here&gt;');
});

test('a tab that cannot be published is logged and ends nothing; asked twice at once it is published twice in a row', async () => {
  const home = createHome({
    runner: house.runner,
    reader: house.store,
    schedules: house.scheduler.schedules,
    spending: spendingOf(house.store),
    clock: systemClock,
    log: silentLog,
  });
  await home.publish('U0ANA', () => Promise.reject(new Error('not_enabled')));
  const sent: HomeView[] = [];
  let atOnce = 0;
  let most = 0;
  const send = async (view: HomeView): Promise<void> => {
    most = Math.max(most, ++atOnce);
    await new Promise((resolve) => setImmediate(resolve));
    atOnce--;
    sent.push(view);
  };
  await Promise.all([1, 2, 3, 4].map(() => home.publish('U0ANA', send)));
  expect([sent.length, most]).toEqual([2, 1]);
});
