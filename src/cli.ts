/** The command line: the only place that prints. Reads the arguments, finds the server or opens the store, exits with a code that means something. */
import { parseArgs } from 'node:util';
import { createLocalGateway } from './cli/local.ts';
import { EXIT, type Terminal } from './cli/terminal.ts';
import { backupCommand, jobsCommand, runCommand, runsCommand } from './cli/commands.ts';
import type { Gateway } from './cli/gateway.ts';
import type { ScheduleAsk } from './cli/schedules.ts';
import { createRemoteGateway, serverAnswers } from './cli/remote.ts';
import { crashInOneLine, EX_SOFTWARE, exitFlushed, firstFrame, onStopSignal, outliveReaders } from './cli/process.ts';
import { looksOf } from './cli/looks.ts';
import { systemClock } from './clock.ts';
import { environment, loadConfig, type Config } from './config.ts';
import { BellhopError, ConfigError, DependencyError, messageOf, UsageError } from './errors.ts';
import { plainText } from './render/format.ts';
import { createScrub } from './scrub.ts';

const HELP = `Usage: bellhop COMMAND

  start                         run the server: Slack, HTTP, runner, delivery
  run JOB [key=value …] [--json]                run a job, show its progress and its report
  jobs [--json]                 list the jobs
  runs [--json]                 list the newest runs
  runs list [JOB] [STATE]       list the runs of a job, or in a state
  runs show RUN [--json]        show a run, its report and its receipts
  runs show RUN [--facts] [--transcript] [--json]
                                of an agent: where its numbers came from; what was said with the model
  runs cancel | retry RUN       stop a run; run the same again
  runs approve | deny RUN       let a run that waits for an approval start, or end it
  runs delete RUN --yes         delete a run and its report for good
  schedule JOB "mon 09:00" [key=value …] [--zone Europe/Berlin] [--to '#channel,ana@example.com'] [--name NAME] [--yes]
                                show when a job would run by itself; --yes stores it
  schedules [JOB] [--json]      list what is scheduled, and what was not run and why
  next NAME [N]                 the next times of a schedule or a job
  pause NAME [reason] | resume NAME | snooze NAME 2d | skip NAME    for all of them: all --yes
  unschedule NAME --yes         remove a schedule; its runs stay
  preflight JOB [--json]        look whether its reports could arrive; posts nothing, exit code 1 when one would not
  notices [--json]              list what was told without a run: missed times, incidents
  token create NAME [--scope read|run|manage|admin] [--jobs a,b] [--expires 90d] [--quiet]
                                make a token of the HTTP API, shown this once, alone on standard output
  token list | rotate TOKEN [--overlap 24h] | revoke TOKEN    TOKEN is an id or a name; docs/tokens.md
  mail list | allow ADDRESS | suppress ADDRESS [--json]       who gets no mail and why; let mails through again; stop them
  spend [--json]                what agents spent, and where the caps on money stand
  spend allow JOB               let the next run of an agent pass its caps, once, until the end of the day
  memory JOB [--json]           what an agent recommended, and what became of it
  memory JOB done | later | never | open KEY    answer one of it; later is not for four weeks, open takes an answer back
  backup DIR                    copy the data folder, live and consistent; to restore, copy it back
  store doctor [DIR] [--fix] [--json]           examine the data folder while no server runs; writes nothing without --fix
  store copy --from DIR --to DIR [--verify]     copy a store into a new one, resumable, and compare the two
  report preview FILE [--as slack|email|text|html|markdown|csv|json] [--width N] [--out FILE] [--json]
                                show what a job may return (a report, markdown or any JSON; - is standard input) as it would arrive
  doctor                        examine Slack, mail, jobs and the data folder; posts nothing
  manifest [--mode http|socket] [--host HOST]   print the Slack app manifest
  demo [--once]                 see it all work here, with a fake Slack and inbox
  version

RUN is an id, its last characters, or last; NAME is a schedule, or a job that has just one; --json prints JSON instead of text. Settings: docs/configuration.md.`;

