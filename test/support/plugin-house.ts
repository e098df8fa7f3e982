/** Houses with plugins: real executables in a temporary folder, each with its manifest. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { systemClock, type Clock } from '../../src/clock.ts';
import { silentLog, type Log } from '../../src/log.ts';
import type { Confinement } from '../../src/runner/kinds/confine.ts';
import { createRegistry } from '../../src/runner/registry.ts';
import { createShelf } from '../../src/runner/plugins/shelf.ts';
import type { RunnerOptions } from '../../src/runner/runner.ts';
import type { Store } from '../../src/store/store.ts';
import { estate } from './runner-estate.ts';
import type { House } from './runner-house.ts';

export interface PluginFile {
  /** The text of the manifest; by default a plugin `tool` with one write command `go` that is tried once. */
  manifest?: string;
  /** A program for node; it is made an executable with a first line that says so. */
  code?: string;
  /** Or any script, with its first line. */
  script?: string;
  /** Default: main. */
  entrypoint?: string;
}

export interface PluginParts {
  /** By folder name. */
  plugins: Record<string, PluginFile>;
  env?: Record<string, string>;
  clock?: Clock;
  log?: Log;
  store?: Store;
  confinement?: Confinement;
  options?: Partial<RunnerOptions>;
}

export interface PluginHouse extends House {
  /** The folder of the plugins. */
  dir: string;
  problems: () => { file: string; reason: string; hint?: string }[];
  refresh: () => Promise<void>;
}

/** A manifest in full; what matters to the test is given. */
export function manifestOf(over: { name?: string; commands?: string; more?: string } = {}): string {
  const { name = 'tool', commands = 'go: { type: write, description: Goes. }', more = '' } = over;
  return `manifest_spec: bellhop.plugin/1
name: ${name}
version: 1.0.0
protocol: 2
entrypoint: main
description: A plugin of the tests.
commands: { ${commands} }
${more}`;
}

/** Reads the request into `request`, runs the code, which answers with `answer(…)`. */
const PRELUDE = `
const request = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const answer = (response) => process.stdout.write(JSON.stringify(response));
`;

export async function writePlugin(dir: string, folder: string, file: PluginFile): Promise<void> {
  const { manifest = manifestOf(), code, entrypoint = 'main' } = file;
  const script = file.script ?? `#!${process.execPath}\n${PRELUDE}${code ?? "answer({ status: 'ok' });"}\n`;
  const home = join(dir, folder);
  await mkdir(home, { recursive: true });
  await writeFile(join(home, 'manifest.yaml'), manifest);
  await writeFile(join(home, entrypoint), script);
  await chmod(join(home, entrypoint), 0o755);
}

/** Call it once in a test file; the folders and the houses end with each test. */
export function pluginEstate(): { open: (parts: PluginParts) => Promise<PluginHouse> } {
  // Ends what runs before its folder goes: hooks run in the reverse order of their making.
  const folders: string[] = [];
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  });
  const houses = estate();
  return {
    async open({ plugins, env = {}, log = silentLog, ...rest }) {
      const root = await mkdtemp(join(tmpdir(), 'bellhop-plugins-'));
      folders.push(root);
      const [dir, jobs] = [join(root, 'plugins'), join(root, 'jobs')];
      await mkdir(jobs);
      for (const [folder, file] of Object.entries(plugins)) await writePlugin(dir, folder, file);
      const clock = rest.clock ?? systemClock;
      const around = { PATH: process.env['PATH'] ?? '', ...env };
      const shelf = createShelf({ dir, missing: 'named', env: around, log });
      const registry = createRegistry({ dir: jobs, clock, log, plugins: shelf });
      const house = await houses.open({ ...rest, registry, env: around, log, clock });
      const refresh = (): Promise<void> => registry.refresh();
      return Object.assign(house, { dir, problems: () => registry.problems(), refresh });
    },
  };
}
