/** The forms of a report that can be looked at before anything is sent. */
import { dirname, extname, join, basename } from 'node:path';
import { createFileReader } from '../delivery/files.ts';
import { messageOf, UsageError } from '../errors.ts';
import { drawMessage } from '../playground/draw.ts';
import { BUNDLED_FONTS } from '../render/charts/fonts.ts';
import { createRasteriser } from '../render/charts/png.ts';
import { reportCsvs } from '../render/csv.ts';
import { renderEmail } from '../render/email/report.ts';
import type { FilePlan } from '../render/file-plan.ts';
import { renderWhole, slug } from '../render/files.ts';
import { checkMessage } from '../render/slack/check.ts';
import type { SlackPart } from '../render/slack/message.ts';
import { renderSlackReport } from '../render/slack/report.ts';
import { renderText } from '../render/text.ts';
import type { About } from '../store/notice-records.ts';
import { Run } from '../store/records.ts';
import type { Report } from '../store/report.ts';
import { iso } from '../clock.ts';
import { EXIT, type Terminal } from './terminal.ts';
import { EX_SOFTWARE } from './process.ts';

interface Preview {
  report: Report;
  job: string;
  terminal: Terminal;
  json: boolean;
  /** Where it is to be written: its ending chooses between the forms of a mail. */
  out: string | undefined;
}

interface Shown {
  /** For standard output. */
  text: string[];
  /** The same for `--out`. */
  files: { path: string; bytes: string | Uint8Array }[];
  code: number;
}

type Form = (preview: Preview) => Shown | Promise<Shown>;

const FORMS: Readonly<Record<string, Form>> = {
  terminal: (preview) => {
    const { width, color, links } = preview.terminal;
    const look = preview.out === undefined ? { width, color, links } : { width, color: 'none' as const };
    return one(preview, renderText(preview.report, { ...look, rows: 'preview' }));
  },
  text: (preview) => one(preview, renderText(preview.report, { width: preview.terminal.width, color: 'none' })),
  html: (preview) => one(preview, renderWhole('html', preview.report, aboutOf(preview))),
  markdown: (preview) => one(preview, renderWhole('md', preview.report, aboutOf(preview))),
  json: (preview) => one(preview, renderWhole('json', preview.report, aboutOf(preview))),
  csv: csvForm,
  slack: slackForm,
  email: emailForm,
};

/** The form of this name; throws a UsageError with the names there are. */
export function formOf(name: string): Form {
  const form = Object.hasOwn(FORMS, name) ? FORMS[name] : undefined;
  if (form !== undefined) return form;
  const names = Object.keys(FORMS).filter((known) => known !== 'terminal');
  throw new UsageError(`There is no form “${name}”`, { code: 'USAGE', hint: `It is one of ${names.join(', ')}.` });
}

function one({ out }: Preview, text: string): Shown {
  return {
    text: [text.replace(/\n$/, '')],
    files: out === undefined ? [] : [{ path: out, bytes: text }],
    code: EXIT.ok,
  };
}

/** Several tables are several files; on standard output they follow each other. */
function csvForm({ report, out }: Preview): Shown {
  const csvs = reportCsvs(report);
  const beside = (path: string, name: string): string =>
    join(dirname(path), `${basename(path, extname(path))}-${slug(name)}.csv`);
  const files = csvs.map(({ name, content }, at) => ({
    path: at === 0 || out === undefined ? (out ?? '') : beside(out, name),
    bytes: content,
  }));
  return { text: csvs.map(({ content }) => content.replace(/\r\n$/, '')), files, code: EXIT.ok };
}

/** The messages as people see them, and what Slack would not take of them. */
function slackForm(preview: Preview): Shown {
  const { terminal, json, report } = preview;
  const parts: readonly SlackPart[] = renderSlackReport(report, aboutOf(preview));
  const problems = parts.flatMap((part, at) =>
    'blocks' in part
      ? checkMessage(part).map(({ pointer, message }) => `message ${at + 1} ${pointer}: ${message}`)
      : [],
  );
  for (const problem of problems) terminal.err(`Slack would refuse ${problem}`);
  const text = json
    ? [JSON.stringify(parts, null, 2)]
    : parts.map((part, at) => {
        const place = at === 0 ? 'in the channel' : 'in its thread';
        return `── ${at + 1} of ${parts.length}, ${place}\n${drawPart(part, terminal)}`;
      });
  const shown = one(preview, `${text.join('\n\n')}\n`);
  return { ...shown, code: problems.length === 0 ? EXIT.ok : EX_SOFTWARE };
}

