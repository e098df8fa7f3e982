/** kill -9 under eight writers, again and again on one folder, and an audit of what the next life finds, law by law. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { messageOf } from '../src/errors.ts';
import { addEntries, newLedger } from './ledger.ts';
import type { Ledger } from './ledger.ts';
import { parseEntries } from './ledger-entries.ts';
import type { TortureResult } from './result.ts';
import { heritageOf } from './store-heritage.ts';
import { inspect } from './store-inspection.ts';
import { createFindings, LAW_NAMES, tableOf, verdictOf } from './store-laws.ts';
import type { Findings } from './store-laws.ts';

const WRITER = join(import.meta.dirname, 'store-writer.main.ts');
/** On a machine that does nothing else a start takes a tenth of a second, and a copy some. */
const HANG_GUARD_MS = 180_000;
const HARMS_SHOWN = 5;

interface Trial {
  home: string;
  life: number;
  ledger: Ledger;
  found: Findings;
}

/** How a life ends: while its store opens, while all write, when a copy was made, or while one is made. */
type Death = 'opening' | 'writing' | 'backed up' | 'backing up';

export async function tortureStore(options: { quick: boolean }): Promise<TortureResult> {
  const trials = options.quick ? 20 : 200;
  const home = await mkdtemp(join(tmpdir(), 'bellhop-torture-'));
  const ledger = newLedger();
  const found = createFindings();
  let slowestOpenMs = 0;
  let lived = 0;
  const said = new Set<string>();
  try {
    for (let life = 1; life <= trials; life++) {
      const trial = { home, life, ledger, found };
      await liveAndDie(trial);
      lived = life;
      sayHarms(trial, said);
      // After that every life would only say the same again.
      if (found.harms('opens') + found.harms('lives') > 0) break;
      // Between two audits the writers open what the kill left, and are killed again.
      if (life % 2 === 0 && life !== trials) continue;
      const depth = life % 10 === 1 || life === trials ? 'whole' : 'newest';
      slowestOpenMs = Math.max(slowestOpenMs, await inspect({ ...trial, dir: join(home, 'data'), depth }));
      if (life % 20 === 1) console.log(line(trial));
      sayHarms(trial, said);
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
  console.log(`\n${tableOf(found)}\n`);
  const { counts, checks, short } = verdictOf(found);
  if (ledger.answers === 0) short.push('nothing was acknowledged');
  return {
    torture: 'store',
    trials: lived,
    counts,
    checks,
    short,
    figures: { acknowledged: ledger.answers, slowestOpenMs },
  };
}

/** Says each new harm when it is found: a torture that is broken off has said what it saw. */
function sayHarms({ life, found }: Trial, said: Set<string>): void {
  for (const law of LAW_NAMES) {
    for (const text of found.texts(law).slice(0, HARMS_SHOWN)) {
      if (!said.has(`${law}: ${text}`)) console.log(`after life ${life}, ${law}: ${text}`);
      said.add(`${law}: ${text}`);
    }
  }
}

function line({ life, ledger, found }: Trial): string {
  const sum = (of: (law: (typeof LAW_NAMES)[number]) => number): number =>
    LAW_NAMES.reduce((all, law) => all + of(law), 0);
  return `${life} kills, ${ledger.answers} acknowledgements, ${sum((law) => found.checks(law))} checks, ${sum((law) => found.harms(law))} harms`;
}

function deathOf(life: number): Death {
  if (life % 6 === 0) return 'opening';
  if (life % 5 === 0) return 'backed up';
  return life % 20 === 13 ? 'backing up' : 'writing';
}

/** One life of the writers, killed, and what they noted. */
async function liveAndDie({ home, life, ledger, found }: Trial): Promise<void> {
  const notes = await open(join(home, `ledger-${life}`), 'a');
  const heritage = join(home, 'heritage.json');
  await writeFile(heritage, JSON.stringify(heritageOf(ledger, life)));
  const death = deathOf(life);
  const backup = death.startsWith('back') ? [join(home, `backup-${life}`)] : [];
  const args = [WRITER, join(home, 'data'), String(life), heritage, ...backup];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', notes.fd] });
  const heard = listen(child);
  try {
    await untilDeath(heard, death).catch((error: unknown) => found.check('lives', false, () => messageOf(error)));
    const diedByItself = child.exitCode !== null;
    child.kill('SIGKILL');
    await heard.exited;
    found.check('lives', !diedByItself, () => `life ${life} ended by itself: ${heard.said()}`);
  } finally {
    child.kill('SIGKILL');
    await notes.close();
  }
  const path = join(home, `ledger-${life}`);
  addEntries(ledger, parseEntries(await readFile(path, 'utf8')), found);
  await rm(path);
}

async function untilDeath(heard: Heard, death: Death): Promise<void> {
  if (death === 'opening') return systemClock.sleep(100 + Math.random() * 200);
  await Promise.race([heard.line('ready'), heard.exited]);
  if (death === 'backed up') await Promise.race([heard.line('backed up'), heard.exited]);
  // A copy is begun after some hundred milliseconds.
  const [least, most] = death === 'backing up' ? [125, 200] : [5, 405];
  await systemClock.sleep(least + Math.random() * (most - least));
}

interface Heard {
  /** Resolves when the process has printed this; rejects when that takes too long. */
  line(text: string): Promise<void>;
  exited: Promise<void>;
  said(): string;
}

function listen(child: ChildProcess): Heard {
  let said = '';
  let out = '';
  const waiting = new Set<() => void>();
  child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    for (const look of waiting) look();
  });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    exited,
    said: () => said,
    line: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (out.includes(`${text}\n`)) resolve();
        };
        waiting.add(look);
        look();
        const late = new Error(`a writer did not say "${text}" in ${HANG_GUARD_MS} ms: ${said}`);
        systemClock.after(HANG_GUARD_MS, () => reject(late));
      }),
  };
}
