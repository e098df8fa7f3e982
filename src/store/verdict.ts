/** What an examination of a data folder says: findings, counts, and what was mended. */
import type { RunState } from './records.ts';

/** `error`: something acknowledged is damaged or gone; `warning`: something is to be done; `info`: good to know, nothing is to be done. */
export const SEVERITIES = ['error', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** So many places of a finding are named. */
export const MAX_EXAMPLES = 20;

/** One kind of thing that was found, however often. */
export interface Finding {
  severity: Severity;
  kind: string;
  /** A sentence that says how many. */
  what: string;
  /** Where the first lies, relative to the folder. */
  path: string;
  count: number;
  /** The first of them. */
  examples: { path: string; detail?: string }[];
  wayOut: string;
  /** Whether a fix mends it. */
  mends: boolean;
}

export interface FolderCounts {
  /** As the next start will see them: files and journal together. */
  runs: Record<RunState, number>;
  /** What is left of removed runs while their idempotency keys hold. */
  tombstones: number;
  deliveryFiles: number;
  docs: number;
  blobs: number;
  /** Of these, the ones that nobody names: the server collects them. */
  unnamedBlobs: number;
  events: number;
  auditEntries: number;
  quarantined: number;
  /** Commits that only the journal holds; the next start brings them to the files. */
  journalLines: number;
  /** Everything that was read. */
  bytes: number;
}

export interface Verdict {
  dir: string;
  /** No errors and no warnings. */
  sound: boolean;
  /** `none`: somebody else could have opened the folder meanwhile. */
  lock: 'held' | 'none';
  /** Most severe first. */
  findings: Finding[];
  counts: FolderCounts;
  ms: number;
}

/** What a fix did, line by line, and what a second look then found. */
export interface Inspection {
  verdict: Verdict;
  mended?: { done: string[]; after: Verdict };
}

export interface InspectionAsk {
  /** Mends what is derived or rubbish; without it nothing is written. */
  fix: boolean;
  /** Called now and then with how far the look is. */
  progress?: (at: { what: string; looked: number }) => void;
  /** Called with each thing that a fix has done, when it is done. */
  say?: (line: string) => void;
  signal?: AbortSignal;
}
