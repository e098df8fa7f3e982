/** `bellhop store doctor`: examines a data folder that no server holds. */
import { resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { createLog } from '../log.ts';
import { VERSION } from '../main.ts';
import { plainText } from '../render/format.ts';
import { createScrub } from '../scrub.ts';
import { inspectStore } from '../store/open.ts';
import { EXIT } from './terminal.ts';
import type { StoreCommandDeps, StoreWords } from './store.ts';
import { verdictLines } from './store-verdict.ts';

const SOMETHING_TO_DO = 1;
const PROGRESS_MS = 2_000;

/** Exit code 0: sound; 1: something is to be done. */
export async function storeDoctor({ terminal, config }: StoreCommandDeps, ask: StoreWords): Promise<number> {
  const settings = config();
  const [dir = settings.dataDir, extra] = ask.args;
  if (extra !== undefined) {
    throw new UsageError('One folder at a time', {
      code: 'USAGE',
      hint: 'bellhop store doctor [DIR] [--fix] [--json]',
    });
  }
  const { clock, signal } = terminal;
  const log = createLog(
    { write: (line) => terminal.err(line.trimEnd()), scrub: createScrub(settings.secrets), clock },
    'error',
  );
  let saidAt = clock.monotonic();
  try {
    const { verdict, mended } = await inspectStore(
      { backend: 'lowdb', dir: resolve(dir) },
      // What a fix sets aside is said once, by the fix itself.
      { clock, log: ask.fix ? { ...log, error: () => undefined } : log, version: VERSION },
      {
        fix: ask.fix,
        signal,
        progress({ what, looked }) {
          if (clock.monotonic() - saidAt < PROGRESS_MS) return;
          saidAt = clock.monotonic();
          terminal.err(`… ${looked.toLocaleString('en-US')} looked at, now ${plainText(what)}`);
        },
        say: (line) => terminal.err(`fix  ${plainText(line)}`),
      },
    );
    const last = mended?.after ?? verdict;
    if (ask.json)
      terminal.out(
        JSON.stringify(
          mended === undefined ? verdict : { ...last, mended: { done: mended.done, before: verdict } },
          null,
          2,
        ),
      );
    else
      for (const line of verdictLines(last, { before: mended === undefined ? undefined : verdict }))
        terminal.out(plainText(line));
    return last.sound ? EXIT.ok : SOMETHING_TO_DO;
  } catch (error) {
    if (!signal.aborted) throw error;
    terminal.err('Broken off; nothing more was looked at.');
    return EXIT.interrupted;
  }
}
