/** Looks whether a report could be posted, and posts nothing: auth.test for the token, conversations.info or users.info for the place. */
import type { Clock } from '../../clock.ts';
import { DeliveryError } from '../../errors.ts';
import type { Destination } from '../../store/destinations.ts';
import type { Problem } from '../../store/preflight-records.ts';
import { createRemembered } from '../remembered.ts';
import type { CheckFacts, Transport } from '../transport.ts';
import { slackCode, toDeliveryError } from './errors.ts';
import { fieldsOf } from './call.ts';
import type { SlackClient } from './call.ts';

type SlackPlace = Extract<Destination, { kind: 'slack' }>;
type Fields = Record<string, unknown>;
/** Undefined: Slack did not say which. */
type Scopes = ReadonlySet<string> | undefined;

/** The token is asked for once for the places of one look; a person who has just mended it is not told the old story. */
const TOKEN_MS = 10_000;
/** Slack's words for a place that is not there, or is not to be seen by us. */
const GONE = new Set(['channel_not_found', 'user_not_found', 'users_not_found', 'user_not_visible']);

const ASK_AGAIN = 'Whether Slack answers is seen again at the next look.';

/** Makes the check of Slack destinations. */
export function createSlackCheck(deps: {
  client: SlackClient;
  clock: Pick<Clock, 'monotonic'>;
}): NonNullable<Transport['check']> {
  const { client } = deps;
  const tokens = createRemembered<Scopes>(deps.clock, { keepMs: TOKEN_MS, max: 1 });
  const scopes = (): Promise<Scopes> =>
    tokens.recall('token', async () => scopesOf(fieldsOf(await client.apiCall('auth.test'))));

  async function ask(method: string, args: Fields, place: string): Promise<Fields | Problem> {
    try {
      return fieldsOf(await client.apiCall(method, args));
    } catch (error) {
      if (slackCode(error) !== 'missing_scope') throw error;
      return unseen(place, neededOf(error));
    }
  }
  async function user(place: SlackPlace): Promise<Problem[]> {
    const answer = await ask('users.info', { user: place.channel }, place.channel);
    if (isProblem(answer)) return [answer];
    return fieldsOf(answer['user'])['deleted'] === true ? [gone(`The user ${place.channel} is deactivated`)] : [];
  }
  async function conversation(id: string, on: { place: SlackPlace; facts: CheckFacts; granted: Scopes }) {
    const { place, facts, granted } = on;
    const answer = await ask('conversations.info', { channel: id }, place.channel);
    if (isProblem(answer)) return [answer];
    const channel = fieldsOf(answer['channel']);
    return problemsOf(channel, { place, granted, wasIn: facts.channelId === id });
  }
  async function look(place: SlackPlace, facts: CheckFacts, granted: Scopes): Promise<Problem[]> {
    const { channel } = place;
    if (/^[UW]/.test(channel)) return user(place);
    const id = channel.startsWith('#') ? facts.channelId : channel;
    if (id === undefined) return [neverSeen(channel)];
    return conversation(id, { place, facts, granted });
  }

  return async (destination, facts) => {
    if (destination.kind !== 'slack')
      throw new DeliveryError('Another kind of destination came to Slack.', { code: 'INTERNAL' });
    let granted: Scopes;
    try {
      granted = await scopes();
    } catch (error) {
      return [refusal(error, 'auth.test')];
    }
    const missing = missingScopes(granted, destination, facts);
    try {
      return [...missing, ...(await look(destination, facts, granted))];
    } catch (error) {
      return [...missing, placeProblem(error, destination, facts)];
    }
  };
}

/** What the WebClient read from the header x-oauth-scopes. */
function scopesOf(answer: Fields): Scopes {
  const scopes = fieldsOf(answer['response_metadata'])['scopes'];
  return Array.isArray(scopes) ? new Set(scopes.filter((one) => typeof one === 'string')) : undefined;
}

