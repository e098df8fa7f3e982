import { noteView, problemView } from './answers.ts';
import type { Answer } from './blocks.ts';

const OWNERS_SHOWN = 10;

/** Who may, for a person who may not; where nobody may, how somebody is named. A mention in an answer that one person sees tells nobody. */
export function mayNotApproveView(owners: readonly string[]): Answer {
  if (owners.length === 0)
    return problemView(
      'Nobody may approve runs in Slack: no owner is named.',
      'An operator sets BELLHOP_OWNERS to Slack user ids and restarts, or types: bellhop runs approve RUN.',
    );
  return noteView(`Only ${named(owners)} may approve and deny runs.\n\`/jobs cancel\` stops a run of yours.`);
}

/** The same for money. */
export function mayNotAllowView(owners: readonly string[]): Answer {
  if (owners.length === 0)
    return problemView(
      'Nobody may allow that here.',
      'BELLHOP_OWNERS names who may; on the server, `bellhop spend allow JOB` does it.',
    );
  return noteView(`Only an owner may let a run pass its caps: ask ${named(owners)}.`);
}

/** What the configuration names are Slack user ids. */
function named(owners: readonly string[]): string {
  const ids = owners.slice(0, OWNERS_SHOWN).map((id) => `<@${id}>`);
  return `${ids.join(', ')}${owners.length > OWNERS_SHOWN ? ` and ${owners.length - OWNERS_SHOWN} more` : ''}`;
}
