import { describeActor } from '../../render/run.ts';
import type { Run } from '../../store/records.ts';
import { noteView } from './answers.ts';
import { safe, type Answer } from './blocks.ts';

export function alreadyDecidedView(run: Run): Answer {
  const by = run.approvedBy ?? run.cancelledBy;
  const who = by === undefined ? '' : ` by ${safe(describeActor(by))}`;
  const what =
    run.approvedBy === undefined ? (run.cancelledBy === undefined ? 'does not wait' : 'was denied') : 'was approved';
  return noteView(`\`${run.job}\` ${run.id} ${what}${who}: it is ${run.state}.`);
}
