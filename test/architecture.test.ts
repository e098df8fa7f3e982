import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The table of HOUSE section 1: which room may import which. Types count as much as values. */
const root = resolve(import.meta.dirname, '..');
const LEAVES = [
  'config',
  'config-agents',
  'config-checks',
  'errors',
  'log',
  'clock',
  'ids',
  'backoff',
  'scrub',
  'suggest',
  'when',
  'addresses',
  'usd',
  'output',
  'variables',
  'signed',
].map((name) => `src/${name}.ts`);
const RECORDS = [
  'src/store/records.ts',
  'src/store/agent-records.ts',
  'src/store/memory-records.ts',
  'src/store/notice-records.ts',
  'src/store/schedule-records.ts',
  'src/store/report.ts',
  'src/store/report-sections.ts',
  'src/store/destinations.ts',
  'src/store/preflight-records.ts',
];
const PORT = [
  ...RECORDS,
  'src/store/store.ts',
  'src/store/reader.ts',
  'src/store/transitions.ts',
  'src/store/suppressions.ts',
];

type Rule = (target: string) => boolean;
const leaf: Rule = (target) => LEAVES.includes(target);
const within =
  (room: string): Rule =>
  (target) =>
    target.startsWith(`src/${room}/`);
const oneOf =
  (listed: readonly string[]): Rule =>
  (target) =>
    listed.includes(target);

const ROOMS: Record<string, Rule[]> = {
  store: [leaf, within('store')],
  render: [leaf, within('render'), oneOf(RECORDS)],
  runner: [leaf, within('runner'), oneOf(PORT)],
  delivery: [leaf, within('delivery'), within('render'), oneOf(PORT)],
  bot: [leaf, within('bot'), within('runner'), within('render'), oneOf(PORT)],
  api: [leaf, within('api'), within('runner'), within('render'), oneOf(PORT)],
  playground: [leaf, within('playground'), within('bot'), within('render')],
};
const SURFACES = ['bot', 'api'];
/** What surfaces may take from the runner: the service and the words it answers with. */
const SERVICE = [
  'src/runner/runner.ts',
  'src/runner/fields.ts',
  'src/runner/registry.ts',
  'src/runner/schedules.ts',
  'src/runner/schedule-views.ts',
  'src/runner/schedule-words.ts',
  'src/runner/targets.ts',
  'src/runner/subscriptions.ts',
  'src/runner/tokens.ts',
  'src/runner/token-words.ts',
  'src/runner/time/asked.ts',
  'src/runner/wait.ts',
  'src/runner/memory.ts',
  'src/runner/approvals.ts',
  'src/runner/preflights.ts',
  'src/runner/spending.ts',
  'src/runner/metrics.ts',
];

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

function files(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found: Import[] = [];
  for (const match of text.matchAll(
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^'"`;]*?from\s+'([^']+)'|import\(\s*'([^']+)'/g,
  )) {
    const specifier = match[2] ?? match[3] ?? '';
    if (!specifier.startsWith('.')) continue;
    found.push({
      from: file,
      to: relative(root, resolve(root, dirname(file), specifier)),
      typeOnly: match[1] !== undefined,
    });
  }
  return found;
}

const sources = files('src');
const imports = sources.flatMap(importsOf);
const roomOf = (file: string): string | undefined => /^src\/([^/]+)\//.exec(file)?.[1];
const show = (found: Import[]): string[] => found.map(({ from, to }) => `${from} -> ${to}`);

describe('architecture', () => {
  test('the imports are really found', () => {
    expect(imports.length).toBeGreaterThan(100);
    expect(show(imports)).toContain('src/bot/commands/answer.ts -> src/bot/command.ts');
  });

  test('every room imports only what the table of rooms allows', () => {
    const broken = imports.filter(({ from, to }) => {
      const room = roomOf(from);
      const rules = room === undefined ? undefined : ROOMS[room];
      return rules !== undefined && !rules.some((rule) => rule(to));
    });
    expect(show(broken)).toEqual([]);
  });

  test('a leaf imports nothing of ours but other leaves', () => {
    expect(show(imports.filter(({ from, to }) => LEAVES.includes(from) && !LEAVES.includes(to)))).toEqual([]);
  });

  test('the composition root is imported by nothing but itself', () => {
    const composed = (file: string): boolean => /^src\/(?:main|cli|transports|agents)\.ts$|^src\/cli\//.test(file);
    expect(show(imports.filter(({ from, to }) => composed(to) && !composed(from)))).toEqual([]);
  });

  test('a backend is imported by store/open.ts only', () => {
    const backend = (file: string): boolean =>
      file.startsWith('src/store/lowdb/') || file.startsWith('src/store/postgres/');
    const broken = imports.filter(({ from, to }) => backend(to) && !backend(from) && from !== 'src/store/open.ts');
    expect(show(broken)).toEqual([]);
  });

  test('surfaces take from the runner its service only', () => {
    const broken = imports.filter(
      ({ from, to }) => SURFACES.includes(roomOf(from) ?? '') && to.startsWith('src/runner/') && !SERVICE.includes(to),
    );
    expect(show(broken)).toEqual([]);
  });

  test('surfaces read through the reader: they take the store only as types of its answers', () => {
    const broken = imports.filter(
      ({ from, to, typeOnly }) => SURFACES.includes(roomOf(from) ?? '') && to === 'src/store/store.ts' && !typeOnly,
    );
    expect(show(broken)).toEqual([]);
  });

  test('the playground is imported by the command line only', () => {
    const broken = imports.filter(
      ({ from, to }) =>
        to.startsWith('src/playground/') && roomOf(from) !== 'playground' && !from.startsWith('src/cli'),
    );
    expect(show(broken)).toEqual([]);
  });

  test('there is no cycle of imports', () => {
    expect(cycles(imports.filter(({ typeOnly }) => !typeOnly))).toEqual([]);
  });

  test('shipped jobs import the public entry, zod, node and the jobs folder only', () => {
    const broken = files('jobs').flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return [...text.matchAll(/from\s+'([^']+)'/g)].map((match) => `${file} -> ${match[1]}`);
    });
    const own = /-> (?:bellhop|zod|node:[\w/]+|\.\/[\w./-]+)$/;
    // What several jobs share stands in a folder beside theirs.
    const beside = /^jobs\/_\w+\/[\w-]+\.ts -> \.\.\/_\w+\/[\w-]+\.ts$/;
    expect(broken.filter((line) => !own.test(line) && !beside.test(line))).toEqual([]);
  });

  test('time, environment, console and timers stay in their own files', () => {
    const outside: [RegExp, RegExp][] = [
      [/process\.env/, /^src\/config\.ts$/],
      [/\bDate\.now\(|new Date\(\)|(?<![.\w])set(?:Timeout|Interval)\(/, /^src\/clock\.ts$/],
      [/\bconsole\./, /^src\/cli\.ts$/],
    ];
    const broken = sources.flatMap((file) => {
      const code = withoutComments(readFileSync(join(root, file), 'utf8'));
      return outside
        .filter(([what, home]) => what.test(code) && !home.test(file))
        .map(([what]) => `${file}: ${what.source}`);
    });
    expect(broken).toEqual([]);
  });

  test('no file of the source is longer than 400 lines', () => {
    const long = sources.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 400);
    expect(long).toEqual([]);
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

function cycles(edges: Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) {
      found.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const target of next.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}
