import { escapeHtml } from '../../src/render/format.ts';

const COLORS: Record<string, string> = { 31: '#ff8a80', 32: '#7ee787', 33: '#f2cc60' };
const STYLES: Record<string, string> = {
  1: 'font-weight:700',
  2: 'opacity:.65',
  3: 'font-style:italic',
  4: 'text-decoration:underline',
  9: 'text-decoration:line-through',
};
const ENDS: Record<string, readonly string[]> = {
  22: ['1', '2'],
  23: ['3'],
  24: ['4'],
  29: ['9'],
  39: ['31', '32', '33'],
};

/** What a terminal shows of a text with colours (SGR), as a page. */
export function terminalPage(text: string, columns: number): string {
  const on = new Set<string>();
  // oxlint-disable-next-line no-control-regex -- escape sequences are what is drawn
  const body = text.split(/(\u001b\[\d+m)/).map((piece) => {
    // oxlint-disable-next-line no-control-regex -- as above
    const code = /^\u001b\[(\d+)m$/.exec(piece)?.[1];
    if (code === undefined) return paint(piece, on);
    const ends = ENDS[code];
    if (ends === undefined) on.add(code);
    else for (const one of ends) on.delete(one);
    return '';
  });
  return `<!doctype html><meta charset="utf-8"><body style="margin:0;background:#0d1117"><pre style="margin:0;padding:20px 24px;width:${columns}ch;color:#e6edf3;font:14px/1.4 'DejaVu Sans Mono',monospace">${body.join('')}</pre></body>`;
}

function paint(text: string, on: ReadonlySet<string>): string {
  if (text === '' || on.size === 0) return escapeHtml(text);
  const styles = [...on].flatMap((code) => STYLES[code] ?? (COLORS[code] === undefined ? [] : `color:${COLORS[code]}`));
  return `<span style="${styles.join(';')}">${escapeHtml(text)}</span>`;
}
