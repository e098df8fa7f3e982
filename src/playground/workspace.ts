import type { Clock } from '../clock.ts';
import { UsageError } from '../errors.ts';
import type { Rate } from './buckets.ts';
import { createBuckets } from './buckets.ts';
import type { Ack, Door } from './door.ts';
import type { Faults } from './faults.ts';
import { createFaults } from './faults.ts';
import type { Fetch } from './fetch.ts';
import { createFetch } from './fetch.ts';
import { wireView } from './methods/views.ts';
import type { ClickAct, Rights, SlashAct, SubmitAct, ViewClickAct } from './payloads.ts';
import { clickPayload, homePayload, slashFields, submitPayload, viewClickPayload } from './payloads.ts';
import { answerOf, applyResponse } from './responses.ts';
import type { Channel, Happening, Json, Message, Person, StoredFile, Team, View, Violation, World } from './state.ts';
import { createWorld, directMessage, findChannel } from './state.ts';
import type { ResponseTarget } from './tickets.ts';
import { createTickets } from './tickets.ts';
import { createWebApi } from './web-api.ts';
import type { Wire } from './wire.ts';
import { createWire } from './wire.ts';

interface Call {
  at: number;
  method: string;
  args: Json;
}

interface Rates {
  post: Rate;
  update: Rate;
}

/** Slack's: 1 message a second and channel with a short burst; chat.update is tier 3 (50 a minute). Burst sizes are unpublished. */
const SLACK_RATES: Rates = { post: { perSecond: 1, burst: 5 }, update: { perSecond: 50 / 60, burst: 20 } };

export interface WorkspaceOptions {
  /** The bot token that is accepted. */
  token?: string;
  team?: Team;
  /** Default SLACK_RATES; 'off' for tests that are not about pace. */
  rates?: Rates | 'off';
  /** What the token may do at first; default everything. */
  scopes?: readonly string[];
  /** Default 10,000; the oldest are forgotten. */
  maxMessages?: number;
}

interface NewChannel {
  id?: string;
  kind?: 'public' | 'private';
  /** User ids besides the bot. */
  members?: string[];
  /** Default `in`. */
  bot?: 'in' | 'out';
}

export interface Workspace {
  readonly token: string;
  readonly bot: World['bot'];
  readonly team: Team;
  /** For `clientOptions.fetch`. */
  readonly fetch: Fetch;
  /** The wire behind `fetch`, for the HTTP twin. */
  readonly wire: Wire;
  readonly faults: Faults;
  /** Rules of Slack that the app broke. */
  readonly violations: readonly Violation[];
  /** Web API calls and response_url posts as they arrived, the newest 10,000. */
  readonly calls: readonly Call[];
  /** The address that response_urls, uploads and permalinks begin with. */
  setOrigin(origin: string): void;
  setRates(rates: Rates | 'off'): void;
  revokeToken(): void;
  /** What the bot may do; default: all that Bellhop can use. */
  readonly scopes: Set<string>;
  addPerson(person: Pick<Person, 'id' | 'name'> & Partial<Person>): Person;
  addChannel(name: string, options?: NewChannel): Channel;
  channel(reference: string): Channel;
  /** The direct message between the bot and a user. */
  directMessage(user: string): Channel;
  /** Messages that everybody in the channel sees, oldest first, thread replies left out. */
  messages(channel: string): Message[];
  /** The root and its replies, oldest first. */
  thread(channel: string, ts: string): Message[];
  /** What only this user saw, oldest first. */
  ephemerals(user: string): Message[];
  views(user: string): View[];
  files(): StoredFile[];
  /** Calls the listener for each accepted post, edit, deletion, ephemeral message, view and reaction; answers how to stop. */
  on(listener: (happening: Happening) => void): () => void;
  /** Names the app that commands and clicks go to. */
  attach(door: Door): void;
  /** A user types a slash command. */
  slash(act: SlashAct): Promise<Ack>;
  /** A user clicks an element of a message. */
  click(act: ClickAct): Promise<Ack>;
  /** A user opens a tab of the app; default the Home tab. */
  openHome(user: string, tab?: 'home' | 'messages'): Promise<Ack>;
  /** A user clicks an element of a modal or of the Home tab. */
  clickView(act: ViewClickAct): Promise<Ack>;
  /** A user submits a modal. */
  submit(act: SubmitAct): Promise<Ack>;
  /** Everything above as JSON. */
  snapshot(): Json;
}

