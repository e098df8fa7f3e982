/**
 * One part that brings files: each is uploaded unseen, then one call shares them all in the thread. Until that call nothing can be seen,
 * so everything before it may be repeated. A file that Slack does not take is named in the thread with the way to the report; it
 * does not make the delivery fail.
 */
import type { Clock } from '../../clock.ts';
import { DeliveryError, messageOf } from '../../errors.ts';
import type { FilePlan } from '../../render/file-plan.ts';
import { cutText, escapeMrkdwn, oneLine } from '../../render/format.ts';
import type { SlackFiles } from '../../render/slack/message.ts';
import { describeSubject } from '../../render/subject.ts';
import type { FileReader } from '../files.ts';
import type { SendRequest } from '../transport.ts';
import { fieldsOf } from './call.ts';
import type { Call } from './call.ts';
import { slackCode } from './errors.ts';
import type { Place } from './posts.ts';

export interface Uploads {
  readFile: FileReader;
  /** For the bytes: they go to the address that Slack names. */
  fetch: typeof globalThis.fetch;
  /** The Web API's own address, the only one that may be http: the playground's. */
  apiUrl: string;
}

/** Larger ones are not even read into an upload; the report can be had in other ways. */
const MAX_FILE_BYTES = 25 * 1024 * 1024;
const UPLOAD_TIMEOUT_MS = 60_000;
/** A file is tried again while its message is young; then the thread is told instead of kept waiting. */
const PATIENCE_MS = 300_000;
const PATIENT_ATTEMPTS = 3;
const MAX_TEXT = 3_000;

interface Deps extends Uploads {
  call: Call;
  clock: Pick<Clock, 'now' | 'after'>;
  signal: AbortSignal;
}

export interface ShareTask {
  request: Pick<SendRequest, 'delivery' | 'about' | 'previous'>;
  body: SlackFiles;
  label: string | undefined;
  place: Place;
}

interface Lost {
  name: string;
  why: string;
}

/** `text` is what the thread has to be told where nothing could be shared. */
export type ShareResult =
  { is: 'shared'; files: { id: string; name: string }[]; ts: string; degraded: string[] } | Told;
interface Told {
  is: 'untold';
  text: string;
  degraded: string[];
}

/** Uploads and shares; throws DeliveryError when the part has to be tried again, or may have arrived. */
export async function shareFiles(deps: Deps, task: ShareTask): Promise<ShareResult> {
  const { staged, lost } = await stageAll(deps, task);
  const degraded = (): string[] => lost.map(({ name, why }) => `Not attached: ${name}. ${why}`.slice(0, 500));
  if (staged.length > 0) {
    try {
      const ts = await complete(deps, task, { staged, lost });
      return { is: 'shared', files: staged.map(({ id, name }) => ({ id, name })), ts, degraded: degraded() };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      lost.push(...staged.map(({ name }) => ({ name, why: reasonOf(error) })));
    }
  }
  return { is: 'untold', text: comment(task, lost), degraded: degraded() };
}

/** The names under which the files of a part stand in Slack. */
export function fileNames(body: SlackFiles): string[] {
  return body.files.map(({ name }) => fileName(name));
}

interface Staged {
  id: string;
  name: string;
  title: string;
}

async function stageAll(deps: Deps, task: ShareTask): Promise<{ staged: Staged[]; lost: Lost[] }> {
  const staged: Staged[] = [];
  const lost: Lost[] = [];
  let refusal: unknown;
  for (const plan of task.body.files) {
    try {
      if (refusal !== undefined) throw refusal;
      staged.push(await stage(deps, plan, task));
    } catch (error) {
      if (!isRefusal(error) && !isOver(deps, task, error)) throw unseen(error);
      // The scope is missing for all of them.
      if (slackCode(error) === 'missing_scope') refusal = error;
      lost.push({ name: fileName(plan.name), why: reasonOf(error) });
    }
  }
  return { staged, lost };
}

async function stage(deps: Deps, plan: FilePlan, { request }: ShareTask): Promise<Staged> {
  const name = fileName(plan.name);
  const bytes = await deps.readFile(plan, request.about);
  if (bytes.length === 0) throw refused('It is empty.');
  if (bytes.length > MAX_FILE_BYTES) throw refused(`It has ${bytes.length} bytes, more than ${MAX_FILE_BYTES}.`);
  const what = `upload of ${name}`;
  const alt = plan.alt === undefined ? {} : { alt_txt: oneLine(plan.alt) };
  const given = await deps.call('files.getUploadURLExternal', { filename: name, length: bytes.length, ...alt }, what);
  const id = given['file_id'];
  if (typeof id !== 'string')
    throw new DeliveryError(`Slack named no file for the ${what}.`, { code: 'SLACK_UNAVAILABLE' });
  await postBytes(deps, { address: uploadAddress(given['upload_url'], deps.apiUrl), bytes, what });
  return { id, name, title: oneLine(plan.title) || name };
}

