/** `bellhop store VERB`: what is done to a whole store while no server holds it. */
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { UsageError } from '../errors.ts';
import type { Terminal } from './terminal.ts';

/** What was typed behind the verb. */
export interface StoreWords {
  args: readonly string[];
  from?: string;
  to?: string;
  verify: boolean;
  json: boolean;
  fix: boolean;
}

export interface StoreCommandDeps {
  terminal: Terminal;
  clock: Clock;
  /** Reads the configuration: only for a verb that needs one. */
  config: () => Config;
}

interface StoreVerb {
  /** The options it takes. */
  takes: readonly string[];
  run: (deps: StoreCommandDeps, words: StoreWords) => Promise<number>;
}

const VERBS: Readonly<Record<string, StoreVerb>> = {
  doctor: {
    takes: ['json', 'fix'],
    run: async (deps, words) => (await import('./store-doctor.ts')).storeDoctor(deps, words),
  },
  copy: {
    takes: ['from', 'to', 'verify'],
    run: async (deps, words) => (await import('./store-copy.ts')).storeCopy(deps, words),
  },
};

/** Runs a verb of the group; `given` are the names of the options that were typed. Answers the exit code. */
export async function storeCommand(
  deps: StoreCommandDeps,
  words: StoreWords,
  given: readonly string[],
): Promise<number> {
  const [name, ...args] = words.args;
  const verb = name === undefined ? undefined : VERBS[name];
  if (verb === undefined) {
    const message = name === undefined ? 'What about the store?' : `store has no verb “${name}”`;
    throw new UsageError(message, { code: 'USAGE', hint: `It has ${Object.keys(VERBS).join(', ')}.` });
  }
  const stray = given.find((option) => !verb.takes.includes(option));
  if (stray !== undefined) {
    const hint = `It takes ${verb.takes.map((option) => `--${option}`).join(', ')}.`;
    throw new UsageError(`bellhop store ${name} takes no --${stray}`, { code: 'USAGE', hint });
  }
  return verb.run(deps, { ...words, args });
}
