/** Every route of the HTTP API, for tests that go over all of them. A route that is mounted and missing here makes one of them red. */
export interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  /** As it is mounted. */
  path: string;
}

const route = (text: string): Route => {
  const [, method = '', path = ''] = /^(GET|POST|DELETE) (\/\S*)$/.exec(text) ?? [];
  if (method !== 'GET' && method !== 'POST' && method !== 'DELETE') throw new Error(`no route: ${text}`);
  return { method, path };
};

export const ROUTES: readonly Route[] = [
  'GET /healthz',
  'GET /readyz',
  'GET /health',
  'GET /unsubscribe',
  'POST /unsubscribe',
  'GET /__cron/run/status',
  'GET /__cron/run/:task',
  'GET /v1/jobs',
  'POST /v1/jobs/:name/preflight',
  'GET /v1/jobs/:name/memory',
  'POST /v1/jobs/:name/memory/:key',
  'POST /v1/runs',
  'GET /v1/runs',
  'GET /v1/runs/:ref',
  'GET /v1/runs/:id/transcript',
  'POST /v1/runs/:id/cancel',
  'POST /v1/runs/:id/approve',
  'POST /v1/runs/:id/retry',
  'DELETE /v1/runs/:id',
  'GET /v1/schedules',
  'POST /v1/schedules/preview',
  'POST /v1/schedules',
  'GET /v1/schedules/:ref',
  'GET /v1/schedules/:ref/next',
  'DELETE /v1/schedules/:ref',
  'POST /v1/schedules/:ref/pause',
  'POST /v1/schedules/:ref/resume',
  'POST /v1/schedules/:ref/snooze',
  'POST /v1/schedules/:ref/skip',
  'POST /v1/schedules/:ref/run',
  'GET /v1/notices',
  'POST /v1/backup',
  'POST /run',
  'POST /jobs',
  'GET /jobs',
  'GET /jobs/:id',
  'DELETE /jobs/:id',
  'POST /trigger/:plugin/:command',
  'POST /v1/queues/:name/process',
  'POST /v1/deliveries/process',
  'GET /v1/tokens',
  'POST /v1/tokens',
  'POST /v1/tokens/:ref/rotate',
  'DELETE /v1/tokens/:ref',
  'GET /v1/mail/suppressions',
  'POST /v1/mail/suppressions',
  'DELETE /v1/mail/suppressions/:address',
].map(route);
