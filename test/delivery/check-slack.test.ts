/** What stands in the way of a post, seen before it: against the fake workspace, through the real WebClient. */
import { WebClient } from '@slack/web-api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSlackCheck } from '../../src/delivery/slack/check.ts';
import type { CheckFacts, Transport } from '../../src/delivery/transport.ts';
import { createWorkspace, type Workspace } from '../../src/playground/workspace.ts';
import type { Destination } from '../../src/store/destinations.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';
import { makeReport } from '../support/delivery-report.ts';
import { quietLogger } from '../support/peer-logger.ts';

type SlackPlace = Extract<Destination, { kind: 'slack' }>;

let clock: ManualClock;
let workspace: Workspace;
let check: NonNullable<Transport['check']>;
beforeEach(() => {
  clock = manualClock();
  workspace = createWorkspace({ clock }, { rates: 'off' });
  const client = new WebClient(workspace.token, {
    fetch: workspace.fetch,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logger: quietLogger,
  });
  const apiCall = async (method: string, args?: Record<string, unknown>) => ({
    ...(await client.apiCall(method, args)),
  });
  check = createSlackCheck({ client: { apiCall }, clock });
});
// A look changes nothing in the workspace, whatever it finds.
afterEach(() => {
  const asked = new Set(workspace.calls.map(({ method }) => method));
  for (const method of asked) expect(['auth.test', 'conversations.info', 'users.info']).toContain(method);
});

async function look(channel: string, facts: CheckFacts = {}, more: Partial<SlackPlace> = {}) {
  const problems = await check({ kind: 'slack', channel, ...more }, facts, new AbortController().signal);
  return problems.map(({ code, severity, message }) => `${severity} ${code}: ${message}`);
}

describe('a channel by its id', () => {
  test('is well where the bot is in it, public or private', async () => {
    workspace.addChannel('secret', { id: 'C0SECRET', kind: 'private' });
    expect(await look('C0REPORTS')).toEqual([]);
    expect(await look('C0SECRET')).toEqual([]);
    expect(await look(workspace.directMessage('U0ANA').id)).toEqual([]);
  });

  test('fails where the bot is not in it; where a report arrived before, the bot was removed', async () => {
    expect(await look('C0LOBBY')).toEqual(['fails NOT_IN_CHANNEL: I am not in #lobby']);
    expect(await look('C0LOBBY', { channelId: 'C0LOBBY' })).toEqual([
      'fails NOT_IN_CHANNEL: I was removed from #lobby',
    ]);
  });

  test('is well without the bot in it when the app may post to any public channel', async () => {
    workspace.scopes.add('chat:write.public');
    expect(await look('C0LOBBY')).toEqual([]);
    workspace.channel('lobby').kind = 'private';
    expect(await look('C0LOBBY')).toHaveLength(1);
  });

  test('fails when it is archived', async () => {
    expect(await look('C0ATTIC')).toEqual(['fails CHANNEL_ARCHIVED: #attic is archived']);
  });

  test('fails when it is not there, or private and closed to the bot', async () => {
    expect(await look('C0NOWHERE')).toEqual([
      'fails PLACE_GONE: C0NOWHERE does not exist, or it is private and I am not in it',
    ]);
    expect(await look('C0BOARD', { channelId: 'C0BOARD' })).toEqual([
      'fails PLACE_GONE: I was removed from C0BOARD, or it was deleted',
    ]);
  });
});

describe('a channel by its name', () => {
  test('is known by the receipt of the last report that arrived there', async () => {
    expect(await look('#reports', { channelId: 'C0REPORTS' })).toEqual([]);
    workspace.channel('reports').members.delete(workspace.bot.user);
    expect(await look('#reports', { channelId: 'C0REPORTS' })).toEqual([
      'fails NOT_IN_CHANNEL: I was removed from #reports',
    ]);
  });

  test('is unknown before the first report, and nothing is asked for it', async () => {
    const [said, ...more] = await look('#reports');
    expect([said, more]).toEqual([expect.stringMatching(/^unknown NOT_KNOWN_YET: No report has arrived/), []]);
    expect(workspace.calls.map(({ method }) => method)).toEqual(['auth.test']);
  });

  test('is unknown when that channel has another name by now', async () => {
    expect(await look('#sales', { channelId: 'C0REPORTS' })).toEqual([
      'unknown CHANNEL_RENAMED: The channel that was #sales is called #reports now',
    ]);
  });
});

