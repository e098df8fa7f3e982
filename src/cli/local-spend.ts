import type { Bellhop } from '../main.ts';
import { describeAllowRefusal } from '../runner/spending.ts';
import type { SpendGateway } from './gateway.ts';

/** The verbs of money where the store is open in this process. */
export function localSpend({
  spending,
  loadJobs,
  operator,
}: Pick<Bellhop, 'spending' | 'loadJobs' | 'operator'>): SpendGateway {
  return {
    async view() {
      await loadJobs();
      return spending.view();
    },
    async allow(job) {
      await loadJobs();
      const result = await spending.allow(job, operator);
      if ('until' in result) return result;
      const { problem, hint } = describeAllowRefusal(result);
      return { outcome: 'problem', text: `${problem}\n${hint}` };
    },
  };
}
