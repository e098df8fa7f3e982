/** Renders the sample report in every form and prints a digest of each as JSON: `node render-digests.main.ts`. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BUNDLED_FONTS } from '../../src/render/charts/fonts.ts';
import { createRasteriser } from '../../src/render/charts/png.ts';
import { reportCsvs } from '../../src/render/csv.ts';
import { renderEmail } from '../../src/render/email/report.ts';
import { renderFile, renderWhole } from '../../src/render/files.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import { renderText } from '../../src/render/text.ts';
import { Report } from '../../src/store/report.ts';
import { sampleRun } from './delivery-report.ts';

const weekly = new URL('../fixtures/reports/weekly.json', import.meta.url);
const report = Report.parse(JSON.parse(readFileSync(weekly, 'utf8')));
const about = { kind: 'run', run: sampleRun({ report }) } as const;
const digest = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
const { png } = createRasteriser({ fontFiles: BUNDLED_FONTS });
const mail = renderEmail(report, about);
const digests: Record<string, string> = {
  slack: digest(JSON.stringify(renderSlackReport(report, about))),
  mail: digest(JSON.stringify(mail)),
  terminal: digest(renderText(report, { width: 100, color: 'ansi', rows: 'preview' })),
  csv: digest(JSON.stringify(reportCsvs(report))),
};
for (const format of ['html', 'md', 'txt', 'json'] as const)
  digests[format] = digest(renderWhole(format, report, about));
for (const { name, source } of mail.files) {
  if (source.is !== 'blob') digests[name] = digest(await renderFile(source, { report, subject: about, png }));
}
process.stdout.write(JSON.stringify(digests));
