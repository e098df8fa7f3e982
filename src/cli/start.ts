import { systemClock } from '../clock.ts';
import { environment, type Config } from '../config.ts';
import { startServer, VERSION } from '../main.ts';
import { EX_SOFTWARE, onStopSignal } from './process.ts';

/**
 * Runs the server until SIGTERM or SIGINT: the first drains (running runs may end, the rest is handed back), the second exits at once
 * and is then a crash.
 */
export async function start(config: Config): Promise<number> {
  const began = performance.now();
  const stopping = new Promise<string>((resolve) =>
    onStopSignal({ clock: systemClock }, resolve, () => process.exit(EX_SOFTWARE)),
  );
  const server = await startServer(config, { env: environment() });
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
  for (const off of config.off) log.info(off);
  for (const { file, reason } of server.bellhop.runner.problems()) log.warn('a file is no job', { file, reason });
  for (const { path, reason } of opened.quarantined) log.warn('a record was set aside', { path, reason });
  const signal = await stopping;
  log.info('draining', { signal, running: server.bellhop.runner.active() });
  await server.stop();
  log.info('stopped');
  return 0;
}
