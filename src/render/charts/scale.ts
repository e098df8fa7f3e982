/** From values to places: a range with round ticks, and how ticks and values are written. */
import { formatShort, formatUnit } from '../values.ts';

export interface Scale {
  /** 0 at the low end, 1 at the high end. */
  at(value: number): number;
  ticks: readonly { value: number; text: string }[];
  /** Where the axis lies for bars and areas; 0 where the range begins above zero. */
  zero: number;
}

export interface ScaleOptions {
  /** `zero`: bars and areas, whose length is the value; `exact`: the same without ticks; `padded`: lines, whose slope says it. */
  base: 'zero' | 'exact' | 'padded';
  ticks: number;
  unit: string | undefined;
  locale: string;
}

const PADDING = 0.08;
/** A line's range that begins this near to zero begins at zero. */
const NEAR_ZERO = 0.4;

export function createScale(values: readonly number[], options: ScaleOptions): Scale {
  const factor = factorOf(values);
  const [low, high] = rangeOf(
    values.map((value) => value * factor),
    options.base,
  );
  if (options.base === 'exact') return exactScale([low, high], factor);
  const step = niceStep((high - low) / options.ticks);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  const [bottom, span] = [first * step, (last - first) * step];
  const at = (value: number): number => Math.min(1, Math.max(0, (value * factor - bottom) / span));
  const steps = Array.from({ length: Math.min(20, last - first + 1) }, (_, index) => ((first + index) * step) / factor);
  return { at, ticks: writeTicks(steps.filter(Number.isFinite), options), zero: at(0) };
}

/** The longest bar takes all the room. */
function exactScale([low, high]: [number, number], factor: number): Scale {
  const at = (value: number): number => Math.min(1, Math.max(0, (value * factor - low) / (high - low)));
  return { at, ticks: [], zero: at(0) };
}

/** Sums of doubles near their limits are infinite, steps near zero are zero: both are drawn on a scale of their own. */
function factorOf(values: readonly number[]): number {
  const most = Math.max(0, ...values.map(Math.abs));
  if (most > 1e250) return 1e-200;
  return most > 0 && most < 1e-250 ? 1e200 : 1;
}

function rangeOf(values: readonly number[], base: ScaleOptions['base']): [number, number] {
  if (values.length === 0) return [0, 1];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (base !== 'padded') {
    const [low, high] = [Math.min(0, least), Math.max(0, most)];
    return low === high ? [0, 1] : [low, high];
  }
  // Differences in the last digits of a double cannot be drawn: they are equal values.
  const spread = most - least <= Math.abs(most) * 1e-12 ? 0 : most - least;
  const around = spread === 0 ? Math.abs(most) * 0.1 || 1 : spread * PADDING;
  const [low, high] = [least - around, most + around];
  if (least >= 0 && spread > 0 && least <= spread * NEAR_ZERO) return [0, high];
  if (most <= 0 && spread > 0 && -most <= spread * NEAR_ZERO) return [low, 0];
  return [low, high];
}

/** The next of 1, 2, 2.5, 5 and 10 times a power of ten. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const share = rough / power;
  const nice = [1, 2, 2.5, 5].find((one) => share <= one * (1 + 1e-9)) ?? 10;
  return nice * power;
}

/** Three digits, unless neighbours would read alike: then all of them. A label that still repeats is left out. */
function writeTicks(values: readonly number[], { unit, locale }: ScaleOptions): { value: number; text: string }[] {
  const clean = values.map((value) => Number(value.toPrecision(12)));
  const short = clean.map((value) => formatShort(value, unit, locale));
  const texts = new Set(short).size === short.length ? short : clean.map((value) => formatUnit(value, unit, locale));
  return clean.map((value, index) => ({ value, text: texts[index] === texts[index - 1] ? '' : (texts[index] ?? '') }));
}
