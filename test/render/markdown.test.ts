import { describe, expect, it } from 'vitest';
import { sectionBlocks } from '../../src/render/markdown.ts';
import type { Inline } from '../../src/render/markdown.ts';

function inlines(markdown: string): Inline[] {
  const blocks = sectionBlocks({ kind: 'markdown', priority: 'summary', markdown });
  return blocks.flatMap((block) => (block.kind === 'paragraph' ? block.inlines : []));
}

const styled = (markdown: string, style: 'bold' | 'italic' | 'strike'): string[] =>
  inlines(markdown).flatMap((inline) => (inline[style] ? [inline.text] : []));

describe('markdown between words that have no spaces', () => {
  it('bolds the run between the marks', () => {
    expect(styled('前**「重点」**後 売上は**前週比**でした', 'bold')).toEqual(['「重点」', '前週比']);
    expect(styled('한국어**(강조)**입니다', 'bold')).toEqual(['(강조)']);
  });

  it('strikes the run between the marks', () => {
    expect(styled('前~~「重点」~~後', 'strike')).toEqual(['「重点」']);
    expect(styled('was ~~four~~ ~five~', 'strike')).toEqual(['four', 'five']);
  });

  it('keeps the rules of CommonMark elsewhere', () => {
    expect(styled('a ** b ** c and **d**', 'bold')).toEqual(['d']);
    expect(styled('snake_case_name and _e_', 'italic')).toEqual(['e']);
  });
});
