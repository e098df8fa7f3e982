import type { ChartSection } from '../../store/report-sections.ts';
import { escapeHtml } from '../format.ts';

/** The chart as an SVG document. */
export function drawChart(
  section: ChartSection,
  options: { locale: string; width: number; theme: 'light' | 'dark' },
): string {
  const { width, theme } = options;
  const ink = theme === 'light' ? '#1a2233' : '#e6ebf4';
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" width="${width}" viewBox="0 0 ${width} 240"><title>${escapeHtml(section.alt)}</title><path d="M10 200 L${width - 10} 40" stroke="${ink}" fill="none"/></svg>`;
}

/** A small line without axes. */
export function drawSpark(
  values: readonly number[],
  options: { width: number; height: number; color: string },
): string {
  const { width, height, color } = options;
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const step = width / Math.max(1, values.length - 1);
  const points = values.map(
    (value, at) => `${(at * step).toFixed(1)},${(height - ((value - low) / span) * height).toFixed(1)}`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" aria-hidden="true"><polyline points="${points.join(' ')}" fill="none" stroke="${color}" stroke-width="1.5"/></svg>`;
}
