import { SCOPES } from '../bot/manifest.ts';
import type { Clock } from '../clock.ts';

/** A JSON object as it goes over Slack's wire; what it means is decided where it is read. */
export type Json = Record<string, unknown>;

export interface Person {
  id: string;
  name: string;
  realName: string;
  isBot: boolean;
  email: string;
  tz: string;
  /** Deactivated. */
  deleted?: boolean;
}

export interface Channel {
  id: string;
  name: string;
  kind: 'public' | 'private' | 'im';
  /** The other side of a direct message. */
  user?: string;
  members: Set<string>;
  archived: boolean;
  created: number;
}

export interface Message {
  channel: string;
  ts: string;
  threadTs?: string;
  broadcast?: boolean;
  user: string;
  botId?: string;
  text: string;
  blocks: Json[];
  metadata?: Json;
  edited?: { user: string; ts: string };
  /** Only this user sees it, and no method lists it. */
  ephemeralFor?: string;
  reactions: { name: string; user: string }[];
  files: string[];
  /** 1 when posted, and one more with every edit. */
  revision: number;
}

export interface View {
  id: string;
  user: string;
  kind: 'modal' | 'home';
  hash: string;
  definition: Json;
}

export interface StoredFile {
  id: string;
  filename: string;
  title: string;
  /** What a picture shows, for those who cannot see it. */
  alt?: string;
  length: number;
  content?: Buffer;
  shared: boolean;
}

/** What happened in the workspace, in the order in which Slack accepted it. */
export interface Happening {
  type: 'posted' | 'edited' | 'deleted' | 'ephemeral' | 'view' | 'reaction';
  at: number;
  message?: Message;
  view?: View;
}

/** A rule of Slack that the app broke: real Slack would have shown an error, sometimes to the user only. */
export interface Violation {
  at: number;
  rule: string;
  detail: string;
}

export interface Team {
  id: string;
  name: string;
  domain: string;
}

export interface World {
  team: Team;
  appId: string;
  bot: { user: string; bot: string; name: string };
  /** What the token was granted; Slack names it in a header of every answer. */
  scopes: Set<string>;
  people: Map<string, Person>;
  channels: Map<string, Channel>;
  /** Oldest first; ephemeral messages among them. */
  messages: Message[];
  views: Map<string, View>;
  files: Map<string, StoredFile>;
  violations: Violation[];
  /** Messages that were forgotten because the workspace is full. */
  forgotten: number;
  nextTs(): string;
  nextId(prefix: string): string;
  add(message: Message): void;
  find(channel: string, ts: string): Message | undefined;
  remove(message: Message): void;
  emit(happening: Omit<Happening, 'at'>): void;
  violate(rule: string, detail: string): void;
  listen(listener: (happening: Happening) => void): () => void;
  clock: Clock;
}

export interface WorldOptions {
  team?: Team;
  /** Default: all that the manifest asks for. */
  scopes?: readonly string[];
  /** Default 10,000; the oldest are forgotten, and counted in `forgotten`. */
  maxMessages?: number;
}

const MAX_VIOLATIONS = 1_000;
const MAX_VIEWS = 500;

