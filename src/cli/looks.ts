import type { Terminal } from './terminal.ts';

/** What of a standard output decides how reports look on it. */
interface Screen {
  isTTY?: boolean;
  columns?: number;
  hasColors?: (count: number, env: Record<string, string | undefined>) => boolean;
}

/** Colours and links only for a person at a terminal that has them; NO_COLOR, TERM=dumb and pipes get plain text. */
export function looksOf(
  screen: Screen,
  env: Record<string, string | undefined>,
): Pick<Terminal, 'width' | 'color' | 'links'> {
  const width = Math.min(Math.max(screen.columns ?? 80, 40), 200);
  const isColored = screen.isTTY === true && screen.hasColors?.(16, env) === true;
  // The console of Linux prints what it does not know of an OSC 8 link.
  const links = isColored && env['TERM'] !== 'linux' ? 'osc8' : 'written';
  return { width, color: isColored ? 'ansi' : 'none', links };
}
