/** How wide text will be: the font's own widths for ASCII (which numbers and most labels are), a generous guess for the rest. */
import { cutText, displayWidth, graphemeEnd } from '../format.ts';

export type Weight = 'regular' | 'bold';

/** Advance widths of U+0020 to U+007E in thousandths of the type size: the table `hmtx` of DejaVu Sans 2.37, and of its bold. */
const WIDTHS: Record<Weight, readonly number[]> = {
  regular: [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863,
    748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635,
    615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636,
    337, 636, 838,
  ],
  bold: [
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696, 696, 696,
    696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775, 637, 995,
    837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716,
    678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712,
    365, 712, 838,
  ],
};
/** Of scripts without a table: wider than most of their letters, so that what is laid out by it does not overlap. */
const GUESS = 0.82;
const WIDE_GUESS = 1.05;
const ELLIPSIS = '…';

/** The width of a line of text in units of the drawing. */
export function textWidth(text: string, size: number, weight: Weight = 'regular'): number {
  let width = 0;
  for (const char of text) width += charWidth(char, weight);
  return width * size;
}

function charWidth(char: string, weight: Weight): number {
  const known = (WIDTHS[weight][char.charCodeAt(0) - 0x20] ?? 0) / 1_000;
  if (known > 0) return known;
  if (char === ELLIPSIS) return 1;
  const columns = displayWidth(char);
  if (columns !== 1) return columns === 0 ? 0 : WIDE_GUESS;
  // An accented letter is as wide as the letter.
  const base = (WIDTHS[weight][char.normalize('NFD').charCodeAt(0) - 0x20] ?? 0) / 1_000;
  return base > 0 ? base : GUESS;
}

export interface Fitted {
  text: string;
  state: 'whole' | 'cut';
}

/** The text, cut on a grapheme with an ellipsis where it is wider than `width`; nothing where not even that fits. */
export function fitText(text: string, width: number, style: { size: number; weight?: Weight }): Fitted {
  const { size, weight = 'regular' } = style;
  if (textWidth(text, size, weight) <= width) return { text, state: 'whole' };
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (textWidth(cutText(text, middle), size, weight) <= width) low = middle;
    else high = middle - 1;
  }
  if (low < 2) return { text: '', state: 'cut' };
  return { text: cutText(text, low).replace(/\s+…$/, ELLIPSIS), state: 'cut' };
}

/** The text on at most `lines` lines, broken at spaces where there are any, the last one cut. */
export function wrapText(
  text: string,
  shape: { width: number; size: number; weight: Weight; lines: number },
): string[] {
  const { width, size, weight, lines } = shape;
  const found: string[] = [];
  let rest = text;
  while (rest !== '' && found.length < lines) {
    if (found.length === lines - 1 || textWidth(rest, size, weight) <= width) {
      found.push(fitText(rest, width, { size, weight }).text);
      break;
    }
    const end = breakAt(rest, width, { size, weight });
    found.push(rest.slice(0, end).trim());
    rest = rest.slice(end).trim();
  }
  return found.filter((line) => line !== '');
}

/** Where a line ends: after the last space that fits, else within the word. */
function breakAt(text: string, width: number, { size, weight }: { size: number; weight: Weight }): number {
  let used = 0;
  let space = 0;
  let at = 0;
  for (const char of text) {
    used += charWidth(char, weight) * size;
    if (used > width) break;
    at += char.length;
    if (char === ' ') space = at;
  }
  return space > 0 ? space : graphemeEnd(text, Math.max(1, at));
}
