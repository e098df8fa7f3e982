/** The tally of an examination: how often each kind of thing was found, and where the first of them lie. */
import { relative } from 'node:path';
import { MAX_EXAMPLES, SEVERITIES } from '../verdict.ts';
import type { Finding } from '../verdict.ts';
import { KINDS } from './doctor-kinds.ts';
import type { FindingKind, Kind, Mend } from './doctor-kinds.ts';

interface Place {
  path: string;
  detail?: string;
}

export interface Tally {
  /** Notes one more; `by` when one place stands for several. */
  note(kind: FindingKind, at: { path: string; detail?: string; by?: number }): void;
  has(kind: FindingKind): boolean;
  /** The noted places of everything that is mended so, full paths; at most `MAX_MENDED` a kind. */
  toMend(mend: Mend): Place[];
  /** The noted places of one kind. */
  places(kind: FindingKind): readonly Place[];
  findings(): Finding[];
}

/** A fix that meets more goes on with the rest the next time. */
export const MAX_MENDED = 100_000;

/** Makes an empty tally of the folder `root`. */
export function createTally(root: string): Tally {
  const noted = new Map<FindingKind, { count: number; places: Place[] }>();
  return {
    note(kind, { path, detail, by = 1 }) {
      let one = noted.get(kind);
      if (one === undefined) noted.set(kind, (one = { count: 0, places: [] }));
      one.count += by;
      const limit = kindOf(kind).mend === undefined ? MAX_EXAMPLES : MAX_MENDED;
      if (one.places.length < limit) one.places.push({ path, ...(detail === undefined ? {} : { detail }) });
    },
    places: (kind) => noted.get(kind)?.places ?? [],
    has: (kind) => noted.has(kind),
    toMend: (mend) => [...noted].flatMap(([kind, { places }]) => (kindOf(kind).mend === mend ? places : [])),
    findings: () =>
      [...noted]
        .map(([kind, { count, places }]) => findingOf(kind, count, places.slice(0, MAX_EXAMPLES).map(shorten)))
        .sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity)),
  };
  function shorten({ path, detail }: { path: string; detail?: string }): Finding['examples'][number] {
    const short = relative(root, path);
    return { path: short === '' ? '.' : short, ...(detail === undefined ? {} : { detail: cut(detail) }) };
  }
}

function findingOf(kind: FindingKind, count: number, examples: Finding['examples']): Finding {
  const { severity, what, wayOut, mend } = kindOf(kind);
  return {
    severity,
    kind,
    what: what(count),
    path: examples[0]?.path ?? '.',
    count,
    examples,
    wayOut,
    mends: mend !== undefined,
  };
}

const kindOf = (kind: FindingKind): Kind => KINDS[kind];

const MAX_DETAIL = 300;
function cut(text: string): string {
  return text.length <= MAX_DETAIL ? text : `${text.slice(0, MAX_DETAIL)}… (${text.length} characters)`;
}