function missingScopes(granted: Scopes, place: SlackPlace, facts: CheckFacts): Problem[] {
  if (granted === undefined) return [];
  const hint = (scope: string): string => `Add the scope ${scope} to the app (manifest.yml) and install it again.`;
  const problems: Problem[] = [];
  if (!granted.has('chat:write'))
    problems.push(fails('SCOPE_MISSING', 'The token may not post (chat:write)', hint('chat:write')));
  const files = (place.attach?.length ?? 0) > 0 || (facts.report?.attachments?.length ?? 0) > 0;
  if (files && !granted.has('files:write')) {
    const message = `The files of the report cannot be sent to ${place.channel} without files:write`;
    problems.push({ ...fails('SCOPE_MISSING', message, hint('files:write')), severity: 'degrades' });
  }
  return problems;
}

function problemsOf(channel: Fields, known: { place: SlackPlace; granted: Scopes; wasIn: boolean }): Problem[] {
  const { place, granted, wasIn } = known;
  const named = channel['name'];
  const name = typeof named === 'string' && named !== '' ? `#${named.slice(0, 80)}` : place.channel;
  if (place.channel.startsWith('#') && name !== place.channel) return [renamed(place.channel, name)];
  if (channel['is_archived'] === true) {
    return [fails('CHANNEL_ARCHIVED', `${name} is archived`, 'Unarchive the channel or choose another one.')];
  }
  if (channel['is_member'] !== false || channel['is_im'] === true) return [];
  // Anybody's channel may be posted to without being in it, with a scope of its own.
  if (channel['is_private'] !== true && granted?.has('chat:write.public') === true) return [];
  const message = wasIn ? `I was removed from ${name}` : `I am not in ${name}`;
  return [fails('NOT_IN_CHANNEL', message, `Invite me with /invite @Bellhop in ${name}.`)];
}

function placeProblem(error: unknown, { channel }: SlackPlace, facts: CheckFacts): Problem {
  const code = slackCode(error) ?? '';
  if (!GONE.has(code)) return refusal(error, `look at ${channel}`);
  if (code !== 'channel_not_found') return gone(`There is no user ${channel}`);
  return gone(
    facts.channelId === undefined
      ? `${channel} does not exist, or it is private and I am not in it`
      : `I was removed from ${channel}, or it was deleted`,
  );
}

/** What Slack says no to for good will be refused later too; anything else is only not to be seen now. */
function refusal(error: unknown, what: string): Problem {
  const { code, message, hint = '', permanent } = toDeliveryError(error, what);
  if (permanent) return fails('TOKEN_REFUSED', message.replace(/\.$/, '').slice(0, 500), hint);
  const said = `Slack could not be asked for ${what} (${code})`.slice(0, 500);
  return { code: 'CANNOT_LOOK', message: said, hint: ASK_AGAIN, severity: 'unknown' };
}

function unseen(place: string, scope: string): Problem {
  const message = `I cannot look at ${place} without ${scope}`;
  const hint = `Add the optional scope ${scope} to see beforehand whether the report will arrive.`;
  return { code: 'CANNOT_LOOK', message, hint, severity: 'unknown' };
}

function neverSeen(name: string): Problem {
  const message = `No report has arrived in ${name} yet, and a channel cannot be looked up by its name`;
  return {
    code: 'NOT_KNOWN_YET',
    message,
    hint: 'Name the channel by its id (C…), or run the job once.',
    severity: 'unknown',
  };
}

function renamed(asked: string, now: string): Problem {
  const message = `The channel that was ${asked} is called ${now} now`;
  return { code: 'CHANNEL_RENAMED', message, hint: `Write ${now}, or the id of the channel.`, severity: 'unknown' };
}

function gone(message: string): Problem {
  return fails('PLACE_GONE', message, 'Check the destination; a private channel needs /invite @Bellhop.');
}

function fails(code: string, message: string, hint: string): Problem {
  return { code, message, hint, severity: 'fails' };
}

function isProblem(answer: Fields | Problem): answer is Problem {
  return typeof answer['severity'] === 'string';
}

/** Slack names what it wanted: `channels:read`. */
function neededOf(error: unknown): string {
  const needed = fieldsOf(fieldsOf(error)['data'])['needed'];
  return typeof needed === 'string' && /^[a-z:._,-]{1,100}$/.test(needed) ? needed : 'channels:read';
}
