/** Small facts about a report, in the words that its forms share. */
import type { Report } from '../store/report.ts';
import { formatDuration, oneLine } from './format.ts';

/** `sonnet · $0.05 · 41.2 s`; undefined when nothing is known of it. */
export function describeCost({ cost }: Pick<Report, 'cost'>): string | undefined {
  const parts = [
    ...(cost?.model === undefined ? [] : [oneLine(cost.model)]),
    ...(cost?.microUsd === undefined ? [] : [`$${cost.microUsd / 1_000_000}`]),
    ...(cost?.ms === undefined ? [] : [formatDuration(cost.ms)]),
  ].filter((part) => part !== '');
  return parts.length === 0 ? undefined : parts.join(' · ');
}
