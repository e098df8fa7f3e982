import { Destination } from '../store/destinations.ts';
import { UsageError } from '../errors.ts';
import { didYouMean } from '../suggest.ts';
import { members } from './json.ts';
import { KINDS, PLACE_FIELDS, readOptions, wrongOption } from './target-options.ts';

/**
 * Where a report goes, as a job writes it: `origin` (where it was asked), `#channel`, `C0123ABC`, `C0123ABC:1763884800.123456` (a thread),
 * `U0123ABC` (a person), `ana@example.com`, `file:reports/x.html`, `https://…` (a webhook), or a destination object. Options stand behind
 * a `?`, as in `#sales?attach=csv&onlyIf=changed` (docs/destinations.md); those of a webhook in the object alone, for the query is its own.
 */
export type Target = string | Destination;

const SLACK_ID = /^[CDGUW][A-Z0-9]{2,20}(?=$|[:?])/;
const SLACK = /^([^?]*?)(?::(\d{10}\.\d{6}))?(?:\?(.*))?$/s;
/** The first `?` behind the `@`: before it, one may be part of an address. */
const EMAIL = /^(.*@[^?]*)(?:\?(.*))?$/s;
const FILE = /^file:([^?]*)(?:\?(.*))?$/s;
const HINT = 'use origin, #channel, a Slack id, an e-mail address, https://…, or file:reports/name.html';

/** Reads a target; throws a UsageError that names it when it is none, and the option that is wrong. */
export function parseTarget(target: unknown): Destination | 'origin' {
  if (target === 'origin') return 'origin';
  const candidate = typeof target === 'string' ? fromText(target.trim()) : members(target);
  const kind = KINDS.find((one) => one === candidate?.['kind']);
  const wrong = candidate === undefined || kind === undefined ? wrongKind(candidate) : wrongOption(kind, candidate);
  if (wrong !== undefined) throw notOne(target, wrong);
  const parsed = Destination.safeParse(candidate);
  if (parsed.success) return parsed.data;
  throw notOne(target, undefined, parsed.error);
}

/** Several targets of one text, at commas; the commas of an option (`attach=csv,html`) or of an address of a webhook divide nothing. */
export function splitTargets(text: string): string[] {
  const targets: string[] = [];
  for (const piece of text.split(',').map((one) => one.trim())) {
    const last = targets.at(-1);
    if (piece === '') continue;
    if (last !== undefined && !isTargetLike(piece) && /^https?:|\?/i.test(last)) {
      targets[targets.length - 1] = `${last},${piece}`;
    } else targets.push(piece);
  }
  return targets;
}

/** Two destinations with the same key are the same place, whatever their options; a thread is another place than its channel. */
export function destinationKey(destination: Destination): string {
  switch (destination.kind) {
    case 'slack':
      return ['slack', destination.channel, ...(destination.threadTs === undefined ? [] : [destination.threadTs])].join(
        ' ',
      );
    case 'email':
      return `email ${destination.to.toLowerCase()}`;
    case 'file':
      return `file ${destination.path}`;
    case 'webhook':
      return `webhook ${destination.url}`;
    default:
      return destination satisfies never;
  }
}

function isTargetLike(text: string): boolean {
  return /^(?:#|file:|https?:\/\/|origin(?:$|\?))|@/i.test(text) || SLACK_ID.test(text);
}

function fromText(text: string): Record<string, unknown> | undefined {
  if (/^https?:\/\//i.test(text)) return { kind: 'webhook', url: text };
  if (text.startsWith('file:')) {
    const [, path, options] = FILE.exec(text) ?? [];
    return withOptions({ kind: 'file', path }, { kind: 'file', text, options });
  }
  if (text.startsWith('#') || SLACK_ID.test(text)) {
    const [, channel, threadTs, options] = SLACK.exec(text) ?? [];
    const thread = threadTs === undefined ? {} : { threadTs };
    return withOptions({ kind: 'slack', channel, ...thread }, { kind: 'slack', text, options });
  }
  const [, to, options] = EMAIL.exec(text) ?? [];
  return to === undefined ? undefined : withOptions({ kind: 'email', to }, { kind: 'email', text, options });
}

function withOptions(
  place: Record<string, unknown>,
  { kind, text, options = '' }: { kind: Destination['kind']; text: string; options: string | undefined },
): Record<string, unknown> {
  const read = readOptions(kind, options);
  if (typeof read === 'string') throw notOne(text, read);
  const taken = Object.keys(read).find((name) => PLACE_FIELDS.includes(name));
  if (taken !== undefined) throw notOne(text, `${taken} is no option`);
  return { ...place, ...read };
}

function wrongKind(candidate: Record<string, unknown> | undefined): string | undefined {
  const kind = candidate?.['kind'];
  if (typeof kind !== 'string') return undefined;
  const meant = didYouMean(kind, KINDS);
  return `kind cannot be "${kind.slice(0, 40)}";${meant === undefined ? '' : ` ${meant}`} it is one of ${KINDS.join(', ')}`;
}

function notOne(target: unknown, wrong: string | undefined, cause?: unknown): UsageError {
  const said = typeof target === 'string' ? `"${target.slice(0, 80)}"` : 'the destination object';
  const origin = typeof target === 'string' && target.trim().startsWith('origin?');
  const why = origin ? 'origin takes no options; name the place to set them' : wrong;
  const message = `${said} is not a destination${why === undefined ? '' : `: ${why}`}`;
  return new UsageError(message, { code: 'JOB_INVALID', hint: HINT, cause });
}
