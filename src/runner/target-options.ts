/** How a report is wanted at a place: which options each kind of destination takes, and what is wrong with those that are given. */
import { z } from 'zod';
import { didYouMean } from '../suggest.ts';
import { Destination } from '../store/destinations.ts';

type Kind = Destination['kind'];

export const KINDS: readonly Kind[] = ['slack', 'email', 'file', 'webhook'];
const NAMES: Record<Kind, string> = {
  slack: 'a Slack destination',
  email: 'an e-mail destination',
  file: 'a file destination',
  webhook: 'a webhook destination',
};
/** What says where, not how. */
export const PLACE_FIELDS: readonly string[] = ['kind', 'channel', 'threadTs', 'to', 'path', 'url'];

interface Allowed {
  values: readonly string[];
  form: 'one' | 'list' | 'switch';
}

/** The options of a kind and their values, as the schema has them. */
function optionsOf(kind: Kind): Map<string, Allowed> {
  const schema = Destination.options.find((one) => one.shape.kind.value === kind);
  const fields = Object.entries(schema?.shape ?? {}).filter(([name]) => !PLACE_FIELDS.includes(name));
  return new Map(fields.map(([name, field]) => [name, allowedOf(field)]));
}

function allowedOf(field: unknown): Allowed {
  if (field instanceof z.ZodExactOptional) return allowedOf(field.unwrap());
  if (field instanceof z.ZodArray) return { ...allowedOf(field.element), form: 'list' };
  if (field instanceof z.ZodEnum) return { values: field.options.map(String), form: 'one' };
  return { values: ['true', 'false'], form: 'switch' };
}

/** The options behind the `?` of a target as fields of a destination; a text says what is wrong with them. */
export function readOptions(kind: Kind, text: string): Record<string, unknown> | string {
  const known = optionsOf(kind);
  const read = new Map<string, unknown>();
  for (const pair of text.split('&').filter((one) => one !== '')) {
    const at = pair.indexOf('=');
    const name = at < 0 ? pair : pair.slice(0, at);
    const value = at < 0 ? 'true' : pair.slice(at + 1);
    if (read.has(name)) return `${name} is given twice`;
    const form = known.get(name)?.form;
    if (form === 'list') read.set(name, [...new Set(value.split(',').filter((one) => one !== ''))]);
    else if (form === 'switch' && (value === 'true' || value === 'false')) read.set(name, value === 'true');
    else read.set(name, at < 0 && form === 'one' ? '' : value);
  }
  return Object.fromEntries(read);
}

/** What is wrong with the options of a destination object: the first wrong one by name, with what it may be; undefined: nothing. */
export function wrongOption(kind: Kind, given: Record<string, unknown>): string | undefined {
  const known = optionsOf(kind);
  const place = placeFields(kind);
  for (const [name, value] of Object.entries(given)) {
    if (place.includes(name)) continue;
    const allowed = known.get(name);
    if (allowed === undefined) return unknownOption(kind, name, [...known.keys()]);
    const wrong = wrongValue(allowed, value);
    if (wrong !== undefined) return `${name} ${wrong}`;
  }
  return undefined;
}

function placeFields(kind: Kind): string[] {
  const schema = Destination.options.find((one) => one.shape.kind.value === kind);
  return Object.keys(schema?.shape ?? {}).filter((name) => PLACE_FIELDS.includes(name));
}

function unknownOption(kind: Kind, name: string, known: readonly string[]): string {
  const meant = didYouMean(name, known);
  const near = meant === undefined ? '' : ` ${meant}`;
  return `${shown(name)} is no option of ${NAMES[kind]};${near} it takes ${known.join(', ')}`;
}

function wrongValue({ values, form }: Allowed, value: unknown): string | undefined {
  const asked = `it takes ${values.join(', ')}`;
  if (form === 'switch') return typeof value === 'boolean' ? undefined : `cannot be ${shown(value)}; ${asked}`;
  if (form === 'list' && !Array.isArray(value)) return `must be a list; ${asked}`;
  const given: unknown[] = form === 'list' && Array.isArray(value) ? value : [value];
  if (given.length === 0) return `names nothing; ${asked}`;
  const wrong = given.find((one) => typeof one !== 'string' || !values.includes(one));
  if (wrong === undefined) return undefined;
  const meant = typeof wrong === 'string' ? didYouMean(wrong, values) : undefined;
  return `cannot be ${shown(wrong)};${meant === undefined ? '' : ` ${meant}`} ${asked}`;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `"${value.slice(0, 40)}"` : typeof value;
}
