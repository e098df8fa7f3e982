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
  const body = await promisify(deflate)(rows, { level: 9 });
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
  for (let at = 0; at < colors.length; at++)
    colors[at] = ((rgba[4 * at] ?? 0) << 16) | ((rgba[4 * at + 1] ?? 0) << 8) | (rgba[4 * at + 2] ?? 0);
  return colors;
}

/** The most frequent colours, and the picture as their indices, each row behind the byte that says "no filter". */
function indexed({ width, height }: Pixels, colors: Uint32Array, most: number): { palette: Buffer; rows: Buffer } {
  const counts = new Map<number, number>();
  for (const color of colors) counts.set(color, (counts.get(color) ?? 0) + 1);
  const kept = [...counts].toSorted(([a, m], [b, n]) => n - m || a - b).slice(0, most);
  const palette = kept.map(([color]) => color);
  const index = new Map(palette.map((color, at) => [color, at]));
  const rows = Buffer.alloc(height * (width + 1));
  for (const [at, color] of colors.entries()) {
    let found = index.get(color);
    if (found === undefined) {
      found = nearest(palette, color);
      index.set(color, found);
    }
    rows[Math.floor(at / width) * (width + 1) + 1 + (at % width)] = found;
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
