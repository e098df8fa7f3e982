/** Who asks, as the door leaves it: named by the test instead of being admitted. */
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../../src/api/runs.ts';

type Principal = ApiEnv['Variables']['principal'];

const token = (id: string, scope: Principal['scope']): Principal => ({ actor: { kind: 'token', id }, scope });

export const PRINCIPALS = {
  operator: { actor: { kind: 'operator', id: 'ops@here' }, scope: 'admin' },
  admin: token('admin', 'admin'),
  manage: token('manage', 'manage'),
  run: token('run', 'run'),
  read: token('read', 'read'),
  /** May do what manage may, with the job `fate` alone. */
  fate: { ...token('fate', 'manage'), jobs: ['fate'] },
  /** Its one job is not there; `other` has nearly that name. */
  gone: { ...token('gone', 'manage'), jobs: ['others'] },
  nothing: { ...token('nothing', 'manage'), jobs: [] },
} satisfies Record<string, Principal>;
export type Who = keyof typeof PRINCIPALS;

const isWho = (name: string): name is Who => Object.hasOwn(PRINCIPALS, name);

/** Lets in whom the header `x-who` names; else the operator. */
export function letIn(): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const name = c.req.header('x-who') ?? '';
    const principal: Principal = PRINCIPALS[isWho(name) ? name : 'operator'];
    c.set('principal', principal);
    c.set('actor', principal.actor);
    return next();
  };
}
