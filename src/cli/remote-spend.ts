import { z } from 'zod';
import type { SpendGateway } from './gateway.ts';
import type { Wire } from './remote.ts';

const Standing = z.object({
  scope: z.enum(['job', 'day', 'month']),
  job: z.string().exactOptional(),
  window: z.string(),
  used: z.number(),
  held: z.number(),
  cap: z.number().nullable(),
  monthUsed: z.number().exactOptional(),
  until: z.string(),
});
const ViewBody = z.object({ timeZone: z.string(), pricesAsOf: z.string(), standing: z.array(Standing) });
const AllowBody = z.object({ outcome: z.enum(['allowed', 'already_allowed']), job: z.string(), until: z.string() });

/** The verbs of money over the socket. */
export function remoteSpend({ call, checked, problemOf }: Wire): SpendGateway {
  return {
    view: async () => ViewBody.parse(checked(await call('GET', '/v1/spend'))),
    async allow(job) {
      const answer = await call('POST', '/v1/spend/allow', { job });
      if (answer.status >= 400 && answer.status < 500) return problemOf(answer);
      return AllowBody.parse(checked(answer));
    },
  };
}
