import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { drawManifest } from '../src/bot/manifest.ts';
import { VERBS } from '../src/bot/command.ts';
import { VARIABLES } from '../src/variables.ts';
import { ERROR_CODES } from '../src/errors.ts';
import { RUN_STATES, DELIVERY_STATES } from '../src/store/records.ts';
import { Section } from '../src/store/report-sections.ts';
import { Report } from '../src/store/report.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('docs say what the code does', () => {
  test('docs/errors.md lists every code with its meaning, and no other', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \| (.*) \|$/gm)].map((row) => [row[1], row[2]]);
    expect(Object.fromEntries(rows)).toEqual(ERROR_CODES);
  });

  test('docs/configuration.md lists every variable with its default and meaning, and no other', () => {
    const rows = [...read('docs/configuration.md').matchAll(/^\| `([A-Z_]+)` \| (.*?) \| (.*) \|$/gm)];
    const expected = Object.entries(VARIABLES).map(([name, schema]) => {
      const fallback = schema.safeParse(undefined).data;
      return [name, fallback === undefined ? 'off' : `\`${String(fallback)}\``, schema.description];
    });
    expect(rows.map((row) => row.slice(1))).toEqual(expected);
  });

  test('docs/state-machine.md knows every state', () => {
    const text = read('docs/state-machine.md');
    for (const state of [...RUN_STATES, ...DELIVERY_STATES]) expect(text).toContain(state);
  });

  test('every direct dependency has its line in ADR 0006', () => {
    const adr = read('docs/adr/0006-dependencies.md');
    const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>; // our own file
    for (const group of ['dependencies', 'optionalDependencies', 'devDependencies']) {
      for (const [name, version] of Object.entries(manifest[group] ?? {})) {
        expect(adr, `${name} is not in the ADR`).toContain(name.replace(/^@types\//, '@types/'));
        expect(version, `${name} is not pinned`).toMatch(/^\d+\.\d+\.\d+$/);
      }
    }
  });

  test('ADR 0006 has one line a package, and one for each that the product runs on', () => {
    const adr = read('docs/adr/0006-dependencies.md');
    const named = [...adr.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = '']) =>
      cell.replace(' (optional)', '').split(', '),
    );
    expect(named.toSorted()).toEqual([...new Set(named)].toSorted());
    const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>; // our own file
    expect(Object.keys(manifest['dependencies'] ?? {}).filter((name) => !named.includes(name))).toEqual([]);
  });

  test('the README leads to every page of docs, and to none that is not there', () => {
    const linked = [...read('README.md').matchAll(/\((docs\/[\w-]+\.md)\)/g)].map(([, page = '']) => page);
    const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
    expect(new Set(linked)).toEqual(new Set(pages.map((name) => `docs/${name}`)));
  });

  test('docs/architecture.md names every folder of the code, and no file that is not there', () => {
    const text = read('docs/architecture.md');
    for (const room of readdirSync(join(root, 'src'), { withFileTypes: true }).filter((one) => one.isDirectory()))
      expect(text).toContain(`src/${room.name}`);
    const paths = [...text.matchAll(/`((?:api|bot|cli|delivery|render|runner|store)\/[\w./-]+\.ts)`/g)];
    expect(paths.filter(([, path = '']) => !existsSync(join(root, 'src', path))).map(([, path]) => path)).toEqual([]);
  });

  test('manifest.yml is what `bellhop manifest` prints', () => {
    const shipped = read('manifest.yml').replace(/^#.*\n/, '');
    expect(shipped).toBe(drawManifest('http', 'HOST'));
  });

  test('the socket manifest names no address', () => {
    expect(drawManifest('socket', 'HOST')).not.toContain('HOST');
    expect(drawManifest('socket', 'HOST')).toContain('socket_mode_enabled: true');
  });

  test('the README and the help of the command line name every verb', () => {
    const readme = read('README.md');
    for (const verb of VERBS) expect(readme).toContain(`/jobs ${verb}`);
  });
});

describe('docs/reports.md', () => {
  const text = read('docs/reports.md');

  test('has an example that is a report, with every kind of section', () => {
    const example = /```json\n([\s\S]*?)\n```/.exec(text)?.[1] ?? '';
    const report = Report.parse(JSON.parse(example));
    const kinds = Section.options.map((option) => option.shape.kind.value);
    expect(new Set(report.sections.map(({ kind }) => kind))).toEqual(new Set(kinds));
  });

  test('names every form of the preview', () => {
    const forms = /--as ([a-z|]+)/.exec(text.slice(text.indexOf('bellhop report preview FILE')))?.[1]?.split('|');
    expect(forms).toEqual(['slack', 'email', 'text', 'html', 'markdown', 'csv', 'json']);
  });
});
