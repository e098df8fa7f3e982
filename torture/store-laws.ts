/** The laws that a store is held to, and what was found: for each law how often it was looked at, and how often it was broken. */

/** Each law as one sentence; its name is the key of the last JSON line. */
export const LAWS = {
  lost: 'an acknowledged run is there',
  stale: 'a run is as new as what was acknowledged of it',
  resurrected: 'what was removed stays removed',
  duplicates: 'one key makes one run, and fences only grow',
  corrupt: 'nothing is there that nobody asked for; lists, counts and records agree; a batch is whole',
  deliveries: 'deliveries, frozen parts and receipts are as new as acknowledged',
  documents: 'a document, or its removal, is as new as acknowledged, also one that rode in a settle',
  events: 'a watcher goes on after a restart: no gap, no reorder, nothing that was acknowledged unsaid',
  audit: 'each act has exactly one audit entry, kept with it',
  blobs: 'a blob that was put is there for its grace, and whole as long as a run names it',
  collected: 'a blob that nothing names is gone',
  retention: 'what is due goes; what is not due stays',
  counters: 'no cap is passed; used is what was spent, held is what unfinished runs reserved',
  schedules: 'a watermark and the runs of its slots are there together, or neither',
  paused: 'a paused queue stays paused, and no claim takes from it',
  backups: 'a copy made under load opens, and holds what was acknowledged before it was begun',
  reads: 'what was acknowledged is seen by the next read',
  opens: 'a folder that a kill left opens, and nothing in it is unreadable',
  lives: 'no life of the writers ends by itself, and no audit breaks off',
} as const;
export type Law = keyof typeof LAWS;
export const LAW_NAMES = Object.keys(LAWS).filter((name): name is Law => name in LAWS);

/** Harms of which the text is kept; all are counted. */
const TEXTS_KEPT = 20;

export interface Findings {
  /** Looks at one thing; `what` names it and what is wrong with it. */
  check(law: Law, holds: boolean, what: () => string): void;
  checks(law: Law): number;
  harms(law: Law): number;
  /** The first texts of the harms of a law. */
  texts(law: Law): readonly string[];
}

/** Makes an empty sum; the same one goes through all audits of a torture. */
export function createFindings(): Findings {
  const sums = new Map(LAW_NAMES.map((law) => [law, { checks: 0, harms: 0, texts: [] as string[] }]));
  const of = (law: Law): { checks: number; harms: number; texts: string[] } => {
    const sum = sums.get(law);
    if (sum === undefined) throw new Error(`no law ${law}`);
    return sum;
  };
  return {
    check(law, holds, what) {
      const sum = of(law);
      sum.checks++;
      if (holds) return;
      sum.harms++;
      if (sum.texts.length < TEXTS_KEPT) sum.texts.push(what());
    },
    checks: (law) => of(law).checks,
    harms: (law) => of(law).harms,
    texts: (law) => of(law).texts,
  };
}

/** Counts everything as one law: an audit of a copy of the store. */
export function under(law: Law, findings: Findings, where: string): Findings {
  return {
    ...findings,
    check: (inner, holds, what) => findings.check(law, holds, () => `${where}: ${inner}: ${what()}`),
  };
}

/** One line a law, widest columns first seen by the eye: harms beside checks. */
export function tableOf(findings: Findings): string {
  const rows = LAW_NAMES.map(
    (law) =>
      `${law.padEnd(12)} ${String(findings.checks(law)).padStart(9)} ${String(findings.harms(law)).padStart(6)}  ${LAWS[law]}`,
  );
  return [`${'law'.padEnd(12)} ${'checks'.padStart(9)} ${'harms'.padStart(6)}  what it says`, ...rows].join('\n');
}

/** What the last JSON line says. A law that was never looked at is short too: a torture that checks nothing finds nothing. */
export function verdictOf(findings: Findings): {
  counts: Record<string, number>;
  checks: Record<string, number>;
  short: string[];
} {
  const entries = LAW_NAMES.map((law) => ({ law, checks: findings.checks(law), harms: findings.harms(law) }));
  return {
    counts: Object.fromEntries(entries.map(({ law, harms }) => [law, harms])),
    checks: Object.fromEntries(entries.map(({ law, checks }) => [law, checks])),
    short: entries.flatMap(({ law, checks, harms }) =>
      harms > 0 ? [law] : checks === 0 ? [`${law} was not looked at`] : [],
    ),
  };
}
