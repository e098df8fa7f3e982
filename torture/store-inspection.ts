/** One audit of a folder from its opening to its close; the same one after a kill, after a power cut, and of a copy. */
import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../src/errors.ts';
import { openStore } from '../src/store/open.ts';
import type { OpenReport } from '../src/store/store.ts';
import type { BackupNote, Ledger, Register, RunNote } from './ledger.ts';
import { auditActs } from './store-audit-acts.ts';
import { auditFeed } from './store-audit-feed.ts';
import {
  auditBatches,
  auditCounters,
  auditGarbage,
  auditRetention,
  auditSchedules,
  sweepOut,
  walk,
} from './store-audit-whole.ts';
import type { Walked } from './store-audit-whole.ts';
import { auditRegisters, auditRun, auditRuns } from './store-audit.ts';
import type { Audit } from './store-audit.ts';
import { under } from './store-laws.ts';
import type { Findings } from './store-laws.ts';
import { clockOfLife, depsOf, TERMS } from './store-terms.ts';

export interface Inspection {
  dir: string;
  life: number;
  ledger: Ledger;
  found: Findings;
  /** `newest`: what the last lives touched; `whole`: everything, and what time should have taken away. */
  depth: 'newest' | 'whole';
}

const NEWEST = 2_000;

/** Opens the folder and holds it against the ledger; answers how long the open took, in milliseconds. What fails is harm. */
export async function inspect(inspection: Inspection): Promise<number> {
  const { found, life } = inspection;
  try {
    const ms = await inspectAll(inspection);
    found.check('lives', true, () => '');
    return ms;
  } catch (error) {
    found.check('lives', false, () => `the audit after life ${life} broke off: ${messageOf(error)}`);
    return 0;
  }
}

async function inspectAll(inspection: Inspection): Promise<number> {
  const { dir, life, ledger, found, depth } = inspection;
  // Before the audit forgets what was asked of runs that are gone by now.
  for (const backup of ledger.backups.splice(0)) await inspectCopy(inspection, backup);
  const clock = clockOfLife(life, 'auditor');
  const opened = await open(inspection, { dir, clock });
  if (opened === undefined) return 0;
  const { store, report } = opened;
  const walked = await auditNow({ store, ledger, found, now: clock.now() }, depth);
  if (depth === 'whole') {
    await sweepOut(store, (ms) => clock.step(ms));
    await auditLater({ store, ledger, found, now: clock.now() }, dir);
  }
  await store.close();
  if (depth === 'whole') await auditActs(dir, { ledger, found, walked });
  return report.ms;
}

/** What a kill left. */
async function auditNow(audit: Audit, depth: Inspection['depth']): Promise<Walked> {
  // First: to read a run mends an index that is wrong about it.
  const walked = await walk(audit);
  const newest = new Set([...audit.ledger.runs.keys()].slice(-NEWEST));
  await auditRuns(audit, (id) => depth === 'whole' || newest.has(id));
  await auditRegisters(audit);
  auditBatches(audit, walked);
  await auditSchedules(audit, walked);
  await auditCounters(audit, walked);
  await auditFeed(audit, walked);
  return walked;
}

/** What time should have taken away, and nothing else. */
async function auditLater(audit: Audit, dir: string): Promise<void> {
  const left = await walk(audit);
  await auditRetention(audit, left);
  await auditGarbage(audit, left, dir);
  await auditRuns(audit, () => true);
}

type Opened = Awaited<ReturnType<typeof openStore>>;

async function open(
  { life, found }: Inspection,
  at: { dir: string; clock: ReturnType<typeof clockOfLife> },
): Promise<Opened | undefined> {
  let report: OpenReport | undefined;
  try {
    const opened = await openStore({ backend: 'lowdb', dir: at.dir }, depsOf(at.clock), TERMS);
    report = opened.report;
    found.check('opens', report.quarantined.length === 0, () => JSON.stringify(report?.quarantined));
    return opened;
  } catch (error) {
    found.check('opens', false, () => `life ${life}: ${messageOf(error)}`);
    return undefined;
  }
}

/** A copy says by its last file that it is whole; one that a kill cut off is only removed. */
async function inspectCopy(inspection: Inspection, backup: BackupNote): Promise<void> {
  const { ledger, life } = inspection;
  const whole = await access(join(backup.dir, 'BACKUP.json')).then(
    () => true,
    () => false,
  );
  inspection.found.check('backups', whole || !backup.complete, () => `${backup.dir} was acknowledged and is not whole`);
  if (whole) {
    const found = under('backups', inspection.found, backup.dir);
    const clock = clockOfLife(life, 'auditor');
    const opened = await open({ ...inspection, found }, { dir: backup.dir, clock });
    if (opened === undefined) return;
    const audit = { store: opened.store, ledger, found, now: clock.now() };
    for (const [id, then] of backup.runs) await auditRun(audit, id, sinceThen(then, ledger.runs.get(id)));
    await auditRegisters({ ...audit, ledger: { registers: registersSince(backup, ledger) } });
    await opened.store.close();
  }
  await rm(backup.dir, { recursive: true, force: true });
}

/** What was acknowledged then, and what may have been done while the copy was made. */
function sinceThen(then: RunNote, now: RunNote | undefined): RunNote {
  if (now === undefined) return { ...then, removeWished: true };
  const { settleWishes, cancelWished, removeWished } = now;
  return { ...then, settleWishes, removeWished, ...(cancelWished === undefined ? {} : { cancelWished }) };
}

/** What was acknowledged then, and what was asked for in between. */
function registersSince({ registers }: BackupNote, ledger: Ledger): Ledger['registers'] {
  return new Map(
    [...ledger.registers].map(([name, now]): [string, Register] => {
      const then = registers.get(name) ?? { value: null, wished: [], steps: 0 };
      const between = now.newest.slice(Math.max(0, now.newest.length - (now.steps - then.steps)));
      return [name, { ...now, value: then.value, wished: [...then.wished, ...between] }];
    }),
  );
}
