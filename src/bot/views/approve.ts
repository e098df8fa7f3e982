import { describeActor } from '../../render/run.ts';
import type { Run } from '../../store/records.ts';
import { noteView, problemView } from './answers.ts';
import { safe, type Answer } from './blocks.ts';

const OWNERS_SHOWN = 10;

/** Who may, for a person who may not; where nobody may, how somebody is named. A mention in an answer that one person sees tells nobody. */
export function mayNotView(owners: readonly string[]): Answer {
  if (owners.length === 0)
    return problemView(
      'Nobody may approve runs in Slack: no owner is named.',
      'An operator sets BELLHOP_OWNERS to Slack user ids and restarts, or types: bellhop runs approve RUN.',
    );
  const named = owners.slice(0, OWNERS_SHOWN).map((id) => (/^[UW][A-Z0-9]+$/.test(id) ? `<@${id}>` : safe(id)));
  const more = owners.length > OWNERS_SHOWN ? ` and ${owners.length - OWNERS_SHOWN} more` : '';
  return noteView(`Only ${named.join(', ')}${more} may approve and deny runs.\n\`/jobs cancel\` stops a run of yours.`);
}

export function alreadyDecidedView(run: Run): Answer {
  const by = run.approvedBy ?? run.cancelledBy;
  const who = by === undefined ? '' : ` by ${safe(describeActor(by))}`;
  const what =
    run.approvedBy === undefined ? (run.cancelledBy === undefined ? 'does not wait' : 'was denied') : 'was approved';
  return noteView(`\`${run.job}\` ${run.id} ${what}${who}: it is ${run.state}.`);
}
