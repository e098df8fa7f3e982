/** Holds the audit files against the acts. Read them after a close: what the journal held is then in them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AuditEntry } from '../src/store/records.ts';
import type { Ledger } from './ledger.ts';
import { AUDIT_QUEUE } from './store-audit-feed.ts';
import type { Walked } from './store-audit-whole.ts';
import type { Findings } from './store-laws.ts';

/** Every act that was acknowledged has one entry, no act has two, and none is noted that nobody did. */
export async function auditActs(dir: string, at: { ledger: Ledger; found: Findings; walked: Walked }): Promise<void> {
  const { ledger, found, walked } = at;
  const counts = new Map<string, number>();
  for (const entry of await readEntries(join(dir, 'audit'), found)) {
    if (entry.queue?.startsWith(AUDIT_QUEUE) === true) continue;
    const act = nameOf(entry);
    counts.set(act, (counts.get(act) ?? 0) + 1);
    found.check('audit', wasWished(entry, ledger), () => `${act} is noted, and nobody asked for it`);
  }
  for (const [act, count] of counts) {
    if (isOfRun(act)) found.check('audit', count === 1, () => `${act} is noted ${count} times`);
  }
  const mustBe = (act: string): void => found.check('audit', counts.has(act), () => `${act} is not noted`);
  for (const id of ledger.accepted) mustBe(`run ${id}`);
  for (const id of walked.keys()) mustBe(`run ${id}`);
  for (const id of ledger.ends.cancel.acknowledged) mustBe(`cancel ${id}`);
  for (const id of ledger.ends.remove.acknowledged) mustBe(`delete ${id}`);
  for (const [mark, acknowledged] of ledger.marks) if (acknowledged) mustBe(`refused ${mark}`);
}

function isOfRun(act: string): boolean {
  return !act.startsWith('pause ') && !act.startsWith('resume ');
}

function nameOf({ act, runId, note, queue }: AuditEntry): string {
  return `${act} ${runId ?? queue ?? note ?? ''}`;
}

function wasWished({ act, runId = '', note = '', actor, queue }: AuditEntry, ledger: Ledger): boolean {
  switch (act) {
    case 'cancel':
      return ledger.ends.cancel.wished.has(runId);
    case 'delete':
      return actor.id === 'retention' || ledger.ends.remove.wished.has(runId);
    case 'refused':
      return ledger.marks.has(note);
    case 'pause':
    case 'resume':
      return ledger.registers.has(`paused ${queue}`);
    default:
      // A run that was asked for and never answered may have come and gone.
      return true;
  }
}

async function readEntries(folder: string, found: Findings): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    for (const line of (await readFile(join(folder, name), 'utf8')).split('\n')) {
      if (line === '') continue;
      const parsed = parse(line);
      found.check('audit', parsed !== undefined, () => `${name} holds a line that is no entry: ${line.slice(0, 80)}`);
      if (parsed !== undefined) entries.push(parsed);
    }
  }
  return entries;
}

function parse(line: string): AuditEntry | undefined {
  try {
    return AuditEntry.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
