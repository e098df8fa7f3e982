const COUNTED_KEYS = new Set(['text', 'url', 'title', 'alt_text', 'caption', 'label', 'name', 'categories']);

/** The characters (UTF-16 units) of everything that a reader of these blocks sees, link targets included. */
export function countChars(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countChars(item), 0);
  if (typeof value !== 'object' || value === null) return 0;
  let sum = 0;
  for (const [key, item] of Object.entries(value)) sum += COUNTED_KEYS.has(key) ? countText(item) : countChars(item);
  return sum;
}

function countText(value: unknown): number {
  if (typeof value === 'string') return value.length;
  return Array.isArray(value) ? value.reduce<number>((sum, item) => sum + countText(item), 0) : countChars(value);
}