async function postBytes(deps: Deps, upload: { address: URL; bytes: Buffer; what: string }): Promise<void> {
  const { address, bytes, what } = upload;
  const late = new AbortController();
  const timer = deps.clock.after(UPLOAD_TIMEOUT_MS, () => late.abort());
  let status: number;
  try {
    const response = await deps.fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(bytes),
      // Slack does not redirect uploads, and the bytes go nowhere else.
      redirect: 'error',
      signal: AbortSignal.any([deps.signal, late.signal]),
    });
    status = response.status;
    await response.body?.cancel();
  } catch (error) {
    throw new DeliveryError(`The ${what} broke off.`, { code: 'SLACK_UNAVAILABLE', cause: error });
  } finally {
    timer.cancel();
  }
  if (status >= 200 && status < 300) return;
  const permanent = status >= 400 && status < 500 && status !== 408 && status !== 429;
  throw new DeliveryError(`The ${what} was answered with HTTP ${status}.`, {
    code: permanent ? 'SLACK_REJECTED' : 'SLACK_UNAVAILABLE',
    permanent,
  });
}

/** Only https, or the configured Web API where that is http itself: what a report holds is sent to no other place. */
function uploadAddress(url: unknown, apiUrl: string): URL {
  const address = typeof url === 'string' ? URL.parse(url) : null;
  if (address !== null && address.username === '' && address.password === '') {
    if (address.protocol === 'https:') return address;
    if (address.protocol === 'http:' && address.origin === new URL(apiUrl).origin) return address;
  }
  throw refused('Slack named an address for the upload that is not https.');
}

/** The one step that people see. */
async function complete(deps: Deps, task: ShareTask, files: { staged: Staged[]; lost: Lost[] }): Promise<string> {
  const { channel, threadTs } = task.place;
  const answer = await deps.call(
    'files.completeUploadExternal',
    {
      files: files.staged.map(({ id, title }) => ({ id, title })),
      channel_id: channel,
      ...(threadTs === undefined ? {} : { thread_ts: threadTs }),
      initial_comment: comment(task, files.lost),
    },
    `files.completeUploadExternal to ${channel}`,
  );
  return sharedTs(answer, channel) ?? threadTs ?? '';
}

/** Slack shares after it has answered, so the message is mostly not named yet; then the thread's root stands for it. */
function sharedTs(answer: Record<string, unknown>, channel: string): string | undefined {
  const [file] = Array.isArray(answer['files']) ? answer['files'].map(fieldsOf) : [];
  const shares = fieldsOf(file?.['shares']);
  for (const kind of ['public', 'private']) {
    const places = fieldsOf(shares[kind])[channel];
    const ts = Array.isArray(places) ? fieldsOf(places[0])['ts'] : undefined;
    if (typeof ts === 'string') return ts;
  }
  return undefined;
}

function comment({ request, body, label }: ShareTask, lost: readonly Lost[]): string {
  const lines = label === undefined ? [body.text] : [label, body.text];
  if (lost.length > 0) {
    const names = lost.map(({ name, why }) => `⚠️ Not attached: ${name}. ${why}`).join('\n');
    lines.push(escapeMrkdwn(cutText(names, MAX_TEXT / 2)));
    lines.push(`The whole report: \`${escapeMrkdwn(describeSubject(request.about).command)}\``);
  }
  return lines.join('\n');
}

function fileName(name: string): string {
  return oneLine(name).replaceAll(/[/\\]/g, '_') || 'file';
}

function refused(why: string): DeliveryError {
  return new DeliveryError(why, { code: 'SLACK_REJECTED', permanent: true });
}

function isRefusal(error: unknown): boolean {
  return error instanceof DeliveryError && error.permanent && !error.ambiguous;
}

/** A wait that Slack asked for is always kept; anything else only for so long. */
function isOver(deps: Deps, { request }: ShareTask, error: unknown): boolean {
  if (!(error instanceof DeliveryError) || error.code === 'SLACK_RATE_LIMITED' || deps.signal.aborted) return false;
  const since = Date.parse(request.previous.at(-1)?.at ?? request.delivery.createdAt);
  return request.delivery.attempts >= PATIENT_ATTEMPTS && deps.clock.now() - since > PATIENCE_MS;
}

function reasonOf(error: unknown): string {
  const code = slackCode(error);
  if (code === 'missing_scope')
    return 'Slack said missing_scope: install the app again with the optional scope files:write.';
  return code === undefined ? oneLine(messageOf(error)) : `Slack said ${code}.`;
}

/** Before the sharing call nothing can have arrived, whatever became of the answer. */
function unseen(error: unknown): unknown {
  if (!(error instanceof DeliveryError) || !error.ambiguous) return error;
  return new DeliveryError(`${error.message} No file was shared.`, { code: 'SLACK_UNAVAILABLE', cause: error });
}
