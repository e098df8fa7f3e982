import { createArgs } from './args.ts';
import type { MethodDeps, Method } from './methods/method.ts';
import { chatMethods } from './methods/chat.ts';
import { conversationMethods } from './methods/conversations.ts';
import { fileMethods } from './methods/files.ts';
import { viewMethods } from './methods/views.ts';
import { granted, refused } from './reply.ts';
import type { Reply } from './reply.ts';
import type { Json } from './state.ts';

export interface WebApi {
  /** Answers a Web API call as Slack would; `args` are the decoded fields of its body, with JSON still as text or already read. */
  call(method: string, args: Json, token: string | undefined): Reply;
  /** From now on the token is refused as revoked. */
  revoke(): void;
}

export interface WebApiDeps extends MethodDeps {
  /** The bot token that is accepted. */
  token: string;
}

/** The scopes of what Bellhop can do without (docs.slack.dev, each method). */
const SCOPES: Readonly<Record<string, string>> = {
  'files.getUploadURLExternal': 'files:write',
  'files.completeUploadExternal': 'files:write',
  'conversations.history': 'channels:history',
  'conversations.replies': 'channels:history',
  'users.info': 'users:read',
};

const authTest: Method = (_args, { world }) =>
  granted({
    url: `https://${world.team.domain}.slack.test/`,
    team: world.team.name,
    team_id: world.team.id,
    user: world.bot.name,
    user_id: world.bot.user,
    bot_id: world.bot.bot,
    is_enterprise_install: false,
  });

const usersInfo: Method = (args, { world }) => {
  const person = world.people.get(args.text('user') ?? '');
  if (person === undefined) return refused('user_not_found');
  return granted({
    user: {
      id: person.id,
      team_id: world.team.id,
      name: person.name,
      real_name: person.realName,
      deleted: person.deleted === true,
      is_bot: person.isBot,
      tz: person.tz,
      profile: { real_name: person.realName, display_name: person.name, email: person.email },
    },
  });
};

const METHODS: ReadonlyMap<string, Method> = new Map(
  Object.entries({
    'auth.test': authTest,
    'users.info': usersInfo,
    ...chatMethods,
    ...conversationMethods,
    ...viewMethods,
    ...fileMethods,
  }),
);

/** The method table of the fake workspace: every method that Bellhop uses, held to the rules that Slack documents. */
export function createWebApi(deps: WebApiDeps): WebApi {
  let revoked = false;
  return {
    call(method, args, token) {
      // The one method that answers without a token.
      if (method === 'api.test') return granted({ args });
      const found = METHODS.get(method);
      if (found === undefined) return refused('unknown_method', { req_method: method });
      if (token === undefined || token === '') return refused('not_authed');
      if (token !== deps.token) return refused('invalid_auth');
      if (revoked) return refused('token_revoked');
      const needed = SCOPES[method];
      const { scopes } = deps.world;
      if (needed !== undefined && !scopes.has(needed))
        return refused('missing_scope', { needed, provided: [...scopes].join(',') });
      return found(createArgs(args), deps);
    },
    revoke() {
      revoked = true;
    },
  };
}
