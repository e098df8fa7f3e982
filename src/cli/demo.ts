import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBot } from '../bot/app.ts';
import { interactiveOptions } from '../bot/slack.ts';
import { environment, loadConfig } from '../config.ts';
import { openBellhop, type Bellhop } from '../main.ts';
import { drawMessage } from '../playground/draw.ts';
import { createMailbox, type Mailbox } from '../playground/mailbox.ts';
import { readMail } from '../playground/mail-view.ts';
import { createPlaygroundReceiver } from '../playground/receiver.ts';
import { createWorkspace, type Workspace } from '../playground/workspace.ts';
import { cutColumns } from '../render/format.ts';
import { describeReceipt } from '../render/run.ts';
import { DELIVERY_FINAL, isFinal, type Delivery, type Run } from '../store/records.ts';
import { EXIT, type Terminal } from './terminal.ts';
import { exitCode } from './run-view.ts';

const CHANNEL = 'C0REPORTS';
const PERSON = 'U0ANA';
const MAIL = 'ana@example.com';
const GIVE_UP_MS = 45_000;

/**
 * The main job, here and now: the real handlers, runner, store and outbox, with a fake Slack workspace in this process and a mail server
 * on loopback. It ends by itself; the exit code follows the run and its deliveries.
 */
export async function demo(terminal: Terminal, length: 'once' | 'tour'): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-demo-'));
  const workspace = createWorkspace({ clock: terminal.clock });
  const mailbox = createMailbox({ clock: terminal.clock });
  await mailbox.start();
  const stage: Stage = { terminal, workspace, mailbox, folder };
  try {
    const bellhop = await openStage(stage);
    try {
      return await perform(stage, bellhop, length);
    } finally {
      await bellhop.stop({ graceMs: 0 });
    }
  } finally {
    await mailbox.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Stage {
  terminal: Terminal;
  workspace: Workspace;
  mailbox: Mailbox;
  folder: string;
}

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

async function openStage({ workspace, mailbox, folder, terminal }: Stage): Promise<Bellhop> {
  const settings = {
    BELLHOP_DATA_DIR: join(folder, 'data'),
    BELLHOP_JOBS_DIR: join(ROOT, 'jobs'),
    SLACK_BOT_TOKEN: workspace.token,
    SLACK_SIGNING_SECRET: 'not used in process',
    SMTP_URL: mailbox.url,
    BELLHOP_MAIL_FROM: 'Bellhop <bellhop@example.com>',
    LOG_LEVEL: 'warn',
  };
  // The folder of the demo is the current folder of its configuration, so that no .env of the user is read.
  const config = loadConfig(settings, folder);
  const bellhop = await openBellhop(config, { fetch: workspace.fetch, env: environment() });
  const receiver = createPlaygroundReceiver({ clock: terminal.clock });
  createBot({
    receiver,
    authorizer: { authorize: () => Promise.resolve({ botToken: workspace.token }) },
    runner: bellhop.runner,
    reader: bellhop.store,
    schedules: bellhop.scheduler.schedules,
    spending: bellhop.spending,
    memory: bellhop.memory,
    owners: ['U0ANA'],
    zones: { of: () => Promise.resolve(undefined) },
    remember: () => Promise.resolve(true),
    clock: terminal.clock,
    log: bellhop.log,
    clientOptions: { ...interactiveOptions('https://slack.com/api/'), fetch: workspace.fetch },
  });
  workspace.attach(receiver);
  await bellhop.start();
  return bellhop;
}

async function perform(stage: Stage, bellhop: Bellhop, length: 'once' | 'tour'): Promise<number> {
  const { terminal, workspace } = stage;
  title(stage, 'Bellhop: run a job from Slack, and get its report where it belongs');
  terminal.out('A fake Slack workspace in this process, a mail server on loopback; everything else is real.');
  const source = existsSync(join(ROOT, '.git'))
    ? `repo="${ROOT}"`
    : `log="${join(ROOT, 'jobs', 'sample-history.log')}"`;
  const told: string[] = [];
  const stop = listen(stage, (line) => told.push(line));
  await type(stage, `run repo-digest ${source} days=7 mail=${MAIL}`);
  const run = await ended(bellhop, terminal);
  stop();
  title(stage, 'What then happened in #reports (the card lives along, the report is a message of its own)');
  for (const line of told) terminal.out(line);
  if (run === undefined) {
    terminal.err('The demo took too long and was stopped.');
    return EXIT.notDelivered;
  }
  showReport(stage, run);
  showMails(stage);
  showReceipts(stage, run);
  if (length === 'tour') {
    await type(stage, 'list');
    await type(stage, 'show last');
  }
  for (const { rule, detail } of workspace.violations) terminal.err(`Slack would have refused: ${rule}: ${detail}`);
  terminal.out(
    '\nNext: npx bellhop jobs · npx bellhop run repo-digest · docs/configuration.md connects your workspace.',
  );
  return workspace.violations.length > 0 ? EXIT.runFailed : exitCode(run);
}

/** Somebody types a command; the answer is what only they see. */
async function type(stage: Stage, text: string): Promise<void> {
  const { terminal, workspace } = stage;
  title(stage, `Ana types in #reports:  /jobs ${text.replaceAll(ROOT, '.')}`);
  const before = workspace.ephemerals(PERSON).length;
  const ack = await workspace.slash({ user: PERSON, channel: CHANNEL, text });
  terminal.out(`(acknowledged in ${ack.ms.toFixed(0)} ms; only Ana sees this)`);
  for (const message of workspace.ephemerals(PERSON).slice(before)) terminal.out(draw(stage, message));
}

/** Tells each message that is posted or edited, with its time; answers how to stop. */
function listen({ terminal, workspace }: Stage, tell: (line: string) => void): () => void {
  const began = terminal.clock.monotonic();
  const lines = new Map<string, number>();
  return workspace.on(({ type: what, message }) => {
    if (message === undefined || (what !== 'posted' && what !== 'edited')) return;
    const seconds = ((terminal.clock.monotonic() - began) / 1000).toFixed(1).padStart(5);
    const edits = (lines.get(message.ts) ?? -1) + 1;
    lines.set(message.ts, edits);
    const kind = what === 'edited' ? `edit ${edits}` : message.threadTs === undefined ? 'post' : 'in thread';
    const text = (message.text.split('\n')[0] ?? '').replaceAll(`Slack ${CHANNEL}`, '#reports');
    tell(`${seconds} s  ${kind.padEnd(9)}  ${cutColumns(text, terminal.width - 20)}`);
  });
}

interface Ended {
  run: Run;
  deliveries: Delivery[];
}

/** Waits until the newest run, its reports and its card have ended. */
async function ended(bellhop: Bellhop, terminal: Terminal): Promise<Ended | undefined> {
  const deadline = terminal.clock.monotonic() + GIVE_UP_MS;
  while (terminal.clock.monotonic() < deadline && !terminal.signal.aborted) {
    const [newest] = (await bellhop.store.list({ limit: 1 })).items;
    const run = newest === undefined ? undefined : await bellhop.store.get(newest.id);
    const deliveries = run === undefined ? [] : await bellhop.store.deliveries(run.id);
    const done = deliveries.every((delivery) => DELIVERY_FINAL.includes(delivery.state));
    if (run !== undefined && isFinal(run.state) && done) return { run, deliveries };
    await terminal.clock.sleep(50, terminal.signal);
  }
  return undefined;
}

function showReport(stage: Stage, { deliveries }: Ended): void {
  const receipt = deliveries.find((delivery) => delivery.mode === 'report')?.parts[0]?.receipt;
  const card = deliveries.find((delivery) => delivery.mode === 'live')?.parts[0]?.receipt;
  if (card?.kind === 'slack') {
    title(stage, 'The card at the end');
    for (const message of stage.workspace.thread(card.channel, card.ts)) stage.terminal.out(draw(stage, message));
  }
  if (receipt?.kind !== 'slack') return;
  title(stage, 'The report as Slack shows it (headline in the channel, the rest in its thread)');
  const [headline, ...thread] = stage.workspace.thread(receipt.channel, receipt.ts);
  if (headline !== undefined) stage.terminal.out(draw(stage, headline));
  for (const message of thread) stage.terminal.out(`\n${draw(stage, message, '  ┆ ')}`);
}

function showMails({ terminal, mailbox, workspace }: Stage): void {
  for (const { raw } of mailbox.mails) {
    const mail = readMail(raw);
    title({ terminal, workspace }, 'The mail in the inbox (its plain text; it has an HTML part too)');
    terminal.out(`From: ${mail.from}\nTo: ${mail.to}\nSubject: ${mail.subject}\n\n${mail.text.trimEnd()}`);
  }
}

function showReceipts(stage: Stage, { run, deliveries }: Ended): void {
  title(stage, 'The record: the run and its deliveries are two things');
  stage.terminal.out(`run ${run.id}: ${run.state}`);
  for (const delivery of deliveries) {
    if (delivery.mode === 'live') continue;
    const receipts = delivery.parts.flatMap((part) => part.receipt ?? []).map(describeReceipt);
    stage.terminal.out(`delivery ${delivery.id}: ${delivery.state}\n  ${receipts.join('\n  ')}`);
  }
}

function draw(
  { terminal, workspace }: Stage,
  message: { text: string; blocks: readonly unknown[]; files: readonly string[] },
  edge = '│ ',
): string {
  const names: Record<string, string> = { [PERSON]: 'ana', [CHANNEL]: 'reports', [workspace.bot.user]: 'Bellhop' };
  const files = workspace.files().filter(({ id }) => message.files.includes(id));
  return drawMessage(message, {
    files,
    width: Math.min(terminal.width, 100),
    edge,
    emphasis: terminal.color === 'ansi' ? 'ansi' : 'plain',
    nameOf: (id) => names[id],
  });
}

function title({ terminal }: Pick<Stage, 'terminal' | 'workspace'>, text: string): void {
  const bold = terminal.color === 'ansi' ? ['\u001b[1m', '\u001b[22m'] : ['', ''];
  terminal.out(`\n${bold[0] ?? ''}── ${text} ${bold[1] ?? ''}`);
}
