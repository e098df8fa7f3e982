/** What is wrong with an environment whose values are each well-formed: names that nobody reads, halves of things, contradictions. */
import { agentsHalfConfigured } from './config-agents.ts';
import { suggest } from './suggest.ts';
import type { Environment } from './variables.ts';

/** A plugin's config key; which of them there are, its manifest says. */
export const PLUGIN = /^BELLHOP_PLUGIN_[A-Z0-9]+_[A-Z0-9]/;

/** A name of ours that is unknown is a mistake; one that others use too (SLACK_…, SMTP_…) only when it is nearly one of ours. */
export function unknownNames(env: Record<string, string | undefined>, known: readonly string[]): string[] {
  return [...unknownOfOurs(env, known), ...unknownOfServices(env, known)];
}

function unknownOfOurs(env: Record<string, string | undefined>, known: readonly string[]): string[] {
  return Object.keys(env)
    .filter((name) => /^(?:BELLHOP|SLACK|SMTP)_/.test(name) && !PLUGIN.test(name) && !known.includes(name))
    .flatMap((name) => {
      const [nearest] = suggest(name, known, 1);
      if (nearest === undefined) return name.startsWith('BELLHOP_') ? [`${name}: no variable has this name`] : [];
      return [`${name}: no variable has this name; did you mean ${nearest}?`];
    });
}

/** Other programs have variables of these services too: only what follows the name of the service is compared. */
function unknownOfServices(env: Record<string, string | undefined>, known: readonly string[]): string[] {
  return ['ANTHROPIC_', 'SHOPIFY_'].flatMap((service) => {
    const own = known.filter((name) => name.startsWith(service)).map((name) => name.slice(service.length));
    return Object.keys(env)
      .filter((name) => name.startsWith(service) && !known.includes(name))
      .flatMap((name) => {
        const [nearest] = suggest(name.slice(service.length), own, 1);
        return nearest === undefined ? [] : [`${name}: no variable has this name; did you mean ${service}${nearest}?`];
      });
  });
}

/** What is set without what it needs. */
export function halfConfigured(env: Environment): string[] {
  const problems: string[] = [];
  const pair = (a: keyof Environment, b: keyof Environment): void => {
    if (env[a] !== undefined && env[b] === undefined) problems.push(`${b}: is needed because ${a} is set`);
    if (env[b] !== undefined && env[a] === undefined) problems.push(`${a}: is needed because ${b} is set`);
  };
  pair('SLACK_BOT_TOKEN', 'SLACK_SIGNING_SECRET');
  pair('SMTP_URL', 'BELLHOP_MAIL_FROM');
  pair('BELLHOP_WEBHOOK_SECRET', 'BELLHOP_WEBHOOK_HOSTS');
  const dkim = ['BELLHOP_DKIM_DOMAIN', 'BELLHOP_DKIM_SELECTOR', 'BELLHOP_DKIM_KEY_FILE'] as const;
  const missing = dkim.filter((name) => env[name] === undefined);
  if (missing.length < dkim.length)
    problems.push(...missing.map((name) => `${name}: is needed because another variable of DKIM is set`));
  return [...problems, ...agentsHalfConfigured(env)];
}

/** A run that is deleted first is never packed: whoever set both meant something else. */
export function tooLate(env: Environment): string[] {
  const { BELLHOP_ARCHIVE_AFTER_DAYS: archive } = env;
  if (archive === undefined) return [];
  const names = ['BELLHOP_RETAIN_DAYS', 'BELLHOP_RETAIN_FAILED_DAYS'] as const;
  return names.flatMap((name) => {
    const retain = env[name];
    if (retain === undefined || archive < retain) return [];
    return [`BELLHOP_ARCHIVE_AFTER_DAYS: must be less than ${name}, which is ${retain}: runs are deleted before`];
  });
}
