/** Reads HTML as strictly as a test wants it: every tag closed in order, and the attributes of each. */
const VOID = new Set(['meta', 'img', 'br', 'hr', 'link', 'input', 'wbr']);
const TAG =
  /<!--[\s\S]*?-->|<!doctype html>|<style>[\s\S]*?<\/style>|<(\/?)([A-Za-z][A-Za-z0-9]*)((?:\s+[A-Za-z_:][\w:.-]*(?:="[^"<]*")?)*)\s*(\/?)>|</g;

interface Element {
  tag: string;
  attributes: Record<string, string>;
}

/** The elements in order, and what is wrong with the nesting of tags; comments and style sheets are passed over. */
export function readMarkup(html: string): { elements: Element[]; problems: string[] } {
  const elements: Element[] = [];
  const problems: string[] = [];
  const open: string[] = [];
  for (const [whole, closing, tag, attributes = '', self] of html.matchAll(TAG)) {
    if (whole === '<') problems.push('a "<" that begins no tag');
    if (tag === undefined) continue;
    if (closing === '/') {
      const last = open.pop();
      if (last !== tag) problems.push(`</${tag}> closes <${last ?? 'nothing'}>`);
      continue;
    }
    const pairs = [...attributes.matchAll(/([A-Za-z_:][\w:.-]*)(?:="([^"]*)")?/g)];
    elements.push({ tag, attributes: Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value])) });
    if (self !== '/' && !VOID.has(tag)) open.push(tag);
  }
  return { elements, problems: [...problems, ...open.map((tag) => `<${tag}> is not closed`)] };
}

/** Text of markup, as a reader sees it. */
export function textOf(html: string): string {
  return html
    .replace(/<!--[\s\S]*?-->|<style>[\s\S]*?<\/style>|<[^>]+>/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ');
}
