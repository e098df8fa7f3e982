/** The small checks that those of blocks are made of. */

export type Fields = Record<string, unknown>;
/** Where, as a JSON pointer, and what is wrong there. */
export type Report = (pointer: string, message: string) => void;

export function checkTextObject(
  value: unknown,
  rule: { at: string; max: number; types: string[] },
  report: Report,
): void {
  const object = fieldsOf(value);
  if (!rule.types.includes(String(object['type']))) return report(rule.at, `must be ${rule.types.join(' or ')}`);
  checkLength({ value: object['text'], max: rule.max, at: `${rule.at}/text` }, report);
}

export function checkLength(rule: { value: unknown; max: number; at: string; optional?: true }, report: Report): void {
  if (rule.value === undefined && rule.optional) return;
  if (typeof rule.value !== 'string' || rule.value.length === 0) report(rule.at, 'must be a text that is not empty');
  else if (rule.value.length > rule.max) report(rule.at, `must be no more than ${rule.max} characters`);
}

export function checkList(value: unknown, rule: { at: string; min: number; max: number }, report: Report): Fields[] {
  if (!Array.isArray(value)) {
    report(rule.at, 'must be an array');
    return [];
  }
  if (value.length < rule.min || value.length > rule.max) report(rule.at, `must have ${rule.min} to ${rule.max} items`);
  return value.map(fieldsOf);
}

export function textLength(fields: Fields): number {
  return typeof fields['text'] === 'string' ? fields['text'].length : 0;
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}
