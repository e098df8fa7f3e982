import type { KnownBlock } from '@slack/types';
import { cutText, escapeMrkdwn, oneLine, plainText } from '../../render/format.ts';

/** What a person gets back: always with a text for screen readers and notifications. Seen by that person only. */
export interface Answer {
  text: string;
  blocks: KnownBlock[];
}

export function section(mrkdwn: string): KnownBlock {
  return { type: 'section', text: { type: 'mrkdwn', text: cutMrkdwn(mrkdwn, 3000) } };
}

export function context(mrkdwn: string): KnownBlock {
  return { type: 'context', elements: [{ type: 'mrkdwn', text: cutMrkdwn(mrkdwn, 2000) }] };
}

export function header(text: string): KnownBlock {
  return { type: 'header', text: { type: 'plain_text', text: cutText(plainText(text), 150), emoji: true } };
}

/** Text of a person or a job as mrkdwn: it mentions nobody, links nowhere, and turns nothing around. */
export function safe(text: string): string {
  return escapeMrkdwn(plainText(text));
}

/** A word that was typed, as an answer repeats it: on one line, and short enough to leave room for the way out. */
export function quoted(word: string): string {
  return `“${cutText(oneLine(word), 80)}”`;
}

/** Cuts escaped text, saying so, and leaves no half of an escape behind. */
export function cutMrkdwn(mrkdwn: string, max: number): string {
  return cutText(mrkdwn, max).replace(/&[a-z]{0,3}…$/, '…');
}

const SECTION_BUDGET = 2_900; // a section takes 3,000 characters

/** Lines in as few sections as hold them. */
export function paged(lines: readonly string[]): KnownBlock[] {
  const pages: string[] = [];
  for (const line of lines) {
    const last = pages.at(-1);
    if (last !== undefined && last.length + line.length + 1 <= SECTION_BUDGET)
      pages[pages.length - 1] = `${last}\n${line}`;
    else pages.push(cutMrkdwn(line, SECTION_BUDGET));
  }
  return pages.map(section);
}
