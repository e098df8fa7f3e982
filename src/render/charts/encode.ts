/**
 * PNG with a palette. A chart has a hundred colours or so, and then this is exact, at a third of the bytes that full colours take; where
 * crossing lines make more, the rarest become their nearest. PNG 3 (W3C), sections 4, 5 and 11.2.
 */
import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** The most that a palette takes first, then fewer while the picture is too large. */
const COLORS = [256, 64, 16];
const MOST_BYTES = 98_000;
const EIGHT_BITS = 8;
const INDEXED = 3;

export interface Pixels {
  /** Red, green, blue and alpha of each pixel, row by row; alpha is not looked at. */
  rgba: Uint8Array;
  width: number;
  height: number;
}

/** Under 98 kB where 16 colours reach that. */
export async function encodePng(pixels: Pixels): Promise<Buffer> {
  const colors = colorsOf(pixels);
  let png = Buffer.alloc(0);
  for (const most of COLORS) {
    png = await encodeWith(pixels, colors, most);
    if (png.length <= MOST_BYTES) break;
  }
  return png;
}

async function encodeWith(pixels: Pixels, colors: Uint32Array, most: number): Promise<Buffer<ArrayBuffer>> {
  const { palette, rows } = indexed(pixels, colors, most);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(pixels.width, 0);
  header.writeUInt32BE(pixels.height, 4);
  header[8] = EIGHT_BITS;
  header[9] = INDEXED;
  const body = await promisify(deflate)(rows, { level: 6 });
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', palette),
    chunk('IDAT', body),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

function colorsOf({ rgba, width, height }: Pixels): Uint32Array {
  const colors = new Uint32Array(width * height);
  for (let at = 0, byte = 0; at < colors.length; at++, byte += 4)
    colors[at] = ((rgba[byte] ?? 0) << 16) | ((rgba[byte + 1] ?? 0) << 8) | (rgba[byte + 2] ?? 0);
  return colors;
}

/** How often each comes. Counted by runs of one colour: most of a chart is its ground, and a look-up a pixel takes longer than drawing. */
function countColors(colors: Uint32Array): Map<number, number> {
  const counts = new Map<number, number>();
  let start = 0;
  for (let at = 1; at <= colors.length; at++) {
    const color = colors[start] ?? 0;
    if (at < colors.length && colors[at] === color) continue;
    counts.set(color, (counts.get(color) ?? 0) + at - start);
    start = at;
  }
  return counts;
}

/** The most frequent colours, and the picture as their indices, each row behind the byte that says "no filter". */
function indexed({ width, height }: Pixels, colors: Uint32Array, most: number): { palette: Buffer; rows: Buffer } {
  const kept = [...countColors(colors)].toSorted(([a, m], [b, n]) => n - m || a - b).slice(0, most);
  const palette = kept.map(([color]) => color);
  const index = new Map(palette.map((color, at) => [color, at]));
  const rows = Buffer.alloc(height * (width + 1));
  let [last, found] = [-1, 0];
  for (let y = 0, at = 0; y < height; y++) {
    const row = y * (width + 1) + 1;
    for (let x = 0; x < width; x++, at++) {
      const color = colors[at] ?? 0;
      if (color !== last) {
        found = index.get(color) ?? nearest(palette, color);
        index.set(color, found);
        last = color;
      }
      rows[row + x] = found;
    }
  }
  return { palette: Buffer.from(palette.flatMap((color) => channels(color))), rows };
}

function nearest(palette: readonly number[], color: number): number {
  const [red, green, blue] = channels(color);
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (const [at, one] of palette.entries()) {
    const [r, g, b] = channels(one);
    const distance = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
    if (distance < least) [best, least] = [at, distance];
  }
  return best;
}

function channels(color: number): [number, number, number] {
  return [color >> 16, (color >> 8) & 255, color & 255];
}
