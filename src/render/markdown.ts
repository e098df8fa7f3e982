/**
 * Markdown (CommonMark and GFM) as a small tree that every renderer walks. References are resolved, raw HTML is text, images
 * are links, unsafe addresses are written out, so no renderer has to think of these again.
 */
import { createRequire } from 'node:module';
import type * as FromMarkdown from 'mdast-util-from-markdown';
import type * as FromGfm from 'mdast-util-gfm';
import type * as CjkFriendly from 'micromark-extension-cjk-friendly';
import type * as CjkStrikethrough from 'micromark-extension-cjk-friendly-gfm-strikethrough';
import type * as Gfm from 'micromark-extension-gfm';
import type { Nodes, PhrasingContent, RootContent, Root, ListItem } from 'mdast';
import type { Section } from '../store/report-sections.ts';
import { plainText, safeUrl } from './format.ts';

/** A run of text in one style; `text` may hold newlines (hard breaks). */
export interface Inline {
  text: string;
  bold?: true;
  italic?: true;
  strike?: true;
  code?: true;
  href?: string;
}

export type Align = 'left' | 'right' | 'center';

export type Block =
  | { kind: 'heading'; depth: number; inlines: Inline[] }
  | { kind: 'paragraph'; inlines: Inline[] }
  | { kind: 'list'; ordered: boolean; start: number; items: Item[] }
  | { kind: 'quote'; blocks: Block[] }
  | { kind: 'code'; text: string }
  | { kind: 'table'; align: Align[]; rows: Inline[][][] }
  | { kind: 'rule' };

export interface Item {
  checked?: boolean;
  blocks: Block[];
}

/** Containers nested deeper than this are flattened to text, so that hostile input cannot overflow the stack. */
const MAX_DEPTH = 12;
/** micromark is quadratic in nested containers: a line that opens more than this many is taken literally. */
const MARKER_PILE = /^(?:[ \t]*(?:>|[-*+]|\d{1,9}[.)])(?=[ \t>]|$)){21,}/gm;
/**
 * micromark is quadratic in the emphasis and link markers of one paragraph (measured: 80,000 asterisks took 99 s). Above these
 * counts, a paragraph and in all, they are taken literally; block structure stays.
 */
