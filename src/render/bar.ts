/** A share as a bar of characters. */
const CELLS = 10;

/** `▰▰▰▱▱▱▱▱▱▱ 31%`; more than all is drawn as all, and said. */
export function textBar(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * CELLS);
  return `${'▰'.repeat(filled).padEnd(CELLS, '▱')} ${Math.round(share * 100)}%`;
}
