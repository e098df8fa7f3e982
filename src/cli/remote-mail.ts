import { z } from 'zod';
import { Suppression } from '../runner/subscriptions.ts';
import type { MailGateway, MailProblem } from './gateway.ts';
import type { Answer, Wire } from './remote.ts';

const ListBody = z.object({ suppressions: z.array(Suppression), next: z.string().exactOptional() });
const OneBody = z.object({ suppression: Suppression });

const ROOT = '/v1/mail/suppressions';

/** The verbs of the suppression list over the socket. */
export function remoteMail({ call, checked, problemOf }: Wire): MailGateway {
  function one(given: Answer): { suppression: Suppression } | MailProblem {
    if (given.status >= 400 && given.status < 500) return problemOf(given);
    return OneBody.parse(checked(given));
  }
  return {
    async list({ after }) {
      const page = after === undefined ? '' : `?after=${encodeURIComponent(after)}`;
      const { suppressions, ...rest } = ListBody.parse(checked(await call('GET', `${ROOT}${page}`)));
      return { items: suppressions, ...rest };
    },
    allow: async (address) => one(await call('DELETE', `${ROOT}/${encodeURIComponent(address)}`)),
    suppress: async (address) => one(await call('POST', ROOT, { address })),
  };
}
