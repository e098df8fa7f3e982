/** Placeholder until the files' own. */
import type { Report } from '../store/report.ts';
import type { Rasteriser } from './charts/png.ts';
import type { FileSource } from './file-plan.ts';
import type { Subject } from './subject.ts';

export async function renderFile(
  source: Exclude<FileSource, { is: 'blob' }>,
  about: { report: Report; subject: Subject; png: Rasteriser['png'] },
): Promise<Uint8Array> {
  if (source.is === 'chart') return about.png('<svg/>', 1_200);
  return Buffer.from(`${JSON.stringify(about.report, null, 2)}\n`);
}
