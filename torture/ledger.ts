/** What the writers of all lives asked for and were answered, kept outside the store. */
import type { Entry, EntryOf } from './ledger-entries.ts';
import type { Findings } from './store-laws.ts';

type Wish = Omit<EntryOf<'wish-settle'>, 'note' | 'id'>;

/** What must be true of one run, and what may be. */
export interface RunNote {
  key: string;
  fence: number;
  /** By token. A result that was never asked for must not be there. */
  settleWishes: Map<string, Wish>;
  /** The token that was acknowledged. */
  settled?: string;
  cancelWished?: number;
  cancelled: boolean;
  removeWished: boolean;
  removed: boolean;
  /** By delivery: how far it surely is. */
  deliveries: Map<string, { state: 'frozen' | 'sending' | 'sent' | 'delivered'; body: string }>;
  reserve?: { counter: string; amount: number; acknowledged: boolean };
}

/** One thing that holds one value: what was acknowledged last, and what was asked for since. */
export interface Register {
  value: unknown;
  wished: unknown[];
  /** How many wishes there were, and the newest of them. */
  steps: number;
  newest: unknown[];
}

interface CounterNote {
  cap: number;
  /** Acknowledged. */
  spent: number;
  /** Asked for and not answered, with the run that would have spent it. */
  open: Map<string, { id: string; amount: number }>;
}

export interface BackupNote {
  dir: string;
  complete: boolean;
  /** Copies of what was acknowledged when it was begun. */
  runs: Map<string, RunNote>;
  registers: Map<string, Register>;
}

export interface Ledger {
  /** Every key ever asked for. */
  keys: Map<string, { queue: string; at: number; id?: string; batch?: string; slot?: boolean; again?: boolean }>;
  /** Those that may be there; the ids of the others are in `gone`. */
  runs: Map<string, RunNote>;
  gone: Set<string>;
  accepted: Set<string>;
  ends: Record<'cancel' | 'remove', { wished: Set<string>; acknowledged: Set<string> }>;
  registers: Map<string, Register>;
  /** Slots that were asked for, with the instant; up to `through` they were acknowledged. */
  schedules: Map<string, { through: number; slots: Map<number, { key: string; at: number }> }>;
  counters: Map<string, CounterNote>;
  /** Marks of acts, and whether each was acknowledged. */
  marks: Map<string, boolean>;
  feed: {
    /** The newest event that somebody has seen; undefined: nobody has watched yet. */
    since?: number;
    /** What was seen, and what must have been, since the last audit. */
    seen: Set<string>;
    owed: Set<string>;
    /** What the feed alone says that there is: the state of each run. */
    states: Map<string, string>;
    /** The newest, for a second reading. */
    newest: { seq: number; fact: string }[];
  };
  backups: BackupNote[];
  answers: number;
}

/** A copy of the store is held against what was acknowledged of this many runs, the newest. */
const RUNS_OF_A_BACKUP = 2_000;
const NEWEST_EVENTS = 1_000;
/** More than a writer wishes of one register between two audits. */
const NEWEST_WISHES = 10_000;

export function newLedger(): Ledger {
  const ends = (): { wished: Set<string>; acknowledged: Set<string> } => ({
    wished: new Set(),
    acknowledged: new Set(),
  });
  return {
    keys: new Map(),
    runs: new Map(),
    gone: new Set(),
    accepted: new Set(),
    ends: { cancel: ends(), remove: ends() },
    registers: new Map(),
    schedules: new Map(),
    counters: new Map(),
    marks: new Map(),
    feed: { seen: new Set(), owed: new Set(), states: new Map(), newest: [] },
    backups: [],
    answers: 0,
  };
}

/** Adds one life's entries, in their order. Answers that contradict each other are harm whatever the store holds. */
export function addEntries(ledger: Ledger, entries: readonly Entry[], found: Findings): void {
  for (const one of entries) {
    if (!one.note.startsWith('wish') && !['event', 'check', 'not-set'].includes(one.note)) ledger.answers++;
    add({ ledger, found }, one);
  }
}

