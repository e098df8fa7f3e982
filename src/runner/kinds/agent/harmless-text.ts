/** Texts that others wrote, made harmless: one line, no links, nothing that markdown, Slack or a terminal would act on. */
import { clip } from '../../normalise.ts';

// Whole escape sequences first, so that their tails do not stay as text.
// oxlint-disable-next-line no-control-regex -- control characters are what this removes
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b\n]{0,4000}(?:\u0007|\u001b\\)?|[@-Z\\])/g;
// Bidi overrides, and what is not seen but read: zero-width spaces, soft hyphens, tags. Joiners of emoji and scripts stay.
const UNSEEN = /[\u00ad\u200b\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff]|[\u{e0000}-\u{e007f}]/gu;
const CONTROLS = /\p{Cc}/gu;

/** Top-level domains that people and mail programs take for links without a scheme; two letters count in small or capital letters only. */
const ENDINGS =
  'com|net|org|info|biz|io|co|ai|app|dev|shop|store|xyz|online|site|top|club|link|click|live|me|tv|cc|gg|ly|ru|cn|uk|de|fr|eu|us|in|to|example|test|invalid|local|localhost|onion|zip|mov|page|support|website|space|tech|icu|vip|pw|xxx|cloud|blog|br|jp|kr|ca|au|nl|ch|pl|xn--[a-z0-9-]{2,59}';
const HOST = String.raw`(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,62})\.){1,8}`;
const LINKS: readonly RegExp[] = [
  /\b[a-z][a-z0-9+.-]{1,20}:\/\/\S*/giu,
  /\b(?:mailto|javascript|vbscript|data|file|tel|sms|skype|slack):\S+/giu,
  /\bwww\.\S*/giu,
  /[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[\p{L}\p{N}-]{1,63}\.){1,8}[\p{L}\p{N}-]{2,63}/gu,
  new RegExp(String.raw`\b${HOST}(?:${ENDINGS}|${ENDINGS.toUpperCase()})\b(?:[:/?#]\S*)?`, 'gu'),
  // Any other host, when a path says that it is one.
  new RegExp(String.raw`\b${HOST}[\p{L}]{2,24}\/[^\s/]\S*`, 'gu'),
];

/** One line of what is seen: no control characters, escape sequences or bidi overrides. */
export function plainLine(text: string): string {
  const seen = text.toWellFormed().replace(ESCAPES, '').replace(UNSEEN, '').replace(CONTROLS, ' ');
  return seen.replace(/\s+/gu, ' ').trim();
}

/** At most `limit` UTF-16 units on one line, cut between graphemes with an ellipsis. */
export function cutLine(text: string, limit: number): string {
  return clip(plainLine(text), limit);
}

/** Whether a text has in it what a reader, a mail program or markdown takes for a link or an address. */
export function hasLink(text: string): boolean {
  // Browsers read the full stop of Chinese as a dot.
  const seen = text.replace(UNSEEN, '').normalize('NFKC').replaceAll('。', '.');
  return LINKS.some((pattern) => seen.search(pattern) >= 0);
}

/** A name that somebody else wrote (a product's title, an error), as it may stand in a report. */
export function foreignText(text: string, limit: number): string {
  // Bounded before the patterns run, so that a long text costs no time.
  const line = plainLine(text.slice(0, limit * 4 + 200));
  const open = LINKS.reduce((rest, pattern) => rest.replace(pattern, '(link removed)'), line);
  // Nor may it name a fact: what is filled in is filled in once, but a text may be read again.
  return clip(open.replace(/\{\{+/g, '{').replace(/\}\}+/g, '}'), limit);
}

/** A text of one line as markdown that shows exactly it. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/[\\`*_[\]<>~|]/g, String.raw`\$&`)
    .replace(/&(?=#|\w)/g, String.raw`\&`)
    .replace(/^(?=[#+=-])/, '\\')
    .replace(/^(\d{1,9})(?=[.)])/, '$1\\');
}

/** What a model wrote as markdown, as plain words: its stars, hashes and ticks would only be shown. Placeholders stay. */
export function withoutMarks(text: string): string {
  return text
    .split(/(\{\{[^{}]{0,200}\}\})/)
    .map((part, at) =>
      at % 2 === 1
        ? part
        : part.replace(/\*\*|__|`+/g, '').replace(/(?<=^|\s)\*(?=\S)|(?<=\S)\*(?=\s|[.,;:!?]|$)/g, ''),
    )
    .join('')
    .replace(/^\s*(?:#{1,6}|[-*+>])\s+/, '');
}
