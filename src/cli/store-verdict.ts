/** The verdict on a data folder as an operator reads it: the worst first, what to do under each, and the answer as the last line. */
import { RUN_STATES } from '../store/records.ts';
import { MAX_EXAMPLES } from '../store/verdict.ts';
import type { Finding, FolderCounts, Verdict } from '../store/verdict.ts';

const SHOWN = 5;
const LABELS = { error: 'ERROR', warning: 'WARNING', info: 'note' } as const;
const INDENT = ' '.repeat(9);

/** The lines of a verdict; after a fix, `before` is what stood at its begin. */
export function verdictLines(verdict: Verdict, { before }: { before: Verdict | undefined }): string[] {
  const { dir, lock, findings, counts, ms } = verdict;
  return [
    ...(before === undefined ? [] : [`Before the fix: ${summary(before.findings)}. After it:`, '']),
    `${dir}, looked at in ${(ms / 1000).toFixed(1)} s`,
    ...(lock === 'none'
      ? ['No lock could be held: what is said here holds only if nobody opened the folder meanwhile.']
      : []),
    '',
    ...findings.flatMap((finding) => [...findingLines(finding), '']),
    ...countLines(counts),
    '',
    lastLine(verdict, before),
  ];
}

function findingLines({ severity, what, count, examples, wayOut }: Finding): string[] {
  const shown = examples.slice(0, SHOWN);
  const places = shown.map(({ path, detail }) => `${INDENT}${path}${detail === undefined ? '' : `: ${detail}`}`);
  // One place can stand for several lines of a file; only where the examples were cut is the rest what the count says.
  const more = (examples.length < MAX_EXAMPLES ? examples.length : count) - shown.length;
  return [
    `${LABELS[severity].padEnd(7)}  ${what}`,
    ...places,
    ...(more > 0 ? [`${INDENT}and ${more.toLocaleString('en-US')} more`] : []),
    `${INDENT}-> ${wayOut}`,
  ];
}

function countLines(counts: FolderCounts): string[] {
  const states = RUN_STATES.filter((state) => counts.runs[state] > 0);
  const runs = states.reduce((sum, state) => sum + counts.runs[state], 0);
  const byState = states.map((state) => `${number(counts.runs[state])} ${state}`).join(', ');
  const beside: [string, string][] = [
    ['runs', states.length === 0 ? '0' : `${number(runs)}: ${byState}`],
    ['deliveries', `${number(counts.deliveryFiles)} ${counts.deliveryFiles === 1 ? 'file' : 'files'} of progress`],
    ['documents', number(counts.docs)],
    [
      'blobs',
      counts.unnamedBlobs === 0
        ? number(counts.blobs)
        : `${number(counts.blobs)}, ${number(counts.unnamedBlobs)} of them named by nobody`,
    ],
    ['events', number(counts.events)],
    ['audit', `${number(counts.auditEntries)} ${counts.auditEntries === 1 ? 'entry' : 'entries'}`],
    ['journal', `${number(counts.journalLines)} ${counts.journalLines === 1 ? 'line' : 'lines'} not yet in the files`],
    ...(counts.tombstones === 0
      ? []
      : [['removed', `${number(counts.tombstones)} kept for their keys`] satisfies [string, string]]),
    ['read', size(counts.bytes)],
  ];
  return beside.map(([name, says]) => `${name.padEnd(10)}  ${says}`);
}

function lastLine({ sound, findings }: Verdict, before: Verdict | undefined): string {
  const todo = findings.filter(({ severity }) => severity !== 'info');
  if (sound) return findings.length === 0 ? 'Sound.' : 'Sound; the notes need nothing.';
  const mends = todo.filter((one) => one.mends).length;
  if (before !== undefined || mends === 0) return `Not sound: ${summary(findings)}. What is left is for you.`;
  const which = mends === todo.length ? 'all of it' : `${mends} of ${todo.length} findings`;
  return `Not sound: ${summary(findings)}. Back the folder up, then --fix mends ${which}.`;
}

function summary(findings: readonly Finding[]): string {
  const said = (['error', 'warning', 'info'] as const).flatMap((severity) => {
    const count = findings.filter((one) => one.severity === severity).length;
    const word = severity === 'info' ? 'note' : severity;
    return count === 0 ? [] : [`${count} ${word}${count === 1 ? '' : 's'}`];
  });
  return said.length === 0 ? 'no findings' : said.join(', ');
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function size(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  const step = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${step === 0 ? bytes : (bytes / 1000 ** step).toFixed(1)} ${units[step]}`;
}
