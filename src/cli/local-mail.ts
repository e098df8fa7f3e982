import type { Bellhop } from '../main.ts';
import { describeMailRefusal } from '../runner/subscriptions.ts';
import type { MailRefused } from '../runner/subscriptions.ts';
import type { MailGateway, MailProblem } from './gateway.ts';

/** The verbs of the suppression list where the store is open in this process. */
export function localMail({ subscriptions, operator }: Pick<Bellhop, 'subscriptions' | 'operator'>): MailGateway {
  return {
    list: (query) => subscriptions.list(query),
    async allow(address) {
      const result = await subscriptions.allow(address, operator);
      return result.outcome === 'allowed' ? result : problem(result);
    },
    async suppress(address) {
      const result = await subscriptions.suppress(address, operator);
      return result.outcome === 'invalid' ? problem(result) : result;
    },
  };
}

function problem(refused: MailRefused): MailProblem {
  const said = describeMailRefusal(refused);
  return { outcome: 'problem', text: `${said.problem}\n${said.hint}` };
}