type At = { ledger: Ledger; found: Findings };

function add(at: At, one: Entry): void {
  switch (one.note) {
    case 'wish-submit':
    case 'submitted':
      return submitted(at, one);
    case 'wish-set':
    case 'set':
    case 'not-set':
      return register(at.ledger, one);
    case 'wish-advance':
    case 'advanced':
      return advanced(at.ledger, one);
    case 'wish-act':
    case 'acted':
      return void at.ledger.marks.set(one.mark, one.note === 'acted');
    case 'event':
      return event(at, one);
    case 'wish-backup':
    case 'backup':
      return backup(at.ledger, one);
    case 'check':
      return at.found.check(one.law, one.holds, () => one.what);
    default:
      return ofRun(at, one);
  }
}

function submitted({ ledger, found }: At, one: EntryOf<'wish-submit' | 'submitted'>): void {
  const known = ledger.keys.get(one.key);
  if (one.note === 'wish-submit') {
    const { queue, at, batch } = one;
    if (known === undefined) ledger.keys.set(one.key, { queue, at, ...(batch === undefined ? {} : { batch }) });
    else known.again = true;
    return;
  }
  const { id, key } = one;
  found.check('duplicates', known?.id === undefined || known.id === id, () => `${key}: ${known?.id} and ${id}`);
  ledger.keys.set(key, { queue: '', at: 0, ...known, id });
  if (ledger.accepted.has(id)) return;
  ledger.accepted.add(id);
  noteOf(ledger, id).key = key;
  // What an earlier life asked for may have been accepted then, and its event seen before the last audit.
  if (known?.again !== true) ledger.feed.owed.add(`run ${id} queued`);
}

function register(ledger: Ledger, one: EntryOf<'wish-set' | 'set' | 'not-set'>): void {
  const held = ledger.registers.get(one.register) ?? { value: null, wished: [], steps: 0, newest: [] };
  ledger.registers.set(one.register, held);
  const at = held.wished.findIndex((value) => value === one.value);
  if (one.note === 'wish-set') {
    held.wished.push(one.value);
    held.steps++;
    held.newest.push(one.value);
    if (held.newest.length > 2 * NEWEST_WISHES) held.newest.splice(0, NEWEST_WISHES);
  } else if (one.note === 'not-set') held.wished = held.wished.filter((_, n) => n !== at);
  else {
    held.value = one.value;
    held.wished = held.wished.slice(at + 1);
  }
}

function advanced(ledger: Ledger, one: EntryOf<'wish-advance' | 'advanced'>): void {
  const schedule = ledger.schedules.get(one.schedule) ?? { through: -1, slots: new Map() };
  ledger.schedules.set(one.schedule, schedule);
  if (one.note === 'advanced') {
    schedule.through = Math.max(schedule.through, one.slot);
    return;
  }
  const { key, at, queue } = one;
  schedule.slots.set(one.slot, { key, at });
  if (!ledger.keys.has(key)) ledger.keys.set(key, { queue, at, slot: true });
}

function event({ ledger, found }: At, { seq, fact }: EntryOf<'event'>): void {
  const { feed } = ledger;
  const { since } = feed;
  found.check('events', since === undefined || seq > since, () => `event ${seq} (${fact}) came after ${since}`);
  found.check('events', fact !== 'resync' || since === undefined, () => `a watcher at ${since} was told to begin anew`);
  addEvent(ledger, { seq, fact });
}

/** Takes what somebody saw in the feed. */
export function addEvent({ feed }: Ledger, { seq, fact }: { seq: number; fact: string }): void {
  feed.since = Math.max(feed.since ?? 0, seq);
  feed.seen.add(fact);
  const [what, id = '', state = ''] = fact.split(' ');
  if (what === 'run') feed.states.set(id, state);
  if (what === 'removed') feed.states.delete(id);
  // Where nothing was seen yet is no position that a restart must know.
  if (what !== 'resync') feed.newest.push({ seq, fact });
  if (feed.newest.length > 2 * NEWEST_EVENTS) feed.newest.splice(0, NEWEST_EVENTS);
}

