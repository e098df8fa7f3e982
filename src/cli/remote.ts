import { request } from 'node:http';
import { z } from 'zod';
import { DependencyError, UsageError } from '../errors.ts';
import { Notice } from '../store/notice-records.ts';
import { Checked } from '../store/preflight-records.ts';
import { Delivery, Run, RunState, RunSummary } from '../store/records.ts';
import type { Gateway, ScheduleProblem } from './gateway.ts';
import { remoteMail } from './remote-mail.ts';
import { remoteMemory } from './remote-memory.ts';
import { remoteSchedules } from './remote-schedules.ts';
import { remoteTokens } from './remote-tokens.ts';

const Problem = z.object({
  code: z.string(),
  detail: z.string(),
  hint: z.string().optional(),
  issues: z.array(z.unknown()).optional(),
});
const RunBody = z.object({ run: Run, deliveries: z.array(Delivery).default([]) });
const TranscriptBody = z.object({
  transcript: z.discriminatedUnion('outcome', [
    z.object({
      outcome: z.literal('kept'),
      until: z.string(),
      entries: z.array(z.looseObject({ kind: z.enum(['request', 'answer', 'tool', 'note']) })),
    }),
    z.object({ outcome: z.literal('gone'), until: z.string() }),
    z.object({ outcome: z.literal('none') }),
  ]),
});
const ListBody = z.object({ runs: z.array(RunSummary), next: z.string().optional() });
const NoticesBody = z.object({
  notices: z.array(z.object({ notice: Notice, deliveries: z.array(Delivery) })),
  next: z.string().optional(),
});
const BackupBody = z.object({ dir: z.string(), at: z.string(), files: z.number(), bytes: z.number() });
const Seen = z.enum(['ok', 'fails', 'degrades', 'unknown']);
const PreflightBody = z.object({
  job: z.string(),
  verdict: Seen,
  places: z.array(Checked.extend({ verdict: Seen, of: z.array(z.string()) })),
  leftOut: z.number(),
});
const OutcomeBody = z.object({ outcome: z.string() });
const SubmitBody = z.object({ outcome: z.enum(['accepted', 'deduplicated']), run: Run });
const Field = z.looseObject({ name: z.string(), type: z.string(), required: z.boolean() });
const JobsBody = z.object({
  jobs: z.array(
    z.looseObject({
      name: z.string(),
      description: z.string(),
      kind: z.string(),
      fields: z.array(Field),
      file: z.string(),
    }),
  ),
  problems: z.array(z.object({ file: z.string(), reason: z.string(), hint: z.string().optional() })),
});

export interface Answer {
  status: number;
  body: unknown;
}

/** How the verbs of one kind of thing speak to the server. */
export interface Wire {
  call: (method: string, path: string, body?: unknown) => Promise<Answer>;
  /** The body of an answer that is no problem; throws what the server is to blame for. */
  checked: (answer: Answer) => unknown;
  problemOf: (answer: Answer) => ScheduleProblem;
}

const TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** Speaks to the server that holds the data folder, over the socket inside it. */
export function createRemoteGateway(socketPath: string): Gateway {
  const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
    callSocket({ socketPath, method, path, body });
  return {
    where: 'server',
    async jobs() {
      const parsed = JobsBody.parse(checked(await call('GET', '/v1/jobs')));
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same program answered: the shape of a field is its own
      return parsed as Awaited<ReturnType<Gateway['jobs']>>;
    },
    async submit(job, words) {
      return submitted(await call('POST', '/v1/runs', { job, words }));
    },
    async find(ref) {
      if (ref === '') return { outcome: 'not_found' }; // it would be the path of the list
      const answer = await call('GET', `/v1/runs/${encodeURIComponent(ref)}`);
      if (answer.status === 404) return { outcome: 'not_found' };
      if (answer.status === 409) {
        const hint = Problem.parse(answer.body).hint ?? '';
        return { outcome: 'ambiguous', ids: hint.match(/run_[0-9a-z]{26}/g) ?? [] };
      }
      return { outcome: 'found', ...RunBody.parse(checked(answer)) };
    },
    async transcript({ id }) {
      return TranscriptBody.parse(checked(await call('GET', `/v1/runs/${id}/transcript`))).transcript;
    },
    async list(query) {
      const params = new URLSearchParams();
      if (query.limit !== undefined) params.set('limit', String(query.limit));
      if (query.after !== undefined) params.set('after', query.after);
      if (query.job !== undefined) params.set('job', query.job);
      const [state] = query.states ?? [];
      if (state !== undefined) params.set('state', RunState.parse(state));
      const page = ListBody.parse(checked(await call('GET', `/v1/runs?${params.toString()}`)));
      return { items: page.runs, ...(page.next === undefined ? {} : { next: page.next }) };
    },
    schedules: remoteSchedules({ call, checked, problemOf }),
    tokens: remoteTokens({ call, checked, problemOf }),
    mail: remoteMail({ call, checked, problemOf }),
    memory: remoteMemory({ call, checked, problemOf }),
    async notices({ limit }) {
      const page = NoticesBody.parse(checked(await call('GET', `/v1/notices?limit=${limit}`)));
      return { items: page.notices, ...(page.next === undefined ? {} : { next: page.next }) };
    },
    async preflight(job) {
      const answer = await call('POST', `/v1/jobs/${encodeURIComponent(job === '' ? ' ' : job)}/preflight`);
      if (answer.status >= 400 && answer.status < 500) return problemOf(answer);
      return { outcome: 'looked', ...PreflightBody.parse(checked(answer)) };
    },
    async cancel(id) {
      const answer = await call('POST', `/v1/runs/${encodeURIComponent(id)}/cancel`);
      if (answer.status === 404) return 'not_found';
      return OutcomeBody.parse(checked(answer)).outcome === 'cancelled' ? 'cancelled' : 'already_final';
    },
    async approve(id) {
      const answer = await call('POST', `/v1/runs/${encodeURIComponent(id)}/approve`);
      if (answer.status === 404) return 'not_found';
      return OutcomeBody.parse(checked(answer)).outcome === 'approved' ? 'approved' : 'not_waiting';
    },
    async retry(id) {
      return submitted(await call('POST', `/v1/runs/${encodeURIComponent(id)}/retry`));
    },
    async remove(id) {
      const answer = await call('DELETE', `/v1/runs/${encodeURIComponent(id)}`);
      if (answer.status === 404) return 'not_found';
      checked(answer);
      return 'removed';
    },
    backup: async (dir) => BackupBody.parse(checked(await call('POST', '/v1/backup', { dir }))),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function submitted(
  answer: Answer,
): { outcome: 'accepted' | 'deduplicated'; run: Run } | { outcome: 'problem'; text: string } {
  if (answer.status < 300) return SubmitBody.parse(answer.body);
  const problem = Problem.safeParse(answer.body);
  if (!problem.success || answer.status >= 500) return SubmitBody.parse(checked(answer));
  return problemOf(answer);
}

/** The problem that a server answered, with each of its issues on a line; throws when it is none. */
function problemOf(answer: Answer): { outcome: 'problem'; text: string } {
  const { detail, hint, issues } = Problem.parse(answer.body);
  const Issue = z.object({ path: z.string(), message: z.string(), hint: z.string().optional() });
  const lines = (issues ?? []).map((raw) => {
    const issue = Issue.safeParse(raw);
    return issue.success
      ? `  ${issue.data.path || 'input'}: ${issue.data.message}${issue.data.hint ? ` – ${issue.data.hint}` : ''}`
      : '';
  });
  return {
    outcome: 'problem',
    text: [detail, ...lines, ...(hint === undefined ? [] : [hint])].filter(Boolean).join('\n'),
  };
}

function checked(answer: Answer): unknown {
  if (answer.status < 300) return answer.body;
  const problem = Problem.safeParse(answer.body);
  const detail = problem.success ? problem.data.detail : `status ${answer.status}`;
  const hint = (problem.success ? problem.data.hint : undefined) ?? 'The log of the server has more.';
  if (answer.status < 500) throw new UsageError(detail, { code: 'USAGE', hint });
  throw new DependencyError(`The server answered: ${detail}`, { code: 'SERVER_FAILED', hint });
}

/** Whether a server answers on the socket; a socket file without a listener belongs to a process that died. */
export async function serverAnswers(socketPath: string): Promise<boolean> {
  try {
    return (await callSocket({ socketPath, method: 'GET', path: '/healthz' })).status === 200;
  } catch {
    return false;
  }
}

function callSocket(ask: { socketPath: string; method: string; path: string; body?: unknown }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(
        new DependencyError('The server beside this command line did not answer', {
          code: 'SERVER_FAILED',
          hint: 'It may be stopping; try again.',
          cause: error,
        }),
      );
    const payload = ask.body === undefined ? undefined : JSON.stringify(ask.body);
    const headers =
      payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
    const req = request(
      { socketPath: ask.socketPath, method: ask.method, path: ask.path, headers, timeout: TIMEOUT_MS },
      (res) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        res.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MAX_ANSWER_BYTES) res.destroy(new Error('the answer is too large'));
          else chunks.push(chunk);
        });
        res.on('error', fail);
        res.on('end', () =>
          resolve({ status: res.statusCode ?? 500, body: jsonOrText(Buffer.concat(chunks).toString('utf8')) }),
        );
      },
    );
    req.on('timeout', () => req.destroy(new Error('no answer in time')));
    req.on('error', fail);
    req.end(payload);
  });
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
