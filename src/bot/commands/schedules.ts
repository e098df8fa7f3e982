import { suggest } from '../../suggest.ts';
import type { Command } from '../command.ts';
import { problemView } from '../views/answers.ts';
import { quoted, type Answer } from '../views/blocks.ts';
import { nextView, schedulesView } from '../views/schedules.ts';
import type { Asked, CommandDeps } from './context.ts';
import { refusedView } from './schedule.ts';

/** `/jobs schedules [JOB]`: what is scheduled, when it comes next, and why not. */
export async function schedules(deps: CommandDeps, _asked: Asked, command: Command): Promise<Answer> {
  const ref = command.words[0] ?? command.pairs['job'];
  const all = await deps.schedules.list();
  if (ref === undefined) return schedulesView(all, undefined);
  const text = ref.toLowerCase();
  const own = all.filter(({ job, name }) => job === text || name === text);
  if (own.length > 0 || deps.runner.job(text) !== undefined) return schedulesView(own, text);
  const names = [...deps.runner.jobs().map(({ name }) => name), ...all.map(({ name }) => name)];
  const near = suggest(text, [...new Set(names)]).map((name) => `\`${name}\``);
  const hint = near.length === 0 ? '`/jobs schedules` shows all.' : `Did you mean ${near.join(' or ')}?`;
  return problemView(`${quoted(ref)} is neither a job nor a schedule.`, hint);
}

const NEXT_SHOWN = 5;

/** `/jobs next NAME or JOB [N]`: the next due times. */
export async function next(deps: CommandDeps, _asked: Asked, command: Command): Promise<Answer> {
  const [ref, many] = command.words;
  if (ref === undefined) return problemView('Which job or schedule?', '`/jobs schedules` shows them.');
  const wanted = many === undefined ? NEXT_SHOWN : Number(many);
  if (!(Number.isInteger(wanted) && wanted >= 1 && wanted <= 20)) {
    return problemView(`${quoted(many ?? '')} is no number of times.`, 'Ask for 1 to 20.');
  }
  const result = await deps.schedules.next(ref, wanted);
  if (result.outcome === 'ok') return nextView(result.views);
  if (result.outcome === 'not_found' && deps.runner.job(ref.toLowerCase()) !== undefined) {
    return schedulesView([], ref.toLowerCase());
  }
  return refusedView(result);
}