function backup(ledger: Ledger, { note, dir }: EntryOf<'wish-backup' | 'backup'>): void {
  if (note === 'backup') {
    for (const one of ledger.backups) if (one.dir === dir) one.complete = true;
    return;
  }
  const newest = [...ledger.runs].slice(-RUNS_OF_A_BACKUP);
  ledger.backups.push({
    dir,
    complete: false,
    runs: new Map(newest.map(([id, run]) => [id, structuredClone(run)])),
    registers: structuredClone(ledger.registers),
  });
}

type OfRun = Extract<Entry, { id: string }>;

function ofRun({ ledger, found }: At, one: Exclude<OfRun, EntryOf<'submitted'>>): void {
  const { id } = one;
  const run = noteOf(ledger, id);
  switch (one.note) {
    case 'claimed':
      found.check('duplicates', one.fence > run.fence, () => `${id}: fence ${one.fence} after ${run.fence}`);
      run.fence = Math.max(run.fence, one.fence);
      return;
    case 'wish-settle':
      run.settleWishes.set(one.token, one);
      spend(ledger, one);
      return;
    case 'settled':
      return settled(ledger, { run, one });
    case 'wish-end':
    case 'ended':
      return ended(ledger, { run, one });
    case 'part':
      run.deliveries.set(one.delivery, { state: one.state, body: one.body });
      return;
    case 'delivered':
      run.deliveries.set(one.delivery, { state: 'delivered', body: '' });
      ledger.feed.owed.add(`delivery ${one.delivery} delivered`);
      return;
    case 'wish-reserve': {
      const { counter, amount, cap } = one;
      run.reserve = { counter, amount, acknowledged: run.reserve?.acknowledged ?? false };
      if (!ledger.counters.has(counter)) ledger.counters.set(counter, { cap, spent: 0, open: new Map() });
      return;
    }
    case 'reserved':
      if (run.reserve !== undefined) run.reserve.acknowledged = true;
      return;
    default:
      return one satisfies never;
  }
}

function spend(ledger: Ledger, { id, token, counter, amount }: EntryOf<'wish-settle'>): void {
  if (counter !== undefined && amount !== undefined) ledger.counters.get(counter)?.open.set(token, { id, amount });
}

function settled(ledger: Ledger, { run, one }: { run: RunNote; one: EntryOf<'settled'> }): void {
  run.settled = one.token;
  const wish = run.settleWishes.get(one.token);
  ledger.feed.owed.add(`run ${one.id} ${wish?.end}`);
  const counter = ledger.counters.get(wish?.counter ?? '');
  if (counter?.open.delete(one.token) === true) counter.spent += wish?.amount ?? 0;
}

function ended(ledger: Ledger, { run, one }: { run: RunNote; one: EntryOf<'wish-end' | 'ended'> }): void {
  const { id, end } = one;
  if (one.note === 'wish-end') {
    ledger.ends[end].wished.add(id);
    if (end === 'cancel') run.cancelWished ??= one.at;
    else run.removeWished = true;
    return;
  }
  ledger.ends[end].acknowledged.add(id);
  run[end === 'cancel' ? 'cancelled' : 'removed'] = true;
  ledger.feed.owed.add(end === 'cancel' ? `run ${id} cancelled` : `removed ${id}`);
}

function noteOf(ledger: Ledger, id: string): RunNote {
  let note = ledger.runs.get(id);
  if (note === undefined) {
    note = {
      key: '',
      fence: 0,
      settleWishes: new Map(),
      cancelled: false,
      removeWished: false,
      removed: false,
      deliveries: new Map(),
    };
    ledger.runs.set(id, note);
  }
  return note;
}