// sysexits.h
const EX_UNAVAILABLE = 69;
const EX_CONFIG = 78;

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  start: [],
  run: ['json'],
  jobs: ['json'],
  runs: ['json', 'yes', 'facts', 'transcript'],
  schedule: ['json', 'yes', 'zone', 'to', 'name'],
  schedules: ['json'],
  next: ['json'],
  pause: ['json', 'yes'],
  resume: ['json', 'yes'],
  snooze: ['json'],
  skip: ['json'],
  unschedule: ['json', 'yes'],
  preflight: ['json'],
  notices: ['json'],
  token: ['json', 'quiet', 'scope', 'jobs', 'expires', 'overlap'],
  mail: ['json'],
  spend: ['json'],
  memory: ['json'],
  backup: [],
  store: ['json', 'fix', 'from', 'to', 'verify'],
  report: ['json', 'as', 'width', 'out'],
  doctor: [],
  manifest: ['mode', 'host'],
  demo: ['once'],
  version: [],
  help: [],
};

const interrupted = new AbortController();
let scrub = createScrub([]);

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals, given } = readArguments(argv);
  const [typed = 'help', ...args] = positionals;
  const command = values.help ? 'help' : typed;
  refuseStray(command, given);
  if (isOfSchedules(command)) return scheduleCommand(command, { ...values, args });
  const code = await gatewayCommand(command, { values, args, given });
  if (code !== undefined) return code;
  switch (command) {
    case 'start': {
      const { start } = await import('./cli/start.ts');
      return start(config());
    }
    case 'demo': {
      const { demo } = await import('./cli/demo.ts');
      return demo(terminal(), values.once ? 'once' : 'tour');
    }
    case 'doctor': {
      const { doctor } = await import('./cli/doctor.ts');
      return doctor(terminal(), config());
    }
    case 'report': {
      const { reportCommand } = await import('./cli/report.ts');
      return reportCommand(terminal(), { ...values, args });
    }
    case 'manifest': {
      const { manifestCommand } = await import('./cli/manifest.ts');
      return manifestCommand(terminal(), values);
    }
    case 'store': {
      const { storeCommand } = await import('./cli/store.ts');
      interruptible();
      return storeCommand({ terminal: terminal(), clock: systemClock, config }, { ...values, args }, given);
    }
    case 'version': {
      const { VERSION } = await import('./main.ts');
      console.log(`bellhop ${VERSION}, node ${process.version}`);
      return EXIT.ok;
    }
    case 'help':
      console.log(HELP);
      return EXIT.ok;
    default: {
      const { suggest } = await import('./suggest.ts');
      const [nearest] = suggest(command, Object.keys(COMMANDS), 1);
      throw new UsageError(`There is no command “${command}”`, {
        code: 'USAGE',
        hint: nearest === undefined ? 'bellhop help lists them.' : `Did you mean bellhop ${nearest}?`,
      });
    }
  }
}

type Read = ReturnType<typeof readArguments>;

/** What asks the runner, here or beside a server; undefined for every other command. */
async function gatewayCommand(
  command: string,
  { values, args, given }: Pick<Read, 'values' | 'given'> & { args: string[] },
): Promise<number | undefined> {
  switch (command) {
    case 'backup':
      return withGateway((gateway) => backupCommand(terminal(), gateway, args));
    case 'run':
      return withGateway((gateway) => runCommand(terminal(), gateway, { args, json: values.json }));
    case 'jobs':
      return withGateway((gateway) => jobsCommand(terminal(), gateway, { json: values.json }));
    case 'runs':
      return withGateway((gateway) => runsCommand(terminal(), gateway, { ...values, args }));
    case 'token': {
      const { tokenCommand } = await import('./cli/tokens.ts');
      return withGateway((gateway) => tokenCommand(terminal(), gateway, { ...values, args, given }));
    }
    case 'mail': {
      const { mailCommand } = await import('./cli/mail.ts');
      return withGateway((gateway) => mailCommand(terminal(), gateway, { args, json: values.json }));
    }
    case 'spend': {
      const { spendCommand } = await import('./cli/spend.ts');
      return withGateway((gateway) => spendCommand(terminal(), gateway, { args, json: values.json }));
    }
    case 'memory': {
      const { memoryCommand } = await import('./cli/memory.ts');
      return withGateway((gateway) => memoryCommand(terminal(), gateway, { args, json: values.json }));
    }
    case 'preflight': {
      const { preflightCommand } = await import('./cli/preflight.ts');
      return withGateway((gateway) => preflightCommand(terminal(), gateway, { args, json: values.json }));
    }
    case 'notices': {
      const { noticesCommand } = await import('./cli/notices.ts');
      return withGateway((gateway) => noticesCommand(terminal(), gateway, { args, json: values.json }));
    }
    default:
      return undefined;
  }
}

