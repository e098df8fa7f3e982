/** The server on a data folder whose disk fails after the start. */
import { start } from '../../src/cli/start.ts';
import { environment, loadConfig } from '../../src/config.ts';

const broken = { state: 'failed', reason: 'EIO', unfinished: 0, quarantined: 0 } as const;

await start(loadConfig(environment(), process.cwd()), { wrapStore: (store) => ({ ...store, health: () => broken }) });
