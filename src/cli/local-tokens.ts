import type { Bellhop } from '../main.ts';
import { describeTokenRefusal } from '../runner/token-words.ts';
import type { TokenRefused } from '../runner/tokens.ts';
import type { TokenGateway, TokenProblem } from './gateway.ts';

/** The verbs of tokens where the store is open in this process. */
export function localTokens({ tokens, operator }: Pick<Bellhop, 'tokens' | 'operator'>): TokenGateway {
  return {
    async list() {
      await tokens.start();
      return tokens.list();
    },
    async create(asked) {
      await tokens.start();
      const made = await tokens.create(asked, operator);
      return made.outcome === 'created' ? made : problem(made);
    },
    async rotate(ref, overlap) {
      await tokens.start();
      const made = await tokens.rotate(ref, overlap, operator);
      return made.outcome === 'rotated' ? made : problem(made);
    },
    async revoke(ref) {
      await tokens.start();
      const result = await tokens.revoke(ref, operator);
      return result.outcome === 'revoked' ? result : problem(result);
    },
  };
}

function problem(refused: TokenRefused): TokenProblem {
  const said = describeTokenRefusal(refused, { list: 'bellhop token list' });
  return { outcome: 'problem', text: `${said.problem}\n${said.hint}` };
}
