/** A report in every form in which it can leave, as one text each. */
import { renderEmail } from '../../src/render/email/report.ts';
import { renderHtml } from '../../src/render/html.ts';
import { renderMarkdown } from '../../src/render/markdown-file.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import { checkMessage } from '../../src/render/slack/check.ts';
import { renderText } from '../../src/render/text.ts';
import type { Run } from '../../src/store/records.ts';
import type { Report } from '../../src/store/report.ts';
import { messagesOf } from '../support/slack-blocks.ts';

export interface Forms {
  slack: string;
  mail: string;
  mailText: string;
  html: string;
  markdown: string;
  text: string;
}

export function formsOf(run: Run): { forms: Forms; slackProblems: unknown[]; posts: number; report: Report } {
  const { report } = run;
  if (report === undefined) throw new Error(`the run has no report: ${JSON.stringify(run.error)}`);
  const about = { run };
  const parts = renderSlackReport(report, about);
  const messages = messagesOf(parts);
  const mail = renderEmail(report, about);
  return {
    forms: {
      slack: JSON.stringify(parts),
      mail: mail.html ?? '',
      mailText: mail.text,
      html: renderHtml(report, about),
      markdown: renderMarkdown(report, about),
      text: renderText(report, { width: 100, color: 'none' }),
    },
    slackProblems: messages.flatMap((message) => checkMessage(message)),
    posts: messages.length,
    report,
  };
}