function drawPart(part: SlackPart, { width, color }: Terminal): string {
  if ('blocks' in part) {
    return drawMessage(part, { width: Math.min(width, 100), emphasis: color === 'ansi' ? 'ansi' : 'plain' });
  }
  const files = part.files.map(({ name, title, alt }) => `│ [file ${name}: ${alt ?? title}]`);
  return [drawMessage({ text: part.text }, { width: Math.min(width, 100) }), ...files].join('\n');
}

/** The text part for people here; `--out FILE.html` is the page with its pictures, `--out FILE.eml` the whole mail. */
async function emailForm(preview: Preview): Promise<Shown> {
  const { report, out, terminal } = preview;
  const about = aboutOf(preview);
  const mail: { subject: string; html?: string; text: string; files?: readonly FilePlan[] } = renderEmail(
    report,
    about,
  );
  const shown = one(preview, `Subject: ${mail.subject}\n\n${mail.text}`);
  if (out === undefined) return shown;
  const read = createFileReader({
    blobs: { get: () => Promise.resolve(undefined) },
    rasteriser: createRasteriser({ fontFiles: BUNDLED_FONTS }),
  });
  const made: { plan: FilePlan; bytes: Buffer }[] = [];
  for (const plan of mail.files ?? []) {
    try {
      made.push({ plan, bytes: await read(plan, about) });
    } catch (error) {
      terminal.err(messageOf(error));
    }
  }
  if (extname(out).toLowerCase() !== '.html')
    return { ...shown, files: [{ path: out, bytes: await compose(mail, made) }] };
  // A browser knows no parts of a mail: pictures stand in the page.
  const html = made.reduce(
    (page, { plan, bytes }) =>
      plan.cid === undefined
        ? page
        : page.replaceAll(`cid:${plan.cid}`, `data:${plan.mediaType};base64,${bytes.toString('base64')}`),
    mail.html ?? mail.text,
  );
  return { ...shown, files: [{ path: out, bytes: html }] };
}

async function compose(
  mail: { subject: string; html?: string; text: string },
  made: readonly { plan: FilePlan; bytes: Buffer }[],
): Promise<Buffer> {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const attachments = made.map(({ plan, bytes }) => ({
    filename: plan.name,
    contentType: plan.mediaType,
    content: bytes,
    ...(plan.cid === undefined ? {} : { cid: plan.cid, contentDisposition: 'inline' as const }),
  }));
  const { subject, html, text } = mail;
  const message = { from: 'bellhop@example.com', to: 'you@example.com', subject, text, attachments };
  return new MailComposer({ ...message, ...(html === undefined ? {} : { html }) }).compile().build();
}

/** A run that made this report just now. */
function aboutOf({ report, job, terminal }: Preview): Extract<About, { kind: 'run' }> {
  const at = report.generatedAt ?? iso(terminal.clock.now());
  const run = Run.parse({
    v: 1,
    id: `run_${'0'.repeat(26)}`,
    rev: 1,
    job: /^[a-z][a-z0-9-]*$/.test(job) ? job : 'preview',
    kind: 'function',
    queue: 'preview',
    state: 'completed',
    trigger: 'cli',
    actor: { kind: 'operator', id: 'preview' },
    priority: 0,
    policy: { maxAttempts: 1, timeoutMs: 60_000, backoff: { baseMs: 1_000, maxMs: 60_000 } },
    input: {},
    createdAt: at,
    updatedAt: at,
    runAt: at,
    finishedAt: at,
    fence: 1,
    attemptsUsed: 1,
    attempts: [],
    report,
    deliveries: [],
  });
  return { kind: 'run', run };
}
