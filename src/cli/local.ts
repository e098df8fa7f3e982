import type { Bellhop } from '../main.ts';
import type { Gateway } from './gateway.ts';
import { localMail } from './local-mail.ts';
import { localMemory } from './local-memory.ts';
import { localSchedules } from './local-schedules.ts';
import { localTokens } from './local-tokens.ts';

/** The store is open in this process: no server holds the data folder. */
export function createLocalGateway(bellhop: Bellhop): Gateway {
  const { runner, store } = bellhop;
  const actor = bellhop.operator;
  let working: Promise<void> | undefined;
  /** Only who asks for a run executes runs: reading a folder must not begin what waits in it. */
  const work = (): Promise<void> => (working ??= bellhop.start());
  return {
    where: 'here',
    async jobs() {
      await bellhop.loadJobs();
      return { jobs: runner.jobs(), problems: runner.problems() };
    },
    async submit(job, words) {
      await work();
      return runner.submit({ job, input: words, as: 'words', actor, trigger: 'cli' });
    },
    async find(ref) {
      const found = await runner.find(ref, actor);
      if (found.outcome === 'not_found') return found;
      if (found.outcome === 'ambiguous') return { outcome: 'ambiguous', ids: found.candidates.map((run) => run.id) };
      return { outcome: 'found', run: found.run, deliveries: await store.deliveries(found.run.id) };
    },
    transcript: (run) => runner.transcript(run),
    list: (query) => store.list(query),
    schedules: localSchedules(bellhop),
    tokens: localTokens(bellhop),
    mail: localMail(bellhop),
    memory: localMemory(bellhop),
    notices: (query) => store.listNotices(query),
    async preflight(job) {
      await bellhop.loadJobs();
      const result = await bellhop.scheduler.preflights.now(job);
      if (result.outcome === 'looked') return result;
      const { suggestions } = result;
      const hint = suggestions.length > 0 ? `Did you mean ${suggestions.join(', ')}?` : 'bellhop jobs lists them.';
      return { outcome: 'problem', text: `There is no job ${result.name.slice(0, 80)}.\n${hint}` };
    },
    cancel: async (id) => (await runner.cancel(id, actor)).outcome,
    async approve(id) {
      await work();
      return (await runner.approve(id, actor)).outcome;
    },
    async retry(id) {
      await work();
      return runner.retry(id, actor);
    },
    remove: async (id) => (await runner.remove(id, actor)).outcome,
    backup: (dir) => store.backup(dir),
    [Symbol.asyncDispose]: () => bellhop.stop({ graceMs: 1_000 }),
  };
}
