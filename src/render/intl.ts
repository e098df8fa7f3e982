/** Formatters of numbers and dates. Making one costs a hundred times what using it does, and a table uses the same one in each row. */

/** Locales and shapes that are kept: a report has few, and one of many must not fill the memory. */
const MAX_KEPT = 100;
const numbers = new Map<string, Intl.NumberFormat>();
const dates = new Map<string, Intl.DateTimeFormat>();

/** How a locale writes numbers; an unknown locale is written as en-US. */
export function numberFormat(locale: string, shape: Intl.NumberFormatOptions): Intl.NumberFormat {
  return kept(numbers, `${locale}\n${JSON.stringify(shape)}`, () =>
    first([() => new Intl.NumberFormat(locale, shape)], () => new Intl.NumberFormat('en-US', shape)),
  );
}

/** How a locale writes instants in a zone; an unknown locale is written as en-US, an unknown zone as en-US and UTC. */
export function dateFormat(locale: string, shape: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return kept(dates, `${locale}\n${JSON.stringify(shape)}`, () =>
    first(
      [() => new Intl.DateTimeFormat(locale, shape), () => new Intl.DateTimeFormat('en-US', shape)],
      () => new Intl.DateTimeFormat('en-US', { ...shape, timeZone: 'UTC' }),
    ),
  );
}

function kept<T>(made: Map<string, T>, key: string, make: () => T): T {
  const known = made.get(key);
  if (known !== undefined) return known;
  const fresh = make();
  if (made.size >= MAX_KEPT) made.clear();
  made.set(key, fresh);
  return fresh;
}

/** The first that is made without a RangeError, else the last. */
function first<T>(tries: readonly (() => T)[], last: () => T): T {
  for (const make of tries) {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return last();
}
