/**
 * The colours of charts. Every one of a series is that of its label too, so a test holds all of them to a contrast of 4.5:1 on their
 * ground (WCAG 2.2, 1.4.3). The order keeps neighbours apart for those who see red and green alike: blue, orange and teal come first.
 */
export const CHART_PALETTE = {
  light: {
    back: '#ffffff',
    ink: '#1a2233',
    muted: '#4a5568',
    grid: '#e3e8ef',
    axis: '#8793a6',
    track: '#eef2f7',
    series: [
      '#1d4ed8',
      '#b45309',
      '#0f766e',
      '#a21caf',
      '#4d7c0f',
      '#be123c',
      '#0369a1',
      '#6d28d9',
      '#78350f',
      '#15803d',
      '#475569',
      '#831843',
    ],
  },
  dark: {
    back: '#171e2d',
    ink: '#e6ebf4',
    muted: '#a9b4c6',
    grid: '#2b3548',
    axis: '#6b7a93',
    track: '#232d40',
    series: [
      '#7aa7ff',
      '#f2a65a',
      '#4fd1c0',
      '#ea8ff0',
      '#b4d455',
      '#ff8d9d',
      '#5cc4f4',
      '#b9a5ff',
      '#e0b88a',
      '#6ddb92',
      '#b3bfd0',
      '#f5b8d8',
    ],
  },
} as const;

export type Theme = keyof typeof CHART_PALETTE;
export type ChartColors = (typeof CHART_PALETTE)[Theme];

/** The colour of a series; the schema allows no more series than there are colours. */
export function seriesColor(colors: ChartColors, index: number): string {
  return colors.series[index % colors.series.length] ?? colors.ink;
}
