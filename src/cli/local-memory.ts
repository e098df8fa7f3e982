import type { Bellhop } from '../main.ts';
import { adviseOn } from '../runner/memory.ts';
import { didYouMean } from '../suggest.ts';
import type { MemoryGateway } from './gateway.ts';

const ROWS = 200;

/** The verbs of memory where the store is open in this process. */
export function localMemory({
  memory,
  runner,
  operator,
  loadJobs,
}: Pick<Bellhop, 'memory' | 'operator' | 'loadJobs'> & { runner: Pick<Bellhop['runner'], 'jobs'> }): MemoryGateway {
  return {
    async list(job) {
      const rows = await memory.list(job, { limit: ROWS + 1 });
      if (rows.length > 0) return { job, advice: rows.slice(0, ROWS), more: rows.length > ROWS };
      await loadJobs();
      const names = runner.jobs().map(({ name }) => name);
      if (names.includes(job)) return { job, advice: [], more: false };
      const near = didYouMean(job, names) ?? 'bellhop jobs lists them.';
      return { outcome: 'problem', text: `There is no job ${job.slice(0, 80)}.\n${near}` };
    },
    async answer({ job, as, key }) {
      const result = await adviseOn(memory, { job, key, as, actor: operator });
      if (result.outcome !== 'not_found') return result;
      const text = `${job.slice(0, 80)} has recommended nothing with the key ${key.slice(0, 40)}.`;
      return { outcome: 'problem', text: `${text}\nbellhop memory JOB lists the keys.` };
    },
  };
}
