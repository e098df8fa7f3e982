/** US dollars as people read them. Money is whole micro-dollars everywhere else: sums of fractions would not come out even. */
const PER_CENT = 10_000;
const cents = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });

/** `$1,234.50`; `<$0.01` for what is less than a cent and not nothing: it was not free. */
export function formatUsd(microUsd: number): string {
  if (microUsd > 0 && microUsd < PER_CENT) return '<$0.01';
  return cents.format(Math.round(microUsd / PER_CENT) / 100);
}
