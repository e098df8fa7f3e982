/**
 * What of a report stands in a mail of limited size. Mail programs cut longer mails without saying so (Gmail near 102 kB), so what does
 * not fit is left out here, whole items at a time, and said: first what is only detail, then the ends of the longest sections.
 */

/** A part that is shown whole, or as its first so many items. */
export interface Piece {
  items: number;
  /** With `items` as its greatest; 0 is nothing. */
  html(items: number): string;
}

export interface Chapter {
  /** As it is called where it is said to stand elsewhere. */
  name: string;
  priority: 'summary' | 'detail';
  /** Markup; may be empty. */
  title: string;
  pieces: readonly Piece[];
}

export interface Fitted {
  /** Empty when nothing of it is shown. */
  html: string;
  /** How many items of each piece are shown. */
  shown: number[];
  whole: boolean;
}

/** The chapters within so many bytes; a chapter that is cut ends with `more`. */
export function fitChapters(chapters: readonly Chapter[], room: number, more = ''): Fitted[] {
  const all = chapters.map(wholeChapter);
  const sizes = all.map(({ html }) => bytes(html));
  if (sum(sizes) <= room) return all;
  const summary = sizes.map((size, at) => (chapters[at]?.priority === 'detail' ? 0 : size));
  const parts = shares(summary, room);
  const fitted = chapters.map((chapter, at): Fitted => {
    if (chapter.priority === 'detail') return none(chapter);
    const size = parts[at] ?? 0;
    const whole = all[at];
    return whole !== undefined && size >= bytes(whole.html) ? whole : cutChapter(chapter, size, more);
  });
  let left = room - sum(fitted.map(({ html }) => bytes(html)));
  return fitted.map((one, at) => {
    const whole = all[at];
    const size = sizes[at] ?? 0;
    if (chapters[at]?.priority !== 'detail' || whole === undefined || size > left) return one;
    left -= size;
    return whole;
  });
}

/** Everything, for a page without a limit. */
export function wholeChapter(chapter: Chapter): Fitted {
  const shown = chapter.pieces.map(({ items }) => items);
  const html = chapter.pieces.map((piece) => piece.html(piece.items));
  return { html: [chapter.title, ...html].join('\n'), shown, whole: true };
}

export function bytes(text: string): number {
  return Buffer.byteLength(text);
}

/** As much from the beginning as fits; nothing when that is no more than the title. */
function cutChapter(chapter: Chapter, room: number, more: string): Fitted {
  let left = room - bytes(chapter.title) - bytes(more) - 2;
  const shown = chapter.pieces.map(() => 0);
  const html: string[] = [];
  for (const [at, piece] of chapter.pieces.entries()) {
    const items = mostItems(piece, left);
    const part = items === 0 ? '' : piece.html(items);
    shown[at] = items;
    if (part !== '') html.push(part);
    left -= bytes(part) + 1;
    if (items < piece.items) break;
  }
  if (html.length === 0) return none(chapter);
  return { html: [chapter.title, ...html, more].join('\n'), shown, whole: false };
}

function none(chapter: Chapter): Fitted {
  return { html: '', shown: chapter.pieces.map(() => 0), whole: false };
}

/** The greatest number of items within the room, found by halving: more items are never shorter. */
function mostItems(piece: Piece, room: number): number {
  if (bytes(piece.html(piece.items)) <= room) return piece.items;
  let low = 0;
  let high = piece.items;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (bytes(piece.html(middle)) <= room) low = middle;
    else high = middle;
  }
  return low;
}

/** Room for each: those that need little get it, the others share what is left. */
function shares(sizes: readonly number[], room: number): number[] {
  const order = sizes.map((size, at) => ({ size, at })).sort((a, b) => a.size - b.size);
  const parts = sizes.map(() => 0);
  let left = Math.max(0, room);
  order.forEach(({ size, at }, done) => {
    const part = Math.min(size, Math.floor(left / (order.length - done)));
    parts[at] = part;
    left -= part;
  });
  return parts;
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}