describe('a person', () => {
  test('is well, fails when deactivated or not there, and is unknown without users:read', async () => {
    expect(await look('U0ANA')).toEqual([]);
    workspace.addPerson({ id: 'U0GONE', name: 'gone', deleted: true });
    expect(await look('U0GONE')).toEqual(['fails PLACE_GONE: The user U0GONE is deactivated']);
    expect(await look('U0NOBODY')).toEqual(['fails PLACE_GONE: There is no user U0NOBODY']);
    workspace.scopes.delete('users:read');
    expect(await look('U0ANA')).toEqual(['unknown CANNOT_LOOK: I cannot look at U0ANA without users:read']);
  });
});

describe('the token', () => {
  test('that is revoked fails, with what to do, and no channel is asked for', async () => {
    workspace.revokeToken();
    const [problem] = await check({ kind: 'slack', channel: 'C0REPORTS' }, {}, new AbortController().signal);
    expect(problem).toMatchObject({ code: 'TOKEN_REFUSED', severity: 'fails' });
    expect(problem?.message).toContain('token_revoked');
    expect(problem?.hint).toContain('SLACK_BOT_TOKEN');
    expect(workspace.calls.map(({ method }) => method)).toEqual(['auth.test']);
  });

  test('is asked for once for many places, and again after ten seconds', async () => {
    for (const channel of ['C0REPORTS', 'C0GENERAL', 'U0ANA']) await look(channel);
    expect(workspace.calls.filter(({ method }) => method === 'auth.test')).toHaveLength(1);
    await clock.advance(10_000);
    workspace.revokeToken();
    expect(await look('C0REPORTS')).toHaveLength(1);
  });

  test('without chat:write fails', async () => {
    workspace.scopes.delete('chat:write');
    expect(await look('C0REPORTS')).toEqual(['fails SCOPE_MISSING: The token may not post (chat:write)']);
  });

  test('without files:write degrades what asks for files, or whose last report had some', async () => {
    workspace.scopes.delete('files:write');
    const said = ['degrades SCOPE_MISSING: The files of the report cannot be sent to C0REPORTS without files:write'];
    expect(await look('C0REPORTS')).toEqual([]);
    expect(await look('C0REPORTS', {}, { attach: ['csv'] })).toEqual(said);
    const attachment = { name: 'a.csv', mediaType: 'text/csv', sha256: 'a'.repeat(64), bytes: 3 };
    expect(await look('C0REPORTS', { report: { ...makeReport(), attachments: [attachment] } })).toEqual(said);
  });

  test('without channels:read leaves unknown whether the bot is in the channel, and names what is missing', async () => {
    workspace.scopes.delete('channels:read');
    expect(await look('C0REPORTS')).toEqual(['unknown CANNOT_LOOK: I cannot look at C0REPORTS without channels:read']);
  });
});

describe('a Slack that does not answer as it should', () => {
  test.each([
    ['auth.test', { kind: 'status', status: 500 }],
    ['auth.test', { kind: 'rate_limited', retryAfter: 3 }],
    ['conversations.info', { kind: 'html' }],
    ['conversations.info', { kind: 'drop_before' }],
    ['conversations.info', { kind: 'error', error: 'internal_error' }],
  ] as const)('%s: %j is unknown, never a failure', async (method, fault) => {
    workspace.faults.add({ method, fault });
    const [said] = await look('C0REPORTS');
    expect(said).toMatch(/^unknown CANNOT_LOOK: Slack could not be asked for/);
    expect(said).not.toContain('posted');
    expect(await look('C0REPORTS')).toEqual([]);
  });
});
