/** The colours of mail and page, light and dark; a test holds every text colour to a contrast of 4.5:1 (WCAG 2.2, 1.4.3). */
export const PALETTE = {
  light: {
    page: '#eef2f7',
    card: '#ffffff',
    ink: '#1a2233',
    muted: '#4a5568',
    line: '#d9e0ea',
    link: '#1d4ed8',
    good: '#166534',
    bad: '#b42318',
    warnBack: '#fef3c7',
    warnInk: '#713f12',
    failBack: '#fee2e2',
    failInk: '#7f1d1d',
    codeBack: '#f3f5f9',
  },
  dark: {
    page: '#0f1420',
    card: '#171e2d',
    ink: '#e6ebf4',
    muted: '#a9b4c6',
    line: '#303a4d',
    link: '#8ab4ff',
    good: '#4ade80',
    bad: '#f98b8b',
    warnBack: '#3d2f0a',
    warnInk: '#fde68a',
    failBack: '#45151a',
    failInk: '#fecaca',
    codeBack: '#202a3c',
  },
} as const;

export type Palette = (typeof PALETTE)['light' | 'dark'];

/** Every pair of text and ground that is drawn, for the contrast test. */
export const TEXT_ON: readonly (readonly [keyof Palette, keyof Palette])[] = [
  ['ink', 'card'],
  ['muted', 'card'],
  ['muted', 'page'],
  ['link', 'card'],
  ['link', 'page'],
  ['good', 'card'],
  ['bad', 'card'],
  ['warnInk', 'warnBack'],
  ['failInk', 'failBack'],
  ['ink', 'codeBack'],
];
