import type { Bellhop } from '../main.ts';
import { describeRefusal } from '../runner/schedule-words.ts';
import type { NewScheduleRequest, Refused } from '../runner/schedules.ts';
import type { ScheduleAsked, ScheduleGateway, ScheduleProblem } from './gateway.ts';

/** The verbs of schedules where the store is open in this process; nothing that is due is begun. */
export function localSchedules(bellhop: Pick<Bellhop, 'scheduler' | 'operator' | 'loadJobs'>): ScheduleGateway {
  const { schedules } = bellhop.scheduler;
  const { operator: actor } = bellhop;
  // Without its job a schedule looks broken.
  const loaded = () => bellhop.loadJobs();
  const request = ({ words, ...asked }: ScheduleAsked): NewScheduleRequest => ({
    ...asked,
    input: words,
    as: 'words',
    actor,
  });
  return {
    async list() {
      await loaded();
      return schedules.list();
    },
    async find(ref) {
      await loaded();
      const found = await schedules.find(ref);
      return found.outcome === 'found' ? found : problem(found);
    },
    async preview(asked) {
      await loaded();
      const result = await schedules.preview(request(asked));
      return result.outcome === 'ok' ? { view: result.view } : problem(result);
    },
    async create(asked) {
      await loaded();
      const result = await schedules.create(request(asked));
      return 'view' in result ? result : problem(result);
    },
    async remove(ref) {
      await loaded();
      const result = await schedules.remove(ref, actor);
      return 'view' in result ? result : problem(result);
    },
    async pause(ref, reason) {
      const result = await schedules.pause(ref, actor, reason);
      return 'names' in result && !('ref' in result) ? result : problem(result);
    },
    async resume(ref) {
      const result = await schedules.resume(ref, actor);
      return 'names' in result && !('ref' in result) ? result : problem(result);
    },
    async snooze(ref, until) {
      await loaded();
      const result = await schedules.snooze(ref, until, actor);
      return 'view' in result ? result : problem(result);
    },
    async skip(ref) {
      await loaded();
      const result = await schedules.skipNext(ref, actor);
      return 'view' in result ? result : problem(result);
    },
    async next(ref, n) {
      await loaded();
      const result = await schedules.next(ref, n);
      return result.outcome === 'ok' ? { views: result.views } : problem(result);
    },
  };
}

function problem(refused: Refused): ScheduleProblem {
  const said = describeRefusal(refused, { jobs: 'bellhop jobs', schedules: 'bellhop schedules' });
  return { outcome: 'problem', text: `${said.problem}\n${said.hint}` };
}
