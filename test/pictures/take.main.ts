/** `npm run pictures`: the sample weekly report in every form, as pictures in docs/pictures/. Needs Debian's chromium. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawChart } from '../../src/render/charts/svg.ts';
import { createRasteriser } from '../../src/render/charts/png.ts';
import { renderEmail } from '../../src/render/email/report.ts';
import type { FilePlan } from '../../src/render/file-plan.ts';
import { renderFile } from '../../src/render/files.ts';
import { renderHtml } from '../../src/render/html.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import type { Subject } from '../../src/render/subject.ts';
import { renderText } from '../../src/render/text.ts';
import { Report } from '../../src/store/report.ts';
import { sampleRun } from '../support/delivery-report.ts';
import { agentShots } from './agent-shots.ts';
import { startChromium } from './chromium.ts';
import type { Shot } from './chromium.ts';
import { slackPage } from './slack-page.ts';
import { terminalPage } from './terminal-page.ts';

const root = join(import.meta.dirname, '../..');
const out = process.argv[2] ?? join(root, 'docs/pictures');
const COLUMNS = 92;

const report = Report.parse(JSON.parse(await readFile(join(root, 'test/fixtures/reports/weekly.json'), 'utf8')));
const about = { run: sampleRun({ report }) };
const fonts = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) => join(root, 'assets/fonts', name));
const { png } = createRasteriser({ fontFiles: fonts });

async function dataUri({ mediaType, source }: FilePlan, of: { report: Report; subject: Subject }): Promise<string> {
  if (source.is === 'blob') throw new Error('the sample has no blobs');
  const bytes = await renderFile(source, { ...of, png });
  return `data:${mediaType};base64,${Buffer.from(bytes).toString('base64')}`;
}

/** The mail as a program shows it: its pictures stand beside it, under their Content-IDs. */
async function mailOf(of: Report, subject: Subject): Promise<string> {
  const { html = '', files } = renderEmail(of, subject, {
    unsubscribeUrl: 'https://bell.example.com/unsubscribe?t=x',
  });
  let page = html;
  for (const file of files)
    if (file.cid !== undefined) page = page.replaceAll(`cid:${file.cid}`, await dataUri(file, { report: of, subject }));
  return page;
}

function slackMessages(): string {
  const parts = renderSlackReport(report, about);
  return slackPage(
    parts.map((part) => ('blocks' in part ? { blocks: part.blocks } : { blocks: [], files: part.files })),
  );
}

async function shots(): Promise<Record<string, Shot>> {
  const mail = await mailOf(report, about);
  const page = renderHtml(report, about);
  const terminal = terminalPage(renderText(report, { width: COLUMNS, color: 'ansi', rows: 'preview' }), COLUMNS);
  const charts = report.sections
    .flatMap((section) => (section.kind === 'chart' ? [section] : []))
    .map((section) => drawChart(section, { locale: report.locale, width: 600, theme: 'light' }));
  return {
    'mail-light': { html: mail, width: 720, scheme: 'light' },
    'mail-dark': { html: mail, width: 720, scheme: 'dark' },
    'mail-360': { html: mail, width: 360, scheme: 'light' },
    'page-light': { html: page, width: 960, scheme: 'light' },
    'page-dark': { html: page, width: 960, scheme: 'dark' },
    slack: { html: slackMessages(), width: 760, scheme: 'light' },
    terminal: { html: terminal, width: 860, scheme: 'dark' },
    charts: {
      html: `<body style="margin:16px;background:#fff">${charts.join('<br>')}</body>`,
      width: 640,
      scheme: 'light',
    },
  };
}

await mkdir(out, { recursive: true });
await using browser = await startChromium();
const only = process.argv.slice(3);
const all = { ...(await shots()), ...(await agentShots((run) => mailOf(run.report, { run }))) };
for (const [name, shot] of Object.entries(all)) {
  if (only.length > 0 && !only.includes(name)) continue;
  await writeFile(join(out, `${name}.png`), await browser.take(shot));
  process.stdout.write(`${name}.png\n`);
}
