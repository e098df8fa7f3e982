import { z } from 'zod';
import type { ScheduleView } from '../runner/schedule-views.ts';
import type { ScheduleGateway, ScheduleProblem } from './gateway.ts';
import type { Answer, Wire } from './remote.ts';

const Time = z.object({ at: z.string(), note: z.enum(['absent', 'repeated']).exactOptional() });
const View = z
  .looseObject({
    name: z.string(),
    job: z.string(),
    words: z.string(),
    zone: z.string(),
    state: z.string(),
    next: z.array(Time),
  })
  .transform((view) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same program answered: the rest of the shape is its own
    return view as unknown as ScheduleView;
  });
const OneBody = z.object({ schedule: View });
const ListBody = z.object({ schedules: z.array(View) });
const MadeBody = z.object({ outcome: z.enum(['created', 'changed']), schedule: View });
const NamesBody = z.object({ outcome: z.enum(['paused', 'resumed', 'unchanged']), names: z.array(z.string()) });
const NextBody = z.object({ schedules: z.array(z.object({ schedule: View, next: z.array(Time) })) });

const ROOT = '/v1/schedules';

/** The verbs of schedules over the socket. */
export function remoteSchedules({ call, checked, problemOf }: Wire): ScheduleGateway {
  async function asked<T>(answer: Promise<Answer>, body: z.ZodType<T>): Promise<T | ScheduleProblem> {
    const given = await answer;
    if (given.status >= 400 && given.status < 500) return problemOf(given);
    return body.parse(checked(given));
  }
  async function seen(answer: Promise<Answer>): Promise<{ view: ScheduleView } | ScheduleProblem> {
    const result = await asked(answer, OneBody);
    return 'outcome' in result ? result : { view: result.schedule };
  }
  const path = (ref: string, verb = ''): string => `${ROOT}/${encodeURIComponent(ref === '' ? ' ' : ref)}${verb}`;
  return {
    list: async () => ListBody.parse(checked(await call('GET', ROOT))).schedules,
    find: (ref) => seen(call('GET', path(ref))),
    preview: (wanted) => seen(call('POST', `${ROOT}/preview`, wanted)),
    async create(wanted) {
      const result = await asked(call('POST', ROOT, wanted), MadeBody);
      return result.outcome === 'problem' ? result : { outcome: result.outcome, view: result.schedule };
    },
    remove: (ref) => seen(call('DELETE', path(ref))),
    pause: (ref, reason) => asked(call('POST', path(ref, '/pause'), { reason }), NamesBody),
    resume: (ref) => asked(call('POST', path(ref, '/resume')), NamesBody),
    snooze: (ref, until) => seen(call('POST', path(ref, '/snooze'), { until })),
    skip: (ref) => seen(call('POST', path(ref, '/skip'))),
    async next(ref, n) {
      const result = await asked(call('GET', path(ref, `/next?n=${n}`)), NextBody);
      if ('outcome' in result) return result;
      return { views: result.schedules.map(({ schedule, next }) => ({ view: schedule, next })) };
    },
  };
}
