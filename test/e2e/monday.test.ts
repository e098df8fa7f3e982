/** The weekly report of the demo shop, by figures alone, from the ring to both receipts, the memory and the click: a spawned server, and Monday by itself. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import PostalMime from 'postal-mime';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import { createOutbox } from '../../src/delivery/outbox.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createMailbox } from '../../src/playground/mailbox.ts';
import type { Message } from '../../src/playground/state.ts';
import { createBudget } from '../../src/runner/budget.ts';
import { openClaude } from '../../src/runner/kinds/agent/conversation/client.ts';
import { HOUSE_PRICES } from '../../src/runner/kinds/agent/prices.ts';
import { createMemory } from '../../src/runner/memory.ts';
import { createRegistry, type Registry } from '../../src/runner/registry.ts';
import { createScrub } from '../../src/scrub.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { Receipt } from '../../src/store/destinations.ts';
import { MemoryEntry } from '../../src/store/memory-records.ts';
import { Run } from '../../src/store/records.ts';
import { manualClock } from '../support/clock.ts';
import { scriptedTransport } from '../support/delivery-outbox.ts';
import { saidIn } from '../support/house.ts';
import { waitFor } from '../support/peer-wait.ts';
import { scheduleHouse } from '../support/schedule-house.ts';
import { setStage } from '../support/stage.ts';

const JOB = 'weekly-merchandising';
const BIN = resolve(import.meta.dirname, '../../bin/bellhop.js');
const JOBS = resolve(import.meta.dirname, '../../jobs');

const Shown = z.object({
  run: Run,
  deliveries: z.array(
    z.looseObject({
      state: z.string(),
      mode: z.string(),
      destination: z.looseObject({ kind: z.string() }),
      parts: z.array(z.looseObject({ receipt: Receipt.optional() })),
    }),
  ),
});
type Blocks = { type: string; elements?: { action_id?: string; value?: string }[] }[];

async function openMonday() {
  const stage = await setStage({});
  const mailbox = createMailbox({ clock: systemClock });
  await mailbox.start();
  const mail = { SMTP_URL: mailbox.url, BELLHOP_MAIL_FROM: 'Bell <bell@example.com>' };
  const server = await stage.serve({ jobsDir: JOBS, env: mail });
  const env = { ...process.env, BELLHOP_DATA_DIR: server.dataDir, BELLHOP_JOBS_DIR: JOBS };
  const cli = async (...args: string[]): Promise<string> =>
    (
      await promisify(execFile)(process.execPath, [BIN, ...args], {
        cwd: stage.folder,
        env,
        maxBuffer: 64 * 1024 * 1024,
      })
    ).stdout;
  const memory = (): MemoryEntry[] =>
    readdirSync(join(server.dataDir, 'docs', 'memory'))
      .filter((name) => name.startsWith(`${JOB}.`))
      .map((name) =>
        z
          .object({ value: MemoryEntry })
          .parse(JSON.parse(readFileSync(join(server.dataDir, 'docs', 'memory', name), 'utf8'))),
      )
      .map(({ value }) => value)
      .sort((a, b) => (a.runId < b.runId ? -1 : 1));
  return {
    stage,
    mailbox,
    memory,
    /** Rings for the job, and waits until mail and post are there. */
    async ring(mails: number): Promise<z.infer<typeof Shown>> {
      await stage.type(`run ${JOB} mail=team@example.com`);
      await waitFor(`mail ${mails} and both receipts`, () => {
        const card = cards(stage.workspace.messages('#reports'))[mails - 1];
        return mailbox.mails.length === mails && card?.text.match(/delivered/g)?.length === 2;
      });
      const listed = z
        .object({ items: z.array(z.object({ id: z.string() })) })
        .parse(JSON.parse(await cli('runs', 'list', '--json')));
      const stdout = await cli('runs', 'show', listed.items[0]?.id ?? '', '--json');
      return Shown.parse(JSON.parse(stdout));
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      await mailbox.stop();
      await stage[Symbol.asyncDispose]();
    },
  };
}

const blocksOf = ({ blocks }: Message): Blocks => z.array(z.looseObject({ type: z.string() })).parse(blocks);
const cards = (messages: readonly Message[]): Message[] =>
  messages.filter((message) => JSON.stringify(message.blocks).includes('"bellhop_retry"'));
const titles = (run: Run): string[] =>
  (run.report?.sections ?? []).flatMap((one) => (one.kind === 'actions' ? one.items.map(({ title }) => title) : []));
const markdownOf = (run: Run, title: string): string =>
  (run.report?.sections ?? [])
    .flatMap((one) => (one.kind === 'markdown' && one.title?.startsWith(title) ? [one.markdown] : []))
    .join('\n');