const OF_SCHEDULES = ['schedule', 'schedules', 'next', 'pause', 'resume', 'snooze', 'skip', 'unschedule'] as const;
type OfSchedules = (typeof OF_SCHEDULES)[number];

function isOfSchedules(command: string): command is OfSchedules {
  return OF_SCHEDULES.some((known) => known === command);
}

async function scheduleCommand(command: OfSchedules, ask: ScheduleAsk): Promise<number> {
  const { SCHEDULE_COMMANDS } = await import('./cli/schedules.ts');
  return withGateway((gateway) => SCHEDULE_COMMANDS[command](terminal(), gateway, ask));
}

function readArguments(argv: readonly string[]) {
  try {
    const read = parseArgs({
      args: [...argv],
      allowPositionals: true,
      tokens: true,
      options: {
        json: { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
        once: { type: 'boolean', default: false },
        facts: { type: 'boolean', default: false },
        transcript: { type: 'boolean', default: false },
        fix: { type: 'boolean', default: false },
        zone: { type: 'string' },
        to: { type: 'string' },
        name: { type: 'string' },
        quiet: { type: 'boolean', default: false },
        scope: { type: 'string' },
        jobs: { type: 'string' },
        expires: { type: 'string' },
        overlap: { type: 'string' },
        mode: { type: 'string', default: 'http' },
        host: { type: 'string', default: 'HOST' },
        as: { type: 'string' },
        width: { type: 'string' },
        out: { type: 'string' },
        from: { type: 'string' },
        verify: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return { ...read, given: read.tokens.flatMap((token) => (token.kind === 'option' ? token.name : [])) };
  } catch (error) {
    throw new UsageError(messageOf(error), { code: 'USAGE', hint: 'bellhop help lists the commands.' });
  }
}

/** An option that a command does not take is refused: one that is silently ignored is believed. */
function refuseStray(command: string, given: readonly string[]): void {
  const takes = COMMANDS[command];
  const stray = given.find((name) => name !== 'help' && takes?.includes(name) === false);
  if (stray === undefined || command === 'help') return;
  const hint = 'bellhop help shows what each command takes; settings are environment variables.';
  throw new UsageError(`bellhop ${command} takes no --${stray}`, { code: 'USAGE', hint });
}

function config(): Config {
  const settings = loadConfig(environment(), process.cwd());
  scrub = createScrub(settings.secrets);
  return settings;
}

function terminal(): Terminal {
  return {
    out: (text) => console.log(text),
    // What a job or a person wrote must not move the cursor.
    err: (text) => console.error(plainText(text)),
    ...looksOf(process.stdout, environment()),
    clock: systemClock,
    signal: interrupted.signal,
  };
}

/** A first stop signal asks the command to end; a second one ends it. */
function interruptible(): void {
  onStopSignal(
    { clock: systemClock },
    () => interrupted.abort(),
    () => process.exit(EXIT.interrupted),
  );
}

/** Uses the server that holds the data folder, else opens the folder here. */
async function withGateway(act: (gateway: Gateway) => Promise<number>): Promise<number> {
  interruptible();
  const settings = config();
  const { openBellhop, socketPath } = await import('./main.ts');
  const socket = socketPath(settings.dataDir);
  if (await serverAnswers(socket)) {
    await using gateway = createRemoteGateway(socket);
    return await act(gateway);
  }
  const bellhop = await openBellhop(
    { ...settings, logLevel: settings.logLevel === 'info' ? 'warn' : settings.logLevel },
    { env: environment() },
  );
  await using gateway = createLocalGateway(bellhop);
  return await act(gateway);
}

function codeFor(error: unknown): number {
  if (error instanceof ConfigError) return EX_CONFIG;
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof DependencyError) return EX_UNAVAILABLE;
  return EX_SOFTWARE;
}

outliveReaders();
crashInOneLine(() => scrub);
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const known = error instanceof BellhopError;
  const more = known ? error.hint && `\n${error.hint}` : ` (${firstFrame(error) ?? 'no stack'})`;
  console.error(plainText(scrub(`bellhop: ${messageOf(error)}${more ?? ''}`)));
  process.exitCode = codeFor(error);
}
await exitFlushed();
