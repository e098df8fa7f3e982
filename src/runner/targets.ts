import { Destination } from '../store/destinations.ts';
import { UsageError } from '../errors.ts';

/**
 * Where a report goes, as a job writes it: `origin` (where it was asked), `#channel`, `C0123ABC`, `ana@example.com`,
 * `file:reports/x.html`, or a destination object.
 */
export type Target = string | Destination;

const SLACK_ID = /^[CDGUW][A-Z0-9]{2,20}$/;

/** Reads a target; throws a UsageError that names it when it is none. */
export function parseTarget(target: unknown): Destination | 'origin' {
  if (target === 'origin') return 'origin';
  const candidate = typeof target === 'string' ? fromText(target.trim()) : target;
  const parsed = Destination.safeParse(candidate);
  if (parsed.success) return parsed.data;
  const shown = typeof target === 'string' ? `"${target.slice(0, 80)}"` : 'the destination object';
  throw new UsageError(`${shown} is not a destination`, {
    code: 'JOB_INVALID',
    hint: 'use origin, #channel, a Slack id, an e-mail address, or file:reports/name.html',
    cause: parsed.error,
  });
}

function fromText(text: string): unknown {
  if (text.startsWith('file:')) return { kind: 'file', path: text.slice('file:'.length) };
  if (text.startsWith('#') || SLACK_ID.test(text)) return { kind: 'slack', channel: text };
  return text.includes('@') ? { kind: 'email', to: text } : undefined;
}

/** Two destinations with the same key are the same place. */
export function destinationKey(destination: Destination): string {
  switch (destination.kind) {
    case 'slack':
      return `slack ${destination.channel}`;
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
