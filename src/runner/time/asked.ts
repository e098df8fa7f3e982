/** Tells the zone from the due times in what a person typed without quotes: `every monday 09:00 Europe/Berlin`. */
import { readWhen } from './spec.ts';
import { checkZone } from './zone.ts';

/** `America/Argentina/Buenos Aires` and `in New York` have three words at most. */
const LONGEST_ZONE = 3;

export interface AskedTime {
  when: string;
  zone?: string;
}

/**
 * The fewest last words that leave due times before them are the zone. What is no zone, and like none, stays with the due times, so that
 * the answer names the word that is not understood.
 */
export function splitZone(words: readonly string[]): AskedTime {
  const whole = words.join(' ');
  if (readWhen(whole).ok) return { when: whole };
  for (let count = 1; count <= Math.min(LONGEST_ZONE, words.length - 1); count++) {
    const when = words.slice(0, -count).join(' ');
    if (!readWhen(when).ok) continue;
    const zone = words
      .slice(-count)
      .join(' ')
      .replace(/^(?:in|zone|tz) (?=\S)/i, '');
    if (isLikeZone(zone)) return { when, zone };
  }
  // The due times are wrong, so it is they that are to be explained.
  const last = words.at(-1) ?? '';
  return words.length > 1 && /^[A-Za-z]+\/[A-Za-z]/.test(last)
    ? { when: words.slice(0, -1).join(' '), zone: last }
    : { when: whole };
}

function isLikeZone(text: string): boolean {
  if (/^[A-Za-z_]+\/[A-Za-z]/.test(text) || /^(?:(?:utc|gmt)[+-]|[+-])\d/i.test(text)) return true;
  const read = checkZone(text);
  return read.ok || read.hint.startsWith('Did you mean');
}
