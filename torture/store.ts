/** kill -9 under eight writers, again and again on one folder, and an audit of what the next life finds. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { messageOf } from '../src/errors.ts';
import { createIds } from '../src/ids.ts';
import { silentLog } from '../src/log.ts';
import { openStore } from '../src/store/open.ts';
import { addEntries, newLedger, parseEntries, unansweredOf } from './ledger.ts';
import type { Ledger } from './ledger.ts';
import type { TortureResult } from './result.ts';
import { addFindings, auditAnswers, auditWhole, noFindings } from './store-audit.ts';
import type { Findings } from './store-audit.ts';

const WRITER = join(import.meta.dirname, 'store-writer.main.ts');
const READY_GUARD_MS = 30_000;

interface Trial {
  home: string;
  life: number;
  ledger: Ledger;
}

export async function tortureStore(options: { quick: boolean }): Promise<TortureResult> {
  const trials = options.quick ? 20 : 200;
  const home = await mkdtemp(join(tmpdir(), 'bellhop-torture-'));
  const ledger = newLedger();
  const sum = noFindings();
  const failedOpens: string[] = [];
  let slowestOpenMs = 0;
  try {
    for (let life = 1; life <= trials; life++) {
      await liveAndDie({ home, life, ledger });
      // Between two audits the writers open what the kill left, and are killed again.
      if (life % 2 === 0 && life !== trials) continue;
      const { ms, findings, failure } = await audit({ home, life, ledger }, life % 10 === 1 || life === trials);
      slowestOpenMs = Math.max(slowestOpenMs, ms);
      addFindings(sum, findings);
      if (failure !== undefined) failedOpens.push(failure);
      if (life % 25 === 0 || failure !== undefined) console.log(line(life, { ledger, sum, failedOpens }));
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
  console.log(line(trials, { ledger, sum, failedOpens }));
  const all: Record<string, string[]> = { ...sum, failedOpens };
  for (const [kind, found] of Object.entries(all)) for (const one of found.slice(0, 5)) console.log(`${kind}: ${one}`);
  const counts = Object.fromEntries(Object.entries(all).map(([kind, found]) => [kind, found.length]));
  const short = Object.entries(all).flatMap(([kind, found]) => (found.length === 0 ? [] : [kind]));
  if (ledger.answers === 0) short.push('nothing was acknowledged');
  return { torture: 'store', trials, counts, short, figures: { acknowledged: ledger.answers, slowestOpenMs } };
}

function line(trials: number, at: { ledger: Ledger; sum: Findings; failedOpens: string[] }): string {
  const { lost, stale, resurrected, duplicates, corrupt } = at.sum;
  return (
    `${trials} kills, ${at.ledger.answers} acknowledgements: ${lost.length} lost, ${stale.length} stale, ` +
    `${resurrected.length} came back, ${duplicates.length} twice, ${corrupt.length} corrupt, ${at.failedOpens.length} failed opens`
  );
}

/** One life of the writers: killed while they work, and now and then while the store is still opening. */
async function liveAndDie({ home, life, ledger }: Trial): Promise<void> {
  const notes = await open(join(home, `ledger-${life}`), 'a');
  await writeFile(join(home, 'unanswered.json'), JSON.stringify(unansweredOf(ledger)));
  const child = spawn(process.execPath, [WRITER, join(home, 'data'), String(life), join(home, 'unanswered.json')], {
    stdio: ['ignore', 'pipe', 'pipe', notes.fd],
  });
  const heard = listen(child);
  const early = life % 6 === 0;
  try {
    await (early ? systemClock.sleep(100 + Math.random() * 200) : Promise.race([heard.ready, heard.exited]));
    if (!early) await systemClock.sleep(5 + Math.random() * 400);
    const diedByItself = child.exitCode !== null;
    child.kill('SIGKILL');
    await heard.exited;
    if (diedByItself) throw new Error(`life ${life} ended by itself: ${heard.said()}`);
  } finally {
    child.kill('SIGKILL');
    await notes.close();
  }
  const path = join(home, `ledger-${life}`);
  addEntries(ledger, parseEntries(await readFile(path, 'utf8')));
  await rm(path);
}

function listen(child: ChildProcess): { ready: Promise<void>; exited: Promise<void>; said: () => string } {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    systemClock.after(READY_GUARD_MS, () =>
      reject(new Error(`the store did not open in ${READY_GUARD_MS} ms: ${said}`)),
    );
  });
  // Heard too late when the process was killed before.
  ready.catch(() => undefined);
  return { ready, exited, said: () => said };
}

async function audit(
  { home, life, ledger }: Trial,
  whole: boolean,
): Promise<{ ms: number; findings: Findings; failure?: string }> {
  const ids = createIds(systemClock);
  const deps = { clock: systemClock, ids, log: silentLog, version: '0.0.0-torture' };
  try {
    const { store, report } = await openStore({ backend: 'lowdb', dir: join(home, 'data') }, deps);
    const findings = await auditAnswers(store, ledger, isRecent(ledger, whole));
    findings.corrupt.push(...report.quarantined.map(({ path, reason }) => `${path}: ${reason}`));
    if (whole) addFindings(findings, await auditWhole(store, ledger));
    await store.close();
    return { ms: report.ms, findings };
  } catch (error) {
    return { ms: 0, findings: noFindings(), failure: `life ${life}: ${messageOf(error)}` };
  }
}

/** The whole history now and then; what the last lives touched each time. */
function isRecent(ledger: Ledger, whole: boolean): (id: string) => boolean {
  if (whole) return () => true;
  const recent = new Set([...ledger.runs.keys()].slice(-2_000));
  return (id) => recent.has(id);
}
