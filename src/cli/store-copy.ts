/** `bellhop store copy --from A --to B [--verify]`: copies, compares, and only then lets the copy be a store. */
import type { Clock } from '../clock.ts';
import { UsageError } from '../errors.ts';
import { createIds } from '../ids.ts';
import { createLog } from '../log.ts';
import { copyStore, unfinishedError } from '../store/copy.ts';
import type { Copied, CopySource } from '../store/copy.ts';
import { verifyCopy } from '../store/copy-verify.ts';
import type { Verdict } from '../store/copy-verify.ts';
import { checkApart, openCopySource, openCopyTarget, readTarget } from '../store/open.ts';
import type { KeptTarget, OpenDeps } from '../store/open.ts';
import { VERSION } from '../main.ts';
import { EXIT } from './terminal.ts';
import type { Terminal } from './terminal.ts';
import type { StoreCommandDeps, StoreWords } from './store.ts';

const DIFFER = 1;
const SAY_EVERY_MS = 2000;
const BLOBS_NAMED = 5;

interface Pair {
  from: KeptTarget;
  to: KeptTarget;
  open: OpenDeps;
  terminal: Terminal;
}

/** Answers 0 when both hold the same, 1 when they differ, 130 when it was interrupted. */
export async function storeCopy({ terminal, clock }: StoreCommandDeps, words: StoreWords): Promise<number> {
  const { from, to } = readPair(words);
  await checkApart(from, to);
  const log = createLog({ write: (line) => terminal.err(line.trimEnd()), scrub: (text) => text, clock }, 'warn');
  const pair = { from, to, terminal, open: { clock, ids: createIds(clock), log, version: VERSION } };
  const source = await openCopySource(from, pair.open);
  try {
    if (words.verify) return await compare(pair, source, 'again');
    const copied = await copy(pair, source);
    if (copied.outcome === 'interrupted') return sayInterrupted(pair, copied);
    const code = await compare(pair, source, 'first');
    if (code === EXIT.ok) await finish(pair);
    return code;
  } finally {
    await source.close();
  }
}

function readPair({ args, from, to }: StoreWords): { from: KeptTarget; to: KeptTarget } {
  if (from !== undefined && to !== undefined && args.length === 0) {
    return { from: readTarget(from), to: readTarget(to) };
  }
  throw new UsageError(args[0] === undefined ? 'From where, and to where?' : `“${args[0]}” is one word too many`, {
    code: 'USAGE',
    hint: 'bellhop store copy --from DIR --to DIR [--verify], with a target that is new or empty.',
  });
}

async function copy({ to, open, terminal }: Pair, source: CopySource): Promise<Copied> {
  const { clock } = open;
  const target = await openCopyTarget(to, open);
  const standing = await target.standing();
  const before = standing.state === 'copying' ? standing.mark.copied : 0;
  if (standing.state === 'copying') terminal.err(`going on after ${before} records`);
  const meter = createMeter(terminal, clock, { runs: source.runs, before });
  try {
    const copied = await copyStore(
      { source, target },
      {
        now: clock.now(),
        signal: terminal.signal,
        progress: (mark) => meter.at(`copied (${mark.section})`, mark.copied),
      },
    );
    meter.end('copied', copied.mark.copied);
    sayLost(terminal, copied.lostBlobs);
    return copied;
  } finally {
    await target.close();
  }
}

/** `first`: right after the copy, whose mark is still there. `again`: of a finished copy. */
async function compare(pair: Pair, source: CopySource, when: 'first' | 'again'): Promise<number> {
  const { to, open, terminal } = pair;
  const target = await openCopySource(to, open);
  try {
    if (target.unfinished !== undefined && (when === 'again' || target.unfinished.section !== 'done')) {
      throw unfinishedError(target.name, target.unfinished);
    }
    const meter = createMeter(terminal, open.clock, { runs: source.runs, before: 0 });
    const verdicts = await verifyCopy(
      { source, target },
      {
        now: open.clock.now(),
        signal: terminal.signal,
        progress: (section, compared) => meter.at(`compared (${section})`, compared),
      },
    );
    if (verdicts === undefined) {
      terminal.err(when === 'first' ? goOn(pair) : 'Interrupted; nothing was changed.');
      return EXIT.interrupted;
    }
    terminal.out(tableOf(verdicts));
    const differing = verdicts.filter((verdict) => !verdict.same);
    for (const { kind, differences } of differing) {
      for (const { id, how } of differences) terminal.err(`${kind}: ${id} ${how}`);
    }
    if (differing.length === 0) return EXIT.ok;
    const left = when === 'first' ? ` ${target.name} stays closed to servers: delete it and copy again.` : '';
    terminal.err(`${source.name} and ${target.name} differ.${left}`);
    return DIFFER;
  } finally {
    await target.close();
  }
}

async function finish({ to, open, terminal }: Pair): Promise<void> {
  const target = await openCopyTarget(to, open);
  try {
    await target.finish();
  } finally {
    await target.close();
  }
  terminal.err(`${to.dir} is a store of its own now. Not part of it: report files (reports/) and what was set aside.`);
}

function sayInterrupted(pair: Pair, { mark }: Copied): number {
  pair.terminal.err(`Interrupted after ${mark.copied} records. ${goOn(pair)}`);
  return EXIT.interrupted;
}

function goOn({ from, to }: Pair): string {
  return `bellhop store copy --from ${from.dir} --to ${to.dir} goes on.`;
}

function sayLost(terminal: Terminal, { count, first }: Copied['lostBlobs']): void {
  if (count === 0) return;
  terminal.err(`${count} ${count === 1 ? 'blob' : 'blobs'} that runs name cannot be read in the source:`);
  const named = first.slice(0, BLOBS_NAMED);
  for (const one of named) terminal.err(`  ${one}`);
  if (count > named.length) terminal.err(`  and ${count - named.length} more`);
}

interface Meter {
  at(what: string, done: number): void;
  end(what: string, done: number): void;
}

/** Says every few seconds how far it is and how fast it goes. */
function createMeter(terminal: Terminal, clock: Clock, { runs, before }: { runs: number; before: number }): Meter {
  const begun = clock.monotonic();
  let said = begun;
  const rate = (done: number): string => {
    const seconds = (clock.monotonic() - begun) / 1000;
    return `${Math.round((done - before) / Math.max(seconds, 0.001))}/s`;
  };
  return {
    at(what, done) {
      if (clock.monotonic() - said < SAY_EVERY_MS) return;
      said = clock.monotonic();
      terminal.err(`${what} ${done} records of a store with ${runs} ${runs === 1 ? 'run' : 'runs'}, ${rate(done)}`);
    },
    end(what, done) {
      terminal.err(`${what} ${done} records, ${rate(done)}`);
    },
  };
}

function tableOf(verdicts: readonly Verdict[]): string {
  const side = ({ count, digest }: Verdict['source']): string => `${count} ${digest.slice(0, 12)}`;
  const rows = [
    ['kind', 'source', 'target', 'same'],
    ...verdicts.map((one) => [one.kind, side(one.source), side(one.target), one.same ? 'yes' : 'NO']),
  ];
  const widths = [0, 1, 2].map((at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')).join('\n');
}
