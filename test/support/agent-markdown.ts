/** Markdown as the renderers read it. */
import { sectionBlocks } from '../../src/render/markdown.ts';
import type { Block } from '../../src/render/markdown.ts';

export function renderBlocks(markdown: string): Block[] {
  return sectionBlocks({ kind: 'markdown', priority: 'summary', markdown });
}

/** Every address that would be a link. */
export function linksIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(linksIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) => (name === 'href' ? [String(one)] : linksIn(one)));
}
