/** Small facts about a report, in the words that its forms share. */
import type { Attachment, Report } from '../store/report.ts';
import { formatUsd } from '../usd.ts';
import { formatDuration, oneLine } from './format.ts';
import { describeSubject } from './subject.ts';
import type { Subject } from './subject.ts';

/** `sonnet · $0.05 · 41.2 s`; undefined when nothing is known of it. */
export function describeCost({ cost }: Pick<Report, 'cost'>): string | undefined {
  const parts = [
    ...(cost?.model === undefined ? [] : [oneLine(cost.model)]),
    ...(cost?.microUsd === undefined || cost.microUsd === 0 ? [] : [formatUsd(cost.microUsd)]),
    ...(cost?.ms === undefined ? [] : [formatDuration(cost.ms)]),
  ].filter((part) => part !== '');
  return parts.length === 0 ? undefined : parts.join(' · ');
}

/** The whole account of an agent where the run is at hand, else what the report says of itself. */
export function costLine(report: Pick<Report, 'cost'>, about: Subject): string | undefined {
  return describeSubject(about).spend ?? describeCost(report);
}

/** `orders.csv (All orders, 12 kB)`. */
export function describeAttachment({ name, title, bytes }: Attachment): string {
  return `${name} (${title === undefined ? '' : `${oneLine(title)}, `}${formatBytes(bytes)})`;
}

/** `850 bytes`, `12 kB`, `3.4 MB`; a kB is 1,000 bytes. */
function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;
  const kilo = bytes / 1_000;
  return kilo < 999.5 ? `${Number(kilo.toPrecision(3))} kB` : `${Number((kilo / 1_000).toPrecision(3))} MB`;
}