/** The state of a fake workspace and the few primitives that change it; knows nothing of methods or wires. */
export function createWorld(clock: Clock, options: WorldOptions = {}): World {
  const maxMessages = options.maxMessages ?? 10_000;
  const listeners = new Set<(happening: Happening) => void>();
  const byKey = new Map<string, Message>();
  let lastMicros = 0;
  let serial = 0;

  const world: World = {
    team: options.team ?? { id: 'T0BELLHOP', name: 'Grand Hotel', domain: 'grand-hotel' },
    appId: 'A0BELLHOP',
    bot: { user: 'U0BELLHOP', bot: 'B0BELLHOP', name: 'bellhop' },
    scopes: new Set(options.scopes ?? [...SCOPES.needed, ...SCOPES.optional]),
    people: new Map(),
    channels: new Map(),
    messages: [],
    views: new Map(),
    files: new Map(),
    violations: [],
    forgotten: 0,
    clock,
    nextTs() {
      // Slack's ts is unique in a channel and sorts by time; two in one instant differ in the digits behind the point.
      lastMicros = Math.max(clock.now() * 1_000, lastMicros + 100);
      return formatTs(lastMicros);
    },
    nextId(prefix) {
      serial += 1;
      return `${prefix}${serial.toString(36).toUpperCase().padStart(8, '0')}`;
    },
    add(message) {
      world.messages.push(message);
      byKey.set(`${message.channel} ${message.ts}`, message);
      for (; world.messages.length > maxMessages; world.forgotten += 1) {
        const old = world.messages.shift();
        if (old !== undefined) byKey.delete(`${old.channel} ${old.ts}`);
      }
    },
    find: (channel, ts) => byKey.get(`${channel} ${ts}`),
    remove(message) {
      byKey.delete(`${message.channel} ${message.ts}`);
      const at = world.messages.indexOf(message);
      if (at >= 0) world.messages.splice(at, 1);
    },
    emit(happening) {
      for (const id of world.views.keys()) if (world.views.size > MAX_VIEWS) world.views.delete(id);
      for (const listener of listeners) listener({ ...happening, at: clock.now() });
    },
    violate(rule, detail) {
      if (world.violations.length < MAX_VIOLATIONS) world.violations.push({ at: clock.now(), rule, detail });
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  return world;
}

function formatTs(micros: number): string {
  return `${Math.floor(micros / 1e6)}.${String(micros % 1e6).padStart(6, '0')}`;
}

/** Microseconds of a Slack ts, whole or partial (`1700000000`, `1700000000.000100`); NaN for anything else. */
export function microsOf(ts: string): number {
  const parts = /^(\d{1,10})(?:\.(\d{1,6}))?$/.exec(ts);
  if (parts === null) return Number.NaN;
  return Number(parts[1]) * 1e6 + Number((parts[2] ?? '').padEnd(6, '0'));
}

/** The channel that `C…`, `D…`, `#name` or `name` means. */
export function findChannel(world: World, reference: string): Channel | undefined {
  const byId = world.channels.get(reference);
  if (byId !== undefined) return byId;
  const name = reference.replace(/^#/, '');
  for (const channel of world.channels.values()) if (channel.kind !== 'im' && channel.name === name) return channel;
  return undefined;
}

/** The direct message between the bot and a user, made when there is none yet; undefined for an unknown user. */
export function directMessage(world: World, user: string): Channel | undefined {
  if (!world.people.has(user)) return undefined;
  for (const channel of world.channels.values()) if (channel.kind === 'im' && channel.user === user) return channel;
  const id = `D0${user.slice(1)}`;
  const created: Channel = {
    id,
    name: id,
    kind: 'im',
    user,
    members: new Set([user, world.bot.user]),
    archived: false,
    created: Math.floor(world.clock.now() / 1_000),
  };
  world.channels.set(id, created);
  return created;
}

/** A message as the Web API shows it. */
export function wireMessage(message: Message, options: { metadata: 'with' | 'without' }): Json {
  return {
    type: 'message',
    user: message.user,
    text: message.text,
    ts: message.ts,
    ...(message.botId === undefined ? {} : { bot_id: message.botId }),
    ...(message.broadcast === true ? { subtype: 'thread_broadcast' } : {}),
    ...(message.threadTs === undefined ? {} : { thread_ts: message.threadTs }),
    ...(message.blocks.length === 0 ? {} : { blocks: message.blocks }),
    ...(message.edited === undefined ? {} : { edited: message.edited }),
    ...(message.files.length === 0 ? {} : { files: message.files.map((id) => ({ id })) }),
    ...(message.reactions.length === 0 ? {} : { reactions: groupReactions(message.reactions) }),
    ...(message.metadata === undefined || options.metadata === 'without' ? {} : { metadata: message.metadata }),
  };
}

/** A file as the Web API shows it. */
export function wireFile(file: StoredFile): Json {
  const { id, filename: name, title, length: size, alt } = file;
  return { id, name, title, size, ...(alt === undefined ? {} : { alt_txt: alt }) };
}

function groupReactions(reactions: Message['reactions']): Json[] {
  const byName = new Map<string, string[]>();
  for (const { name, user } of reactions) byName.set(name, [...(byName.get(name) ?? []), user]);
  return [...byName].map(([name, users]) => ({ name, users, count: users.length }));
}
