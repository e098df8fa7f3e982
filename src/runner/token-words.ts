/** Why nothing was done to a token, and the way out, in the words of every surface. */
import type { TokenRefused } from './tokens.ts';

/** Says it in two sentences; `list` is where the reader finds the tokens. */
export function describeTokenRefusal(
  refused: TokenRefused,
  { list }: { list: string },
): { problem: string; hint: string } {
  switch (refused.outcome) {
    case 'invalid':
      return { problem: refused.problem, hint: refused.hint };
    case 'taken':
      return {
        problem: `There is a token ${refused.name} already: ${refused.id}.`,
        hint: 'Rotate it for a new secret, or take another name.',
      };
    case 'full':
      return {
        problem: `There are ${refused.limit} live tokens, as many as Bellhop keeps.`,
        hint: 'Revoke one first.',
      };
    case 'not_found':
      return {
        problem: `There is no token ${refused.ref.slice(0, 80)}.`,
        hint:
          refused.suggestions.length > 0 ? `Did you mean ${refused.suggestions.join(', ')}?` : `${list} lists them.`,
      };
    case 'over': {
      const { name, id, state, revokedAt, expiresAt } = refused.view;
      const when = minute(revokedAt ?? expiresAt ?? '');
      return { problem: `The token ${name} (${id}) is ${state} since ${when}.`, hint: 'Create a new one.' };
    }
    case 'rotating': {
      const { view, until } = refused;
      return {
        problem: `${view.name} (${view.id}) has two live secrets; the older one works until ${minute(until)}.`,
        hint: 'Wait for that, or rotate with overlap 0: then every secret before the new one ends at once.',
      };
    }
  }
}

/** `2026-11-23 09:00 UTC` */
export function minute(instant: string): string {
  return `${instant.slice(0, 16).replace('T', ' ')} UTC`;
}
