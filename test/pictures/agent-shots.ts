/** The pictures of the weekly report of an agent, of its memory and of its money. */
import { homeView } from '../../src/bot/views/home.ts';
import { memoryView } from '../../src/bot/views/memory.ts';
import { spendView } from '../../src/bot/views/spend.ts';
import { spendCommand } from '../../src/cli/spend.ts';
import { drawCard } from '../../src/render/card.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import type { Subject } from '../../src/render/subject.ts';
import { renderText } from '../../src/render/text.ts';
import type { Report } from '../../src/store/report.ts';
import { RunSummary, type Run } from '../../src/store/records.ts';
import type { AgentRuns } from './agent-runs.ts';
import { agentRuns, budgetNotice, deliveriesOf, MONDAY, STANDING } from './agent-runs.ts';
import type { Shot } from './chromium.ts';
import { slackPage, type Drawn } from './slack-page.ts';
import { terminalPage } from './terminal-page.ts';

const WIDTH = 700;
const COLUMNS = 80;

const SPEND = { timeZone: 'UTC', pricesAsOf: '2026-11-22', standing: STANDING };

function messagesOf(report: Report, about: Subject): Drawn[] {
  return renderSlackReport(report, about).map((part) =>
    'blocks' in part ? { blocks: part.blocks } : { blocks: [], files: part.files },
  );
}

const slack = (messages: readonly Drawn[]): Shot => ({ html: slackPage(messages), width: WIDTH, scheme: 'light' });
const terminal = (text: string): Shot => ({
  html: terminalPage(text, COLUMNS),
  width: 760,
  scheme: 'dark',
  height: 1_000,
});

/** `mailPage` draws the mail of a report with its pictures in it. */
export async function agentShots(
  mailPage: (about: Run & { report: Report }) => Promise<string>,
): Promise<Record<string, Shot>> {
  const runs = await agentRuns();
  const { figures, worded, advice } = runs;
  const mail = await mailPage(figures);
  const notice = await budgetNotice();
  const shots: Record<string, Shot> = {
    'agent-slack': slack(messagesOf(figures.report, { run: figures })),
    'agent-mail-light': { html: mail, width: 640, scheme: 'light', height: 2_000 },
    'agent-mail-dark': { html: mail, width: 640, scheme: 'dark', height: 1_150 },
    'agent-mail-360': { html: mail, width: 360, scheme: 'light', height: 1_900 },
    'agent-worded': slack(messagesOf(worded.report, { run: worded }).slice(0, 1)),
    'agent-card': slack([drawCard({ run: worded, deliveries: deliveriesOf(worded) })]),
    'agent-home': slack([homeOf(runs)]),
    'agent-memory': slack([memoryView(figures.job, { rows: advice, more: false })]),
    'agent-spend': slack([spendView(SPEND)]),
    'agent-budget': slack(messagesOf(notice.report, { notice })),
    'agent-terminal': terminal(
      renderText(figures.report, { width: COLUMNS, color: 'ansi', rows: 'preview', about: { run: figures } }),
    ),
    'agent-terminal-spend': terminal(await spendText()),
  };
  // They are many and long: one pixel a point keeps them small.
  return Object.fromEntries(Object.entries(shots).map(([name, shot]) => [name, { ...shot, scale: 1 }]));
}

function homeOf({ figures, worded }: AgentRuns): Drawn {
  const last = [worded, figures].map((run) => ({
    run: RunSummary.parse({ ...run, ...(run.agent === undefined ? {} : { microUsd: run.agent.runMicroUsd }) }),
    deliveries: deliveriesOf(run),
  }));
  const at = new Date(MONDAY).toISOString();
  const health = { state: 'ready', quarantined: 0 } as never; // all that the tab looks at
  return homeView({ at, jobs: 2, open: [], moreOpen: false, last, next: [], spend: SPEND, problems: [], health });
}

async function spendText(): Promise<string> {
  const lines: string[] = [];
  const to = (line: string): void => void lines.push(line);
  const seen = { out: to, err: to, width: COLUMNS, color: 'ansi', links: false } as const;
  await spendCommand(seen as never, { spend: { view: () => Promise.resolve(SPEND) } } as never, {
    args: [],
    json: false,
  });
  return lines.join('\n');
}
