import { z } from 'zod';
import { SCOPES } from '../runner/tokens.ts';
import { Actor } from '../store/records.ts';
import type { TokenGateway, TokenProblem } from './gateway.ts';
import type { Wire } from './remote.ts';

const View = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(['live', 'expired', 'revoked']),
  scope: z.enum(SCOPES),
  jobs: z.array(z.string()).exactOptional(),
  createdAt: z.string(),
  createdBy: Actor,
  expiresAt: z.string().exactOptional(),
  revokedAt: z.string().exactOptional(),
  lastUsedAt: z.string().exactOptional(),
  secrets: z.array(z.object({ createdAt: z.string(), notAfter: z.string().exactOptional() })),
});
const ListBody = z.object({ tokens: z.array(View), bootstrap: z.enum(['set', 'unset']) });
const OneBody = z.object({ token: View });
const MadeBody = z.object({ token: View, secret: z.string() });
const RotatedBody = MadeBody.extend({ until: z.string() });

const ROOT = '/v1/tokens';

/** The verbs of tokens over the socket. */
export function remoteTokens({ call, checked, problemOf }: Wire): TokenGateway {
  async function asked<T>(
    answer: Promise<Awaited<ReturnType<Wire['call']>>>,
    body: z.ZodType<T>,
  ): Promise<T | TokenProblem> {
    const given = await answer;
    if (given.status >= 400 && given.status < 500) return problemOf(given);
    return body.parse(checked(given));
  }
  const path = (ref: string, verb = ''): string => `${ROOT}/${encodeURIComponent(ref)}${verb}`;
  return {
    list: async () => ListBody.parse(checked(await call('GET', ROOT))),
    async create(wanted) {
      const result = await asked(call('POST', ROOT, wanted), MadeBody);
      return 'outcome' in result ? result : { view: result.token, secret: result.secret };
    },
    async rotate(ref, overlap) {
      const body = overlap === undefined ? {} : { overlap };
      const result = await asked(call('POST', path(ref, '/rotate'), body), RotatedBody);
      if ('outcome' in result) return result;
      return { view: result.token, secret: result.secret, until: result.until };
    },
    async revoke(ref) {
      const result = await asked(call('DELETE', path(ref)), OneBody);
      return 'outcome' in result ? result : { view: result.token };
    },
  };
}
