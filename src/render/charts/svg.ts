/** Placeholder: charts as SVG. */
import type { ChartSection } from '../../store/report-sections.ts';
import { escapeHtml } from '../format.ts';

export function drawChart(
  section: ChartSection,
  options: { locale: string; width: number; theme: 'light' | 'dark' },
): string {
  const { width, locale, theme } = options;
  const title = escapeHtml(section.alt);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" class="${theme}" lang="${escapeHtml(locale)}" role="img"><title>${title}</title></svg>`;
}
