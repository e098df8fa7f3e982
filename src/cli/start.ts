import { systemClock } from '../clock.ts';
import { environment, type Config } from '../config.ts';
import { BUNDLED_FONTS, checkFonts } from '../render/charts/fonts.ts';
import { startServer, VERSION, type Bellhop, type Seams } from '../main.ts';
import { createLogLines } from './log-lines.ts';
import { EX_SOFTWARE, onStopSignal } from './process.ts';

const EX_IOERR = 74; // sysexits.h

/**
 * Runs the server until SIGTERM or SIGINT: the first drains (running runs may end, the rest is handed back), the second exits at once
 * and is then a crash.
 */
export async function start(config: Config, seams: Seams = { env: environment() }): Promise<number> {
  const began = performance.now();
  const stopping = new Promise<string>((resolve) =>
    onStopSignal({ clock: systemClock }, resolve, () => process.exit(EX_SOFTWARE)),
  );
  const lines = createLogLines({ write: (text) => void process.stderr.write(text), clock: systemClock });
  process.on('exit', lines.flush);
  const server = await startServer(config, { writeLog: lines.write, ...seams });
  const { log, opened } = server.bellhop;
  log.info('bellhop ready', {
    version: VERSION,
    node: process.version,
    address: `${config.host}:${server.port}`,
    runs: opened.runs,
    interrupted: opened.interrupted.length,
    quarantined: opened.quarantined.length,
    jobs: server.bellhop.runner.jobs().length,
    ms: Math.round(performance.now() - began),
  });
  void sayConfinement(server.bellhop);
  for (const off of config.off) log.info(off);
  sayFonts(config, server.bellhop);
  if (config.api.state === 'on' && !server.bellhop.tokens.anyLive())
    log.warn('no live API token; the API answers 500 auth misconfigured until `bellhop token create`');
  for (const { file, reason } of server.bellhop.runner.problems()) log.warn('a file is no job', { file, reason });
  for (const { path, reason } of opened.quarantined) log.warn('a record was set aside', { path, reason });
  // A failed sync leaves the disk in a state that nobody knows (PostgreSQL panics then): a new process replays what is durable.
  const watch = systemClock.every(1_000, () => {
    const health = server.bellhop.store.health();
    if (health.state !== 'failed') return;
    log.error('the data folder cannot be written any more; restart', { reason: health.reason });
    process.exit(EX_IOERR);
  });
  const signal = await stopping;
  watch.cancel();
  log.info('draining', { signal, running: server.bellhop.runner.active() });
  await server.stop();
  log.info('stopped');
  return 0;
}

function sayFonts({ fontFiles }: Config, { rasteriser, log }: Bellhop): void {
  const { bad } = checkFonts([...BUNDLED_FONTS, ...fontFiles]);
  for (const { file, reason } of bad) log.warn('a font file is left out', { file, reason });
  const problem = rasteriser.problem();
  if (problem !== undefined) log.warn(problem, { see: 'docs/configuration.md' });
}

async function sayConfinement({ confinement, log }: Bellhop): Promise<void> {
  const { name, tools, missing } = await confinement.ready();
  const more = missing.length === 0 ? {} : { missing, see: 'docs/confinement.md' };
  log.info(`jobs are confined by ${name}`, { tools, ...more });
}
