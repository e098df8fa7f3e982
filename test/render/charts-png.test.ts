import { readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { describe, expect, test } from 'vitest';
import { encodePng } from '../../src/render/charts/encode.ts';
import { BUNDLED_FONTS, checkFonts } from '../../src/render/charts/fonts.ts';
import { createRasteriser } from '../../src/render/charts/png.ts';
import { drawChart } from '../../src/render/charts/svg.ts';
import type { ChartSection } from '../../src/store/report-sections.ts';
import { Report } from '../../src/store/report.ts';
import { labelsOf } from '../support/chart-arbitrary.ts';

const sample = Report.parse(
  JSON.parse(readFileSync(new URL('../fixtures/reports/weekly.json', import.meta.url), 'utf8')),
);
const charts = sample.sections.filter((section) => section.kind === 'chart');
const [first] = charts;
if (first === undefined) throw new Error('the sample has no chart');
const rasteriser = createRasteriser({ fontFiles: BUNDLED_FONTS });
const options = { locale: 'en-US', width: 600, theme: 'light' } as const;

/** Decoded by the decoder of resvg, which is not ours. */
function decode(png: Uint8Array): { pixels: Uint8Array; width: number; height: number } {
  const view = Buffer.from(png);
  const [width, height] = [view.readUInt32BE(16), view.readUInt32BE(20)];
  const image = `<image width="${width}" height="${height}" href="data:image/png;base64,${view.toString('base64')}"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${image}</svg>`;
  const { pixels } = new Resvg(svg, { font: { loadSystemFonts: false } }).render();
  return { pixels, width, height };
}

/** Pixels of a box (in CSS pixels of a picture twice as large) that are not the white ground. */
function inkIn(png: Uint8Array, box: { left: number; right: number; top: number; bottom: number }): number {
  const { pixels, width } = decode(png);
  let ink = 0;
  for (let y = Math.round(box.top * 2); y < box.bottom * 2; y++)
    for (let x = Math.round(box.left * 2); x < box.right * 2; x++)
      if (Math.min(...pixels.subarray((y * width + x) * 4, (y * width + x) * 4 + 3)) < 128) ink++;
  return ink;
}

describe('pictures', () => {
  test('the title and every label of the sample are written in them', async () => {
    for (const chart of charts) {
      const svg = drawChart(chart, options);
      const png = await rasteriser.png(svg, 1200);
      const labels = labelsOf(svg);
      expect(labels[0]?.text).toBe(chart.title);
      for (const label of labels) expect(inkIn(png, label), label.text).toBeGreaterThan(20);
    }
    expect(rasteriser.problem()).toBeUndefined();
  });

  test('each is under 100 kB at twice its size, even of twelve crossing lines of a year of days', async () => {
    const series = Array.from({ length: 12 }, (_, at) => ({
      name: `A shop with a long name, number ${at + 1}`,
      values: Array.from(
        { length: 365 },
        (_, day) => 100 + 50 * Math.sin(day / 9 + at) + ((day * 7919 * (at + 1)) % 31),
      ),
    }));
    const categories = Array.from({ length: 365 }, (_, day) => `day ${day + 1}`);
    const year: ChartSection = { ...first, chart: { type: 'line', categories, series } };
    for (const theme of ['light', 'dark'] as const)
      for (const chart of [...charts, year])
        expect((await rasteriser.png(drawChart(chart, { ...options, theme }), 1200)).length).toBeLessThan(100_000);
  });

  test('a second drawing is byte for byte the first, also by another rasteriser', async () => {
    const svg = drawChart(first, options);
    const one = await rasteriser.png(svg, 1200);
    expect(await rasteriser.png(svg, 1200)).toEqual(one);
    expect(await createRasteriser({ fontFiles: BUNDLED_FONTS }).png(svg, 1200)).toEqual(one);
  });

  test('pictures that are asked for at once are all drawn', async () => {
    const themes = ['light', 'dark', 'light'] as const;
    const drawn = await Promise.all(
      themes.map((theme) => rasteriser.png(drawChart(first, { ...options, theme }), 600)),
    );
    expect(drawn[0]).toEqual(drawn[2]);
    expect(drawn[0]).not.toEqual(drawn[1]);
  });

  test('none is wider than 1,600 pixels or higher than 4,000', async () => {
    expect(decode(await rasteriser.png(drawChart(first, options), 100_000)).width).toBe(1600);
    const tall = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 1000"><rect width="10" height="1000"/></svg>';
    expect(decode(await rasteriser.png(tall, 1600)).height).toBeLessThanOrEqual(4000);
  });

  test('what cannot be drawn is refused, and the next picture is drawn all the same', async () => {
    const refused = { code: 'RENDER_FAILED' };
    await expect(rasteriser.png('<svg viewBox="0 0 10 10"><rect></svg>', 100)).rejects.toMatchObject(refused);
    await expect(rasteriser.png('<svg></svg>', 100)).rejects.toMatchObject(refused);
    await expect(rasteriser.png(`<svg viewBox="0 0 1 1">${' '.repeat(4_000_000)}</svg>`, 100)).rejects.toMatchObject(
      refused,
    );
    expect((await rasteriser.png(drawChart(first, options), 600)).length).toBeGreaterThan(1_000);
    expect(rasteriser.problem()).toBeUndefined();
  });

  test('colours of up to 256 are exact; of more, the rarest become their nearest', async () => {
    const rgba = new Uint8Array(Buffer.alloc(16 * 16 * 4, 255));
    for (let at = 0; at < 256; at++) rgba.set([at, 255 - at, (at * 7) % 256], at * 4);
    expect(decode(await encodePng({ rgba, width: 16, height: 16 })).pixels).toEqual(Buffer.from(rgba));
    // Even greys six times each, and between them two hundred and fifty-six colours that come once.
    const many = new Uint8Array(Buffer.alloc(32 * 32 * 4, 255));
    for (let at = 0; at < 1024; at++) {
      const grey = 2 * (at % 128);
      many.set(at < 768 ? [grey, grey, grey] : [grey, grey + (at < 896 ? 1 : 0), grey + (at < 896 ? 0 : 1)], at * 4);
    }
    const { pixels } = decode(await encodePng({ rgba: many, width: 32, height: 32 }));
    expect(pixels.subarray(0, 768 * 4)).toEqual(Buffer.from(many.subarray(0, 768 * 4)));
    expect(Math.max(...many.map((byte, at) => Math.abs(byte - (pixels[at] ?? 0))))).toBe(1);
  });
});

describe('fonts', () => {
  test('the shipped ones are there and read', () => {
    expect(checkFonts(BUNDLED_FONTS)).toEqual({ good: [...BUNDLED_FONTS], bad: [] });
  });

  test('without any, the problem is known before the first picture, and a picture is refused', async () => {
    for (const fontFiles of [[], ['/nowhere/font.ttf']]) {
      const blind = createRasteriser({ fontFiles });
      expect(blind.problem()).toContain('no font can be read');
      await expect(blind.png(drawChart(first, options), 600)).rejects.toMatchObject({ code: 'RENDER_FAILED' });
    }
  });

  test('a file that looks like a font but writes nothing is found out by the first picture', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bellhop-fonts-'));
    const hollow = join(folder, 'hollow.ttf');
    // The header and the directory of the shipped font, and then nothing but zeros.
    const bytes = readFileSync(BUNDLED_FONTS[0] ?? '');
    await writeFile(hollow, bytes.fill(0, 12 + 16 * bytes.readUInt16BE(4)));
    const blind = createRasteriser({ fontFiles: [hollow] });
    expect(blind.problem()).toBeUndefined();
    await expect(blind.png(drawChart(first, options), 600)).rejects.toMatchObject({ code: 'RENDER_FAILED' });
    expect(blind.problem()).toContain('no font can be read');
  });

  test('what is wrong with a file is said', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bellhop-fonts-'));
    const [text, short, dir, empty] = ['text.ttf', 'short.ttf', 'dir.ttf', 'empty.ttf'].map((name) =>
      join(folder, name),
    );
    await writeFile(text ?? '', 'This is no font.\n'.repeat(100));
    await writeFile(short ?? '', readFileSync(BUNDLED_FONTS[0] ?? '').subarray(0, 10_000));
    await mkdir(dir ?? '');
    await writeFile(empty ?? '', '');
    const { good, bad } = checkFonts([text, short, dir, empty, join(folder, 'none.ttf')].map((file) => file ?? ''));
    expect(good).toEqual([]);
    expect(bad.map(({ reason }) => reason)).toEqual([
      'is no TrueType or OpenType font',
      'is a font that ends too early',
      'is no file',
      'is no TrueType or OpenType font',
      'does not exist',
    ]);
  });

  test('a bad file beside good ones is left out, and the good ones write', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bellhop-fonts-'));
    const [good, bad] = [join(folder, 'good.ttf'), join(folder, 'bad.ttf')];
    await copyFile(BUNDLED_FONTS[0] ?? '', good);
    await writeFile(bad, 'no');
    const some = createRasteriser({ fontFiles: [bad, good] });
    expect((await some.png(drawChart(first, options), 600)).length).toBeGreaterThan(1_000);
    expect(some.problem()).toBeUndefined();
  });
});