test('the report without a key is posted and mailed with receipts, remembered, answered by a click, and never repeated', async () => {
  await using monday = await openMonday();
  const { stage, mailbox, memory } = monday;
  const channel = (): Message[] => stage.workspace.messages('#reports');
  const { run, deliveries } = await monday.ring(1);
  expect(run).toMatchObject({ state: 'completed', agent: { mode: 'figures', why: 'figures', microUsd: 0 } });
  expect(run.report?.status).toBe('ok');

  // The post: title, strip, findings and buttons in the channel; tables in its thread.
  const post = channel().find((message) => blocksOf(message).some(({ type }) => type === 'header'));
  if (post === undefined) throw new Error('nothing was posted');
  const said = saidIn(post);
  expect(said).toContain(run.report?.title);
  for (const words of ['Revenue', 'Average order value', 'What we found', 'What to do']) expect(said).toContain(words);
  expect(said).toMatch(/€\d{1,3}(,\d{3})+/);
  const types = blocksOf(post).map(({ type }) => type);
  expect(types).toContain('data_visualization');
  const thread = stage.workspace.thread('#reports', post.ts);
  expect(thread.flatMap(blocksOf).map(({ type }) => type)).toContain('data_table');
  const [entry] = memory();
  const buttons = blocksOf(post).flatMap(({ type, elements = [] }) => (type === 'actions' ? elements : []));
  const keys = entry?.advice.map(({ key }) => `${run.id}|${key}`) ?? [];
  expect(keys.length).toBeGreaterThan(2);
  expect(buttons.filter(({ action_id: id }) => id === 'advice:done').map(({ value }) => value)).toEqual(keys);

  // The mail: both parts, and the chart as a picture of its own.
  const mail = await PostalMime.parse(new Uint8Array(mailbox.mails[0]?.raw ?? []));
  expect(mail.subject).toContain('Weekly merchandising');
  expect(mail.html).toContain('What to do');
  expect(mail.text).toContain('What to do');
  const pictures = mail.attachments.filter(({ mimeType }) => mimeType === 'image/png');
  expect(pictures.length).toBeGreaterThan(0);
  for (const { contentId } of pictures) expect(mail.html).toContain(`cid:${contentId?.replace(/[<>]/g, '')}`);

  // The proof of both in the record.
  const reports = deliveries.filter(({ mode }) => mode === 'report');
  expect(reports.map(({ destination, state }) => [destination.kind, state])).toEqual([
    ['slack', 'delivered'],
    ['email', 'delivered'],
  ]);
  const receipts = reports.map(({ parts }) => parts[0]?.receipt);
  expect(receipts).toMatchObject([
    { kind: 'slack', ts: post.ts },
    { kind: 'email', messageId: mail.messageId },
  ]);

  // The click, through the signed door.
  const ack = await stage.workspace.click({ user: 'U0ANA', channel: '#reports', ts: post.ts, actionId: 'advice:done' });
  expect(ack.ok).toBe(true);
  await waitFor('the click to be remembered', () => memory()[0]?.advice.some(({ status }) => status === 'done'));
  expect(memory()[0]?.advice[0]).toMatchObject({ status: 'done', by: { kind: 'slack', id: 'U0ANA' } });

  // The next report: nothing again, and what became of what was said.
  const second = await monday.ring(2);
  expect(second.run).toMatchObject({ state: 'completed', agent: { mode: 'figures' } });
  const [before, after] = [titles(run), titles(second.run)];
  expect(after.filter((title) => before.includes(title))).toEqual([]);
  expect(markdownOf(second.run, 'What became of earlier advice')).toMatch(/^\d+ open, 1 done\./);
  expect(memory()).toHaveLength(2);
  expect(stage.workspace.violations).toEqual([]);
}, 60_000);

/** The job as its file is, with its places in the environment. */
async function loadPlaced(): Promise<Registry> {
  const variables = { WEEKLY_MERCHANDISING_TO: '#shop,team@example.com' };
  const registry = createRegistry({ dir: JOBS, clock: systemClock, log: silentLog, variables });
  await registry.refresh();
  const isOurs = ({ name }: { name: string }): boolean => name === JOB;
  return { ...registry, list: () => registry.list().filter(isOurs), refresh: () => Promise.resolve() };
}

test('Monday at nine in Berlin the report comes by itself, once, to the channel and the mail', async () => {
  const clock = manualClock(Date.parse('2026-11-23T07:57:00Z'));
  const store = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
  const registry = await loadPlaced();
  const zone = 'Europe/Berlin';
  const jobs = () => registry.list().filter((job) => job.kind === 'agent');
  const money = { store, clock, log: silentLog, zone, caps: {}, prices: HOUSE_PRICES, alertsTo: [], jobs };
  const agents = {
    budget: createBudget(money),
    memory: createMemory({ store, clock }),
    openClaude,
    prices: HOUSE_PRICES,
    zone,
    variables: {},
    transcriptMs: 0,
  };
  const house = scheduleHouse({ registry, store, clock, zone, agents });
  const [slack, email] = [scriptedTransport(clock), scriptedTransport(clock, { kind: 'email' })];
  const transports = { slack: slack.transport, email: email.transport };
  const outbox = createOutbox(
    { store, clock, log: silentLog, scrub: createScrub([]), transports, random: () => 1 },
    { workerId: 'monday' },
  );
  await house.start();
  await house.runner.start();
  outbox.start();
  try {
    await clock.advance(2 * 60_000);
    expect(await house.runs(JOB)).toEqual([]);
    for (let minute = 0; minute < 5; minute++) await clock.advance(60_000);
    await clock.advance(3_600_000);
    const [run, ...others] = await house.runs(JOB);
    expect(others).toEqual([]);
    expect(run).toMatchObject({
      state: 'completed',
      schedule: { slot: '2026-11-23T08:00:00.000Z' },
      agent: { mode: 'figures' },
    });
    const title = 'Weekly merchandising · 16 – 22 Nov 2026, demo shop';
    expect([...slack.accepted, ...email.accepted].map(({ lane, body }) => [lane, body])).toEqual([
      ['slack:#shop', { text: title, index: 0 }],
      ['email:x', { text: title, index: 0 }],
    ]);
    expect((await store.deliveries(run?.id ?? '')).map(({ state }) => state)).toEqual(['delivered', 'delivered']);
  } finally {
    await outbox.stop();
    await house.runner.stop({ graceMs: 0 });
    await house.stop();
  }
}, 60_000);