const MAX_CALLS = 10_000;

/** A fake Slack workspace in memory, with the rules of the real one: people, channels, messages, and the app's bot in it. */
export function createWorkspace(deps: { clock: Clock }, options: WorkspaceOptions = {}): Workspace {
  const { clock } = deps;
  const world = createWorld(clock, {
    ...(options.team === undefined ? {} : { team: options.team }),
    ...(options.maxMessages === undefined ? {} : { maxMessages: options.maxMessages }),
    ...(options.scopes === undefined ? {} : { scopes: options.scopes }),
  });
  const token = options.token ?? 'xoxb-playground-bot';
  const tickets = createTickets(clock);
  const faults = createFaults();
  const calls: Call[] = [];
  // A reserved name (RFC 6761): what leaks out of the process goes nowhere.
  let origin = 'https://slack.test';
  let rates = options.rates ?? SLACK_RATES;
  let door: Door | undefined;

  const api = createWebApi({
    world,
    tickets,
    token,
    buckets: createBuckets(clock),
    origin: () => origin,
    rates: () => (rates === 'off' ? undefined : rates),
  });
  const heard = (call: { method: string; args: Json }): void => {
    calls.push({ at: clock.now(), ...call });
    if (calls.length > MAX_CALLS) calls.shift();
  };
  const wire = createWire({ world, api, tickets, faults, clock, heard });

  function channelOf(reference: string): Channel {
    const found = findChannel(world, reference);
    if (found === undefined) throw nowhere(`There is no channel ${reference} in the playground.`);
    return found;
  }
  function rightsFor(target: ResponseTarget): Rights {
    const id = `${world.team.id}/${world.nextId('R')}/${world.appId}`;
    tickets.response(id, target);
    return { triggerId: tickets.trigger(target.user), responseUrl: `${origin}/commands/${id}` };
  }
  async function send(
    body: Json,
    what: { kind: 'command' | 'interaction' | 'event'; name: string; target: ResponseTarget | undefined },
  ): Promise<Ack> {
    if (door === undefined) throw nowhere('No app is attached to the playground.');
    const ack = await door.send(body, what.kind);
    if (!ack.ok)
      world.violate('ack', `${what.name}: ${ack.error ?? `HTTP ${ack.status}`} after ${Math.round(ack.ms)} ms`);
    const answer = ack.ok && what.target !== undefined ? answerOf(ack.body) : undefined;
    if (answer !== undefined && what.target !== undefined) applyResponse(world, what.target, answer);
    return ack;
  }

  furnish(world);
  return {
    token,
    bot: world.bot,
    team: world.team,
    wire,
    fetch: createFetch(wire),
    faults,
    violations: world.violations,
    scopes: world.scopes,
    calls,
    setOrigin(next) {
      origin = next.replace(/\/+$/, '');
    },
    setRates(next) {
      rates = next;
    },
    revokeToken: () => api.revoke(),
    addPerson: (person) => addPerson(world, person),
    addChannel: (name, channel = {}) => addChannel(world, name, channel),
    channel: channelOf,
    directMessage(user) {
      const found = directMessage(world, user);
      if (found === undefined) throw nowhere(`There is no user ${user} in the playground.`);
      return found;
    },
    messages(reference) {
      const { id } = channelOf(reference);
      return world.messages.filter((m) => m.channel === id && m.ephemeralFor === undefined && m.threadTs === undefined);
    },
    thread(reference, ts) {
      const { id } = channelOf(reference);
      return world.messages.filter(
        (m) => m.channel === id && m.ephemeralFor === undefined && (m.ts === ts || m.threadTs === ts),
      );
    },
    ephemerals: (user) => world.messages.filter((message) => message.ephemeralFor === user),
    views: (user) => [...world.views.values()].filter((view) => view.user === user),
    files: () => [...world.files.values()],
    on: (listener) => world.listen(listener),
    attach(next) {
      door = next;
    },
    async slash(act) {
      const channel = channelOf(act.channel).id;
      const target: ResponseTarget = { channel, user: act.user };
      const fields = slashFields(world, { ...act, channel }, rightsFor(target));
      return send(fields, { kind: 'command', name: `${fields['command']} ${act.text}`, target });
    },
    async click(act) {
      const message = world.find(channelOf(act.channel).id, act.ts);
      if (message === undefined) throw nowhere(`There is no message ${act.ts} to click on.`);
      const rights = rightsFor({ channel: message.channel, user: act.user, message: { ts: message.ts } });
      const payload = clickPayload(world, message, { act, rights });
      if (payload === undefined) throw nowhere(`The message has no element ${act.actionId}.`);
      // Slack ignores what the ack of a click carries.
      return send(payload, { kind: 'interaction', name: act.actionId, target: undefined });
    },
    openHome: (user, tab = 'home') =>
      send(homePayload(world, { user, tab }), { kind: 'event', name: 'app_home_opened', target: undefined }),
    async clickView(act) {
      const view = world.views.get(act.viewId);
      if (view === undefined) throw nowhere(`There is no view ${act.viewId}.`);
      const detail = { act, triggerId: tickets.trigger(act.user) };
      const payload = viewClickPayload(world, wireView(view, world), detail);
      if (payload === undefined) throw nowhere(`The view has no element ${act.actionId}.`);
      return send(payload, { kind: 'interaction', name: act.actionId, target: undefined });
    },
    async submit(act) {
      const view = world.views.get(act.viewId);
      if (view === undefined) throw nowhere(`There is no view ${act.viewId}.`);
      const rights = { triggerId: tickets.trigger(act.user), responseUrl: '' };
      const payload = submitPayload(world, wireView(view, world), { act, rights });
      const ack = await send(payload, { kind: 'interaction', name: act.viewId, target: undefined });
      if (ack.ok && (ack.body === '' || ack.body === undefined)) world.views.delete(act.viewId);
      return ack;
    },
    snapshot: () => snapshot(world, calls),
  };
}

