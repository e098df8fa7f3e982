import { z } from 'zod';
import { AdviceRow, AdviceState } from '../store/memory-records.ts';
import { Instant, RunId } from '../store/records.ts';
import type { MemoryGateway } from './gateway.ts';
import type { Wire } from './remote.ts';

const View = AdviceRow.omit({ status: true }).extend({ status: AdviceState, runId: RunId, at: Instant });
const ListBody = z.object({ job: z.string(), advice: z.array(View), more: z.boolean() });
const AnswerBody = z.object({ outcome: z.enum(['noted', 'unchanged']), row: View, job: z.string() });

/** The verbs of memory over the socket. */
export function remoteMemory({ call, checked, problemOf }: Wire): MemoryGateway {
  const path = (job: string): string => `/v1/jobs/${encodeURIComponent(job === '' ? ' ' : job)}/memory`;
  return {
    async list(job) {
      const given = await call('GET', path(job));
      return given.status >= 400 && given.status < 500 ? problemOf(given) : ListBody.parse(checked(given));
    },
    async answer({ job, as, key }) {
      const given = await call('POST', `${path(job)}/${encodeURIComponent(key === '' ? ' ' : key)}`, { as });
      return given.status >= 400 && given.status < 500 ? problemOf(given) : AnswerBody.parse(checked(given));
    },
  };
}