const MAX_INLINE_MARKERS = 1_500;
const MAX_ALL_MARKERS = 60_000;
const INLINE_MARKERS = /[*_~[\]`]/g;
const PARAGRAPH_START = /\n(?=[ \t]*(?:\n|[-*+] ))/;
const LITERAL_INLINES = {
  disable: {
    null: [
      'attention',
      'labelStartLink',
      'labelStartImage',
      'labelEnd',
      'strikethrough',
      'codeText',
      'gfmFootnoteCall',
      'gfmPotentialFootnoteCall',
    ],
  },
};

/** Rows of tables are slow as well (measured: 190,000 took 6 s): with more lines than this below one, they are text. */
const MAX_TABLE_LINES = 10_000;
const TABLE_RULE = /^[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)*$/m;
const LITERAL_TABLES = { disable: { null: ['table'] } };

const require = createRequire(import.meta.url);

type Parser = typeof FromMarkdown & typeof FromGfm & typeof Gfm & typeof CjkFriendly & typeof CjkStrikethrough;

/** The parser, loaded with the first report: a hundred modules that an idle server does without. Synchronous, as the renderers are. */
function parser(): Parser {
  // oxlint-disable typescript/no-unsafe-type-assertion -- `require` has no types; these are the modules' own
  return {
    ...(require('mdast-util-from-markdown') as typeof FromMarkdown),
    ...(require('mdast-util-gfm') as typeof FromGfm),
    ...(require('micromark-extension-gfm') as typeof Gfm),
    ...(require('micromark-extension-cjk-friendly') as typeof CjkFriendly),
    ...(require('micromark-extension-cjk-friendly-gfm-strikethrough') as typeof CjkStrikethrough),
  };
  // oxlint-enable typescript/no-unsafe-type-assertion
}

type MarkdownSection = Extract<Section, { kind: 'markdown' }>;

interface Context {
  addresses: Map<string, string>;
  depth: number;
}
type Style = Omit<Inline, 'text'>;

/** Parses markdown; text that the parser cannot take becomes one paragraph, so a report is never lost to its own form. */
function parseMarkdown(markdown: string): Block[] {
  const text = plainText(markdown).replace(MARKER_PILE, (pile) => pile.replace(/[>\-*+.)]/g, '\\$&'));
  const { fromMarkdown, gfmFromMarkdown, gfm, cjkFriendlyExtension, gfmStrikethroughCjkFriendly } = parser();
  // CommonMark bolds the wrong run of `前**「重点」**後`, where words have no spaces between them.
  const eastAsian = [cjkFriendlyExtension(), gfmStrikethroughCjkFriendly()];
  const extensions = [
    gfm(),
    ...(tooManyMarkers(text) ? [LITERAL_INLINES] : eastAsian),
    ...(hasHugeTable(text) ? [LITERAL_TABLES] : []),
  ];
  let root: Root;
  try {
    root = fromMarkdown(text, { extensions, mdastExtensions: [gfmFromMarkdown()] });
  } catch {
    // An assertion or a stack overflow of the parser: shown as it was written.
    return [{ kind: 'code', text }];
  }
  const addresses = new Map<string, string>();
  for (const node of root.children) if (node.type === 'definition') addresses.set(node.identifier, node.url);
  return toBlocks(root.children, { addresses, depth: 0 });
}

function tooManyMarkers(text: string): boolean {
  const count = (part: string): number => part.match(INLINE_MARKERS)?.length ?? 0;
  if (count(text) <= MAX_INLINE_MARKERS) return false;
  return count(text) > MAX_ALL_MARKERS || text.split(PARAGRAPH_START).some((part) => count(part) > MAX_INLINE_MARKERS);
}

/** A table ends with an empty line. */
function hasHugeTable(text: string): boolean {
  return text
    .split(/\n[ \t]*\n/)
    .some(
      (part) => part.length > MAX_TABLE_LINES && part.split('\n').length > MAX_TABLE_LINES && TABLE_RULE.test(part),
    );
}

/** A parse lives as long as the section it belongs to: a report goes to several places, and parsing is most of the work. */
const PARSED = new WeakMap<MarkdownSection, Block[]>();

/** The blocks of a markdown section. */
export function sectionBlocks(section: MarkdownSection): Block[] {
  const known = PARSED.get(section);
  if (known !== undefined) return known;
  const blocks = parseMarkdown(section.markdown);
  PARSED.set(section, blocks);
  return blocks;
}

/** The text of inlines without their style. */
export function inlineText(inlines: readonly Inline[]): string {
  return inlines.map((inline) => inline.text).join('');
}

/** Joins neighbours of one style and leaves out empty ones; links stay apart, so that two of them stay two. */
export function mergeInlines(inlines: readonly Inline[]): Inline[] {
  const merged: Inline[] = [];
  for (const inline of inlines) {
    if (inline.text === '') continue;
    const last = merged.at(-1);
    if (last !== undefined && last.href === undefined && sameStyle(last, inline)) last.text += inline.text;
    else merged.push({ ...inline });
  }
  return merged;
}

function sameStyle(a: Inline, b: Inline): boolean {
  return a.bold === b.bold && a.italic === b.italic && a.strike === b.strike && a.code === b.code && a.href === b.href;
}

function toBlocks(nodes: readonly RootContent[], context: Context): Block[] {
  return nodes.flatMap((node) => toBlock(node, context));
}

function toBlock(node: RootContent, context: Context): Block[] {
  if (context.depth >= MAX_DEPTH) return [{ kind: 'paragraph', inlines: [{ text: flatText(node) }] }];
  const inner = { ...context, depth: context.depth + 1 };
  // oxlint-disable-next-line switch-exhaustiveness-check -- the default is for everything that does not stand at block level
  switch (node.type) {
    case 'heading':
      return [{ kind: 'heading', depth: node.depth, inlines: toInlines(node.children, {}, context) }];
    case 'paragraph': {
      const inlines = toInlines(node.children, {}, context);
      return inlines.length === 0 ? [] : [{ kind: 'paragraph', inlines }];
    }
    case 'list': {
      const items = node.children.map((item) => toItem(item, inner));
      return [{ kind: 'list', ordered: node.ordered === true, start: node.start ?? 1, items }];
    }
    case 'blockquote':
      return [{ kind: 'quote', blocks: toBlocks(node.children, inner) }];
    case 'code':
      return node.value === '' ? [] : [{ kind: 'code', text: node.value }];
    case 'html':
      return [{ kind: 'paragraph', inlines: [{ text: node.value }] }];
    case 'table': {
      const rows = node.children.map((row) => row.children.map((cell) => toInlines(cell.children, {}, context)));
      const columns = rows.reduce((most, row) => Math.max(most, row.length), 0);
      return [{ kind: 'table', align: Array.from({ length: columns }, (_, n) => node.align?.[n] ?? 'left'), rows }];
    }
    case 'thematicBreak':
      return [{ kind: 'rule' }];
    case 'footnoteDefinition':
      return toFootnote(node.identifier, toBlocks(node.children, inner));
    case 'definition':
      return [];
    default: {
      // Phrasing content does not stand at block level; if a parser extension puts it there, it is a paragraph.
      const text = flatText(node);
      return text === '' ? [] : [{ kind: 'paragraph', inlines: [{ text }] }];
    }
  }
}

function toItem(item: ListItem, context: Context): Item {
  const blocks = toBlocks(item.children, context);
  return typeof item.checked === 'boolean' ? { checked: item.checked, blocks } : { blocks };
}

function toFootnote(name: string, blocks: Block[]): Block[] {
  const mark: Inline = { text: `[${name}] ` };
  const [first, ...rest] = blocks;
  if (first?.kind !== 'paragraph') return [{ kind: 'paragraph', inlines: [mark] }, ...blocks];
  return [{ kind: 'paragraph', inlines: [mark, ...first.inlines] }, ...rest];
}

function toInlines(nodes: readonly PhrasingContent[], style: Style, context: Context): Inline[] {
  const inlines = nodes.flatMap((node) => toInline(node, style, context));
  return inlines.filter((inline) => inline.text !== '');
}

function toInline(node: PhrasingContent, style: Style, context: Context): Inline[] {
  if (context.depth >= MAX_DEPTH * 2) return [{ ...style, text: flatText(node) }];
  const inner = { ...context, depth: context.depth + 1 };
  switch (node.type) {
    case 'text':
      // A newline in the source is a space in the paragraph (CommonMark, soft line break).
      return [{ ...style, text: node.value.replace(/[ \t]*\n[ \t]*/g, ' ') }];
    case 'strong':
      return toInlines(node.children, { ...style, bold: true }, inner);
    case 'emphasis':
      return toInlines(node.children, { ...style, italic: true }, inner);
    case 'delete':
      return toInlines(node.children, { ...style, strike: true }, inner);
    case 'inlineCode':
      return [{ ...style, code: true, text: node.value }];
    case 'break':
      return [{ ...style, text: '\n' }];
    case 'html':
      return [{ ...style, text: node.value }];
    case 'link':
      return toLink(node.url, toInlines(node.children, style, inner), style);
    case 'linkReference':
      return toLink(context.addresses.get(node.identifier) ?? '', toInlines(node.children, style, inner), style);
    case 'image':
      return toLink(node.url, [{ ...style, text: node.alt ?? '' }], style);
    case 'imageReference':
      return toLink(context.addresses.get(node.identifier) ?? '', [{ ...style, text: node.alt ?? '' }], style);
    case 'footnoteReference':
      return [{ ...style, text: `[${node.identifier}]` }];
    default:
      return [];
  }
}

function toLink(url: string, inlines: Inline[], style: Style): Inline[] {
  const href = safeUrl(url);
  const shown = inlines.filter((inline) => inline.text.trim() !== '');
  if (href === undefined) return url === '' ? shown : [...shown, { ...style, text: shown.length ? ` (${url})` : url }];
  if (shown.length === 0) return [{ ...style, text: href, href }];
  return inlines.map((inline) => ({ ...inline, href }));
}

/** All text below a node, without recursion: depth is what the caller could not afford. */
function flatText(node: Nodes): string {
  const parts: string[] = [];
  const stack: Nodes[] = [node];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if ('value' in next) parts.push(next.value);
    if ('alt' in next && next.alt) parts.push(next.alt);
    if ('url' in next && next.url !== '' && next.type !== 'definition') parts.push(`(${next.url})`);
    if ('children' in next) for (let n = next.children.length - 1; n >= 0; n--) push(stack, next.children[n]);
  }
  return parts.join(' ');
}

function push(stack: Nodes[], node: Nodes | undefined): void {
  if (node !== undefined) stack.push(node);
}