function nowhere(message: string): UsageError {
  return new UsageError(message, { code: 'USAGE', hint: 'Add it to the workspace first.' });
}

/** Two people and the channels that show every way of being reachable. */
function furnish(world: World): void {
  addPerson(world, { id: world.bot.user, name: world.bot.name, realName: 'Bellhop', isBot: true });
  addPerson(world, { id: 'U0ANA', name: 'ana', realName: 'Ana Ferro', email: 'ana@example.com' });
  addPerson(world, { id: 'U0BEN', name: 'ben', realName: 'Ben Okafor', email: 'ben@example.com' });
  addChannel(world, 'general', { id: 'C0GENERAL' });
  addChannel(world, 'reports', { id: 'C0REPORTS' });
  addChannel(world, 'lobby', { id: 'C0LOBBY', bot: 'out' });
  addChannel(world, 'board', { id: 'C0BOARD', kind: 'private', bot: 'out' });
  addChannel(world, 'attic', { id: 'C0ATTIC' }).archived = true;
}

function addPerson(world: World, person: Pick<Person, 'id' | 'name'> & Partial<Person>): Person {
  const made = {
    realName: person.name,
    isBot: false,
    email: `${person.name}@example.com`,
    tz: 'Europe/Berlin',
    ...person,
  };
  world.people.set(made.id, made);
  return made;
}

function addChannel(world: World, name: string, options: NewChannel): Channel {
  const people = [...world.people.values()].filter(({ isBot }) => !isBot).map(({ id }) => id);
  const members = new Set(options.members ?? people);
  if (options.bot !== 'out') members.add(world.bot.user);
  const channel: Channel = {
    id: options.id ?? world.nextId('C'),
    name,
    kind: options.kind ?? 'public',
    members,
    archived: false,
    created: Math.floor(world.clock.now() / 1_000),
  };
  world.channels.set(channel.id, channel);
  return channel;
}

function snapshot(world: World, calls: readonly Call[]): Json {
  return {
    team: world.team,
    bot: world.bot,
    people: [...world.people.values()],
    channels: [...world.channels.values()].map((channel) => ({ ...channel, members: [...channel.members] })),
    messages: world.messages,
    views: [...world.views.values()],
    files: [...world.files.values()].map(({ content, ...file }) => ({ ...file, received: content?.length ?? 0 })),
    violations: world.violations,
    forgotten: world.forgotten,
    calls: calls.map(({ at, method, args }) => ({ at, method, channel: args['channel'], ts: args['ts'] })),
  };
}
