/** SVG to PNG by resvg, whose library is loaded with the first picture. One picture at a time, off the event loop, bounded in size. */
import type { renderAsync, ResvgRenderOptions } from '@resvg/resvg-js';
import { DependencyError, messageOf } from '../../errors.ts';
import { encodePng } from './encode.ts';
import { BUNDLED_FONTS, checkFonts } from './fonts.ts';

export interface Rasteriser {
  /**
   * The picture, `width` pixels wide (at most 1,600).
   * @throws DependencyError RENDER_FAILED when no font can be read, or the picture is too large or cannot be drawn.
   */
  png(svg: string, width: number): Promise<Uint8Array>;
  /** Why no picture can be made, as far as it is known: no font can be read, or the library cannot be loaded. */
  problem(): string | undefined;
}

const MOST_WIDTH = 1_600;
const MOST_HEIGHT = 4_000;
const MOST_CHARACTERS = 4_000_000;
/** A chart takes some 50 ms. What takes this long is not waited for; it cannot be broken off. */
const MOST_MS = 20_000;
const HINT = `Reinstall Bellhop with its folder assets/fonts (${BUNDLED_FONTS.length} files), or set BELLHOP_FONT_FILES.`;
const PROBE =
  '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><text x="2" y="15" font-size="14" font-family="DejaVu Sans">H8</text></svg>';

type Draw = typeof renderAsync;

export function createRasteriser(options: { fontFiles: readonly string[] }): Rasteriser {
  const { good } = checkFonts(options.fontFiles);
  const font = { loadSystemFonts: false, fontFiles: good, defaultFontFamily: 'DejaVu Sans' };
  let problem = good.length === 0 ? 'no font can be read, so charts are sent as text' : undefined;
  let opening: Promise<Draw> | undefined;
  /** Loads the library and writes with the fonts once: what cannot be read it passes over in silence. */
  const open = async (): Promise<Draw> => {
    const draw = await load();
    const probe = await draw(PROBE, { font });
    if (!hasInk(probe.pixels)) throw failure('no font can be read, so charts are sent as text');
    return draw;
  };
  const opened = async (): Promise<Draw> => {
    if (problem !== undefined) throw failure(problem);
    try {
      return await (opening ??= open());
    } catch (error) {
      problem = messageOf(error);
      throw error;
    }
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    problem: () => problem,
    png(svg, width) {
      const drawn = last.then(async () => drawPng(await opened(), svg, fitTo(svg, width, font)));
      last = drawn.catch(() => undefined);
      return drawn;
    },
  };
}

/** Checks the size before anything is drawn: memory is taken by the pixel. */
function fitTo(svg: string, width: number, font: ResvgRenderOptions['font'] & object): ResvgRenderOptions {
  if (svg.length > MOST_CHARACTERS) throw failure(`a picture of ${svg.length} characters is too large`);
  const box = /^<svg [^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg);
  const [own, high] = [Number(box?.[1]), Number(box?.[2])];
  if (!(own > 0 && high > 0)) throw failure('a picture without a size cannot be drawn');
  const wide = Math.min(
    MOST_WIDTH,
    Math.max(1, Math.round(width)),
    Math.max(1, Math.floor((MOST_HEIGHT / high) * own)),
  );
  return { font, background: '#ffffff', fitTo: { mode: 'width', value: wide } };
}

async function drawPng(render: Draw, svg: string, options: ResvgRenderOptions): Promise<Uint8Array> {
  const late = AbortSignal.timeout(MOST_MS);
  const { promise: over, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(failure(`a picture was not drawn within ${MOST_MS / 1_000} s`));
  late.addEventListener('abort', stop, { once: true });
  try {
    const { pixels, width, height } = await Promise.race([render(svg, options), over]);
    return await encodePng({ rgba: pixels, width, height });
  } catch (error) {
    throw error instanceof DependencyError
      ? error
      : failure(`a picture could not be drawn: ${messageOf(error)}`, error);
  } finally {
    late.removeEventListener('abort', stop);
  }
}

async function load(): Promise<Draw> {
  try {
    return (await import('@resvg/resvg-js')).renderAsync;
  } catch (error) {
    throw failure(`the library that draws pictures could not be loaded: ${messageOf(error)}`, error);
  }
}

/** Whether anything was drawn on the transparent ground. */
function hasInk(pixels: Uint8Array): boolean {
  return pixels.some((byte, index) => index % 4 === 3 && byte > 0);
}

function failure(message: string, cause?: unknown): DependencyError {
  return new DependencyError(message, { code: 'RENDER_FAILED', hint: HINT, ...(cause === undefined ? {} : { cause }) });
}
