import { resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { plainText } from '../render/format.ts';
import { needOf } from '../runner/fields.ts';
import { problemText } from '../runner/registry.ts';
import type { SubmitResult } from '../runner/runner.ts';
import { RunState, type RunSummary } from '../store/records.ts';
import { follow } from './follow.ts';
import type { Gateway, RunView } from './gateway.ts';
import { exitCode, showView } from './run-view.ts';
import { EXIT } from './terminal.ts';
import type { Terminal } from './terminal.ts';

export async function backupCommand(terminal: Terminal, gateway: Gateway, args: readonly string[]): Promise<number> {
  const [dir, extra] = args;
  if (dir === undefined || extra !== undefined) {
    throw new UsageError('Which folder?', {
      code: 'USAGE',
      hint: 'bellhop backup DIR, with a folder that is new or empty.',
    });
  }
  const { files, bytes, at, dir: copied } = await gateway.backup(resolve(dir));
  terminal.out(`${copied}: ${files} files, ${bytes} bytes, as of ${at}`);
  return EXIT.ok;
}

export async function runCommand(
  terminal: Terminal,
  gateway: Gateway,
  ask: { args: readonly string[]; json: boolean },
): Promise<number> {
  const [job, ...rest] = ask.args;
  if (job === undefined) throw new UsageError('Which job?', { code: 'USAGE', hint: 'bellhop jobs lists them.' });
  const submitted = await gateway.submit(job, readPairs(job, rest));
  if (!('run' in submitted)) {
    terminal.err(explainSubmit(submitted));
    return EXIT.usage;
  }
  return followOrWait(terminal, gateway, { run: submitted.run, json: ask.json });
}

/** A run that waits for an approval may wait for days: nobody is kept at the terminal for that. */
async function followOrWait(
  terminal: Terminal,
  gateway: Gateway,
  { run, json }: { run: RunView['run']; json: boolean },
): Promise<number> {
  const { id } = run;
  if (run.state !== 'waiting') return watchRun(terminal, gateway, { id, json });
  terminal.err(`${id} waits for an approval: bellhop runs approve ${id}, or bellhop runs deny ${id}`);
  if (json) terminal.out(JSON.stringify({ run, deliveries: [] }, null, 2));
  return EXIT.waiting;
}

/** Follows a run and shows its report; the exit code follows the run AND its deliveries. */
async function watchRun(terminal: Terminal, gateway: Gateway, ask: { id: string; json: boolean }): Promise<number> {
  const { id: runId, json } = ask;
  const where = gateway.where === 'server' ? ' on the server' : '';
  terminal.err(`${runId} queued${where}`);
  const view = await follow({ gateway, clock: terminal.clock, say: terminal.err, signal: terminal.signal }, runId);
  if (view === undefined) {
    if (!terminal.signal.aborted) {
      terminal.err('The run was deleted while it was watched.');
      return EXIT.runFailed;
    }
    if (gateway.where === 'here') {
      terminal.err(`${runId}: ${await gateway.cancel(runId)}`);
    } else terminal.err(`The run goes on; bellhop runs cancel ${runId} stops it.`);
    return EXIT.interrupted;
  }
  if (json) terminal.out(JSON.stringify({ run: view.run, deliveries: view.deliveries }, null, 2));
  showView(json ? { ...terminal, out: () => undefined } : terminal, view);
  return exitCode(view);
}

export async function jobsCommand(terminal: Terminal, gateway: Gateway, options: { json: boolean }): Promise<number> {
  const { jobs, problems } = await gateway.jobs();
  if (options.json) terminal.out(JSON.stringify({ jobs, problems }, null, 2));
  else if (jobs.length === 0) terminal.out('There are no jobs: put a file into the jobs folder.');
  const wide = Math.max(...jobs.map((job) => job.name.length), 0);
  for (const job of options.json ? [] : jobs) {
    terminal.out(plainText(`${job.name.padEnd(wide)}  ${job.description}`));
    for (const field of job.fields) {
      terminal.out(
        `${' '.repeat(wide)}    ${field.name}  ${field.values?.join(' | ') ?? field.type}; ${needOf(field)}`,
      );
    }
  }
  for (const problem of problems) terminal.err(problemText(problem));
  return EXIT.ok;
}

async function showRun(
  terminal: Terminal,
  gateway: Gateway,
  { view, ...ask }: { view: RunView; facts: boolean; transcript: boolean; json: boolean },
): Promise<number> {
  const { run, deliveries } = view;
  if (ask.transcript || ask.facts) {
    const { showAgentRun } = await import('./agent-run.ts');
    await showAgentRun(terminal, gateway, { run, ...ask });
  } else if (ask.json) terminal.out(JSON.stringify({ run, deliveries }, null, 2));
  else showView(terminal, view);
  return EXIT.ok;
}

/** Throws a UsageError when there is not just one. */
async function findRun(gateway: Gateway, ref: string | undefined): Promise<RunView> {
  if (ref === undefined)
    throw new UsageError('Which run?', { code: 'USAGE', hint: 'Give its id, the end of it, or last.' });
  const found = await gateway.find(ref);
  if (found.outcome === 'not_found') {
    throw new UsageError(`There is no run “${ref}”`, { code: 'RUN_UNKNOWN', hint: 'bellhop runs lists the newest.' });
  }
  if (found.outcome === 'ambiguous') {
    throw new UsageError(`More than one run ends with “${ref}”`, { code: 'RUN_AMBIGUOUS', hint: found.ids.join(', ') });
  }
  return found;
}

export async function runsCommand(
  terminal: Terminal,
  gateway: Gateway,
  ask: { args: readonly string[]; json: boolean; yes: boolean; facts?: boolean; transcript?: boolean },
): Promise<number> {
  const [verb = 'list', ref] = ask.args;
  const { facts = false, transcript = false } = ask;
  if ((facts || transcript) && verb !== 'show')
    throw new UsageError('--facts and --transcript go with runs show', {
      code: 'USAGE',
      hint: 'bellhop runs show RUN --facts',
    });
  if (verb === 'list') return listRuns(terminal, gateway, ask);
  if (!isRunVerb(verb)) {
    throw new UsageError(`runs has no verb “${verb}”`, {
      code: 'USAGE',
      hint: `It has list, ${RUN_VERBS.join(', ')}.`,
    });
  }
  const found = await findRun(gateway, ref);
  const { id } = found.run;
  if (verb === 'show') return showRun(terminal, gateway, { view: found, facts, transcript, json: ask.json });
  if (verb === 'retry') {
    const retried = await gateway.retry(id);
    if ('run' in retried && (retried.outcome === 'accepted' || retried.outcome === 'deduplicated')) {
      return followOrWait(terminal, gateway, { run: retried.run, json: ask.json });
    }
    terminal.err(explainSubmit(retried));
    return EXIT.usage;
  }
  if (verb === 'approve' || verb === 'deny') return decideRun(terminal, gateway, { ...ask, verb, run: found.run });
  if (verb === 'cancel') {
    return sayOutcome(terminal, ask, { id, outcome: await gateway.cancel(id) });
  }
  if (!ask.yes) {
    showView({ ...terminal, out: () => undefined }, found);
    throw new UsageError(`This deletes ${found.run.job} ${id} and its report for good`, {
      code: 'USAGE',
      hint: 'Say it with --yes.',
    });
  }
  return sayOutcome(terminal, ask, { id, outcome: await gateway.remove(id) });
}

const RUN_VERBS = ['show', 'cancel', 'retry', 'approve', 'deny', 'delete'] as const;

function isRunVerb(text: string): text is (typeof RUN_VERBS)[number] {
  return RUN_VERBS.some((verb) => verb === text);
}

/** `runs approve RUN`, `runs deny RUN`: lets a waiting run go on, and follows it where nobody else would execute it; or cancels it. */
async function decideRun(
  terminal: Terminal,
  gateway: Gateway,
  { verb, run, json }: { verb: 'approve' | 'deny'; run: RunView['run']; json: boolean },
): Promise<number> {
  if (run.state !== 'waiting') {
    throw new UsageError(`${run.job} ${run.id} does not wait for an approval: it is ${run.state}`, {
      code: 'USAGE',
      hint: verb === 'deny' ? 'bellhop runs cancel stops a run.' : 'bellhop runs list waiting shows those that do.',
    });
  }
  if (verb === 'deny') return sayOutcome(terminal, { json }, { id: run.id, outcome: await gateway.cancel(run.id) });
  const outcome = await gateway.approve(run.id);
  if (outcome === 'approved' && gateway.where === 'here') return watchRun(terminal, gateway, { id: run.id, json });
  return sayOutcome(terminal, { json }, { id: run.id, outcome });
}

function sayOutcome(terminal: Terminal, ask: { json: boolean }, done: { id: string; outcome: string }): number {
  if (ask.json) terminal.out(JSON.stringify(done));
  else terminal.err(`${done.id}: ${done.outcome}`);
  return EXIT.ok;
}

async function listRuns(
  terminal: Terminal,
  gateway: Gateway,
  ask: { args: readonly string[]; json: boolean },
): Promise<number> {
  const query: { job?: string; states?: RunState[]; limit: number } = { limit: 50 };
  for (const word of ask.args.slice(1)) {
    const state = RunState.safeParse(word);
    if (state.success) query.states = [state.data];
    else query.job = word;
  }
  const page = await gateway.list(query);
  if (ask.json) terminal.out(JSON.stringify(page, null, 2));
  else if (page.items.length === 0) terminal.out(ask.args.length > 1 ? 'No run fits.' : 'Nothing ran yet.');
  else terminal.out(plainText(page.items.map(runLine).join('\n')));
  if (page.next !== undefined && !ask.json) terminal.err('There are more; name a job or a state.');
  return EXIT.ok;
}

function runLine(run: RunSummary): string {
  const when = run.createdAt.slice(0, 16).replace('T', ' ');
  return `${run.id}  ${run.state.padEnd(9)}  ${when} UTC  ${run.job}  ${run.trigger} by ${run.actor.name ?? run.actor.id}${run.errorCode ? `  ${run.errorCode}` : ''}`;
}

function explainSubmit(
  result: Exclude<Awaited<ReturnType<Gateway['retry']>>, { outcome: 'accepted' }> | SubmitResult,
): string {
  switch (result.outcome) {
    case 'problem':
      return result.text;
    case 'unknown_job':
      if (result.broken !== undefined) return `There is no job “${result.name}”: ${result.broken}`;
      return `There is no job “${result.name}”. ${result.suggestions.length > 0 ? `Did you mean ${result.suggestions.join(', ')}?` : 'bellhop jobs lists them.'}`;
    case 'invalid_input':
      return [
        `The input of ${result.job.name} does not fit:`,
        ...result.issues.map(
          (issue) => `  ${issue.path || 'input'}: ${issue.message}${issue.hint ? ` – ${issue.hint}` : ''}`,
        ),
      ].join('\n');
    case 'refused':
      return `${result.reason} ${result.hint}`;
    case 'queue_full':
      return `There are ${result.limit} unfinished runs already; cancel some or wait.`;
    case 'too_large':
      return `The input is ${result.bytes} bytes; the limit is ${result.limit}.`;
    case 'unfinished':
      return `The run is still ${result.run.state}; cancel it first.`;
    case 'job_gone':
      return `The job ${result.run.job} does not exist any more.`;
    case 'not_found':
      return 'There is no such run.';
    default:
      return result.outcome;
  }
}

/** `key=value` arguments as a record; throws a UsageError for what is none, or given twice. */
export function readPairs(job: string, args: readonly string[]): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const arg of args) {
    const equals = arg.indexOf('=');
    if (equals < 1) {
      throw new UsageError(`“${arg}” is not an input of ${job}`, {
        code: 'USAGE',
        hint: 'Inputs are written key=value.',
      });
    }
    const key = arg.slice(0, equals);
    if (Object.hasOwn(pairs, key))
      throw new UsageError(`“${key}” is given twice`, { code: 'USAGE', hint: 'Give it once.' });
    Object.defineProperty(pairs, key, { value: arg.slice(equals + 1), enumerable: true });
  }
  return pairs;
}
