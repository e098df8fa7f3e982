/** The book of facts of one attempt: ids in the order in which they are found. */
import { RunError } from '../../../errors.ts';
import { Fact, MAX_FACTS } from '../../../store/agent-records.ts';
import type { FactWindow } from '../../../store/agent-records.ts';
import type { KnownTarget, NewFact } from '../../agent-job.ts';
import { clip } from '../../normalise.ts';
import { cutLine, foreignText } from './harmless-text.ts';

export interface FactBook {
  /** Throws a RunError when a fact is none, or there are too many; then none of them is taken. */
  add(facts: readonly NewFact[], source: { tool: string; query: string; window?: FactWindow }): Fact[];
  know(targets: readonly KnownTarget[]): void;
  all(): readonly Fact[];
  /**
   * By id (`F7`) or key (`sales.revenue`). A key is that of the query which found it first, as it answered last: what a model asks later,
   * of other days, has ids of its own and bends no sentence that code wrote.
   */
  find(name: string): Fact | undefined;
  /** Whether another query found another fact of this key: then the key alone does not say which is meant. */
  isAmbiguous(key: string): boolean;
  targets(): readonly KnownTarget[];
  target(type: string, id: string): KnownTarget | undefined;
}

const MAX_TARGETS = 5000;

export function createFactBook(): FactBook {
  const facts: Fact[] = [];
  const byName = new Map<string, Fact>();
  const ambiguous = new Set<string>();
  const targets = new Map<string, KnownTarget>();
  return {
    add(found, source) {
      const { made, fresh } = numbered(found, source, facts);
      facts.push(...fresh);
      for (const fact of made) {
        byName.set(fact.id, fact);
        const first = byName.get(fact.key);
        if (first === undefined || isOfOneQuery(first, fact)) byName.set(fact.key, fact);
        else if (first.value !== fact.value) ambiguous.add(fact.key);
      }
      return made;
    },
    know(found) {
      for (const { type, id, title } of found) {
        const name = `${type}\n${id}`;
        if (!/^[a-z][a-z0-9_]{0,39}$/.test(type) || id === '' || id.length > 200)
          throw broken(
            `a target of type ${JSON.stringify(cutLine(type, 40))} and id ${JSON.stringify(cutLine(id, 40))}`,
          );
        if (!targets.has(name) && targets.size >= MAX_TARGETS) throw tooMany('targets', MAX_TARGETS);
        targets.set(name, { type, id, title: foreignText(title, 120) || id });
      }
    },
    all: () => facts,
    find: (name) => byName.get(name),
    isAmbiguous: (key) => ambiguous.has(key),
    targets: () => [...targets.values()],
    target: (type, id) => targets.get(`${type}\n${id}`),
  };
}

function isOfOneQuery({ source: one }: Fact, { source: other }: Fact): boolean {
  return one.tool === other.tool && one.query === other.query;
}

/** The same fact of the same query is one fact; one that changed meanwhile is a new one. */
function numbered(
  found: readonly NewFact[],
  source: { tool: string; query: string; window?: FactWindow },
  before: readonly Fact[],
): { made: Fact[]; fresh: Fact[] } {
  const query = clip(source.query, 500);
  const same = new Map(
    before
      .filter((fact) => fact.source.tool === source.tool && fact.source.query === query)
      .map((fact) => [fact.key, fact]),
  );
  const made: Fact[] = [];
  const fresh: Fact[] = [];
  for (const { window = source.window, ...fact } of found) {
    const known = same.get(fact.key);
    const text = typeof fact.value === 'string' ? cutLine(fact.value, 200) : fact.value;
    if (known !== undefined && known.value === text) {
      made.push(known);
      continue;
    }
    const at = before.length + fresh.length + 1;
    if (at > MAX_FACTS) throw tooMany('facts', MAX_FACTS);
    const read = Fact.safeParse({
      ...fact,
      id: `F${at}`,
      // Names of products are in both, and a long one is no fault of the tool.
      label: typeof fact.label === 'string' ? foreignText(fact.label, 160) : fact.label,
      value: text,
      source: { tool: source.tool, query, ...(window !== undefined && { window }) },
    });
    if (!read.success) throw broken(describe(fact.key, read.error.issues[0]));
    same.set(fact.key, read.data);
    made.push(read.data);
    fresh.push(read.data);
  }
  return { made, fresh };
}

function describe(key: unknown, issue: { path: PropertyKey[]; message: string } | undefined): string {
  const where = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.map(String).join('.')})`;
  return `the fact ${JSON.stringify(cutLine(String(key), 80))}${where}: ${issue?.message ?? 'it is not valid'}`;
}

function broken(what: string): RunError {
  return new RunError(`A tool answered what cannot be kept: ${what}.`, {
    code: 'AGENT_TOOLS',
    permanent: true,
    hint: 'Mend the tool: a fact has a key like sales.revenue, a label, a finite value or null, and a unit.',
  });
}

function tooMany(what: string, limit: number): RunError {
  return new RunError(`The tools found more than ${limit} ${what}.`, {
    code: 'AGENT_TOOLS',
    permanent: true,
    hint: 'Ask for fewer rows: a tool answers the ones that matter.',
  });
}
