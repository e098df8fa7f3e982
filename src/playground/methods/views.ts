import { readView } from '../content.ts';
import { granted, refused } from '../reply.ts';
import type { Json, View, World } from '../state.ts';
import type { Method } from './method.ts';

export function wireView(view: View, world: World): Json {
  return {
    ...view.definition,
    id: view.id,
    team_id: world.team.id,
    app_id: world.appId,
    bot_id: world.bot.bot,
    hash: view.hash,
    state: { values: {} },
    root_view_id: view.id,
    previous_view_id: null,
  };
}

function keep(world: World, view: View): Json {
  world.views.set(view.id, view);
  world.emit({ type: 'view', view });
  return wireView(view, world);
}

const open: Method = (args, { world, tickets }) => {
  const read = readView(args, world);
  if ('refusal' in read) return read.refusal;
  if (read.view['type'] !== 'modal') return refused('invalid_arguments');
  const ticket = tickets.exchange(args.text('trigger_id') ?? '');
  if ('error' in ticket) {
    world.violate(ticket.error, 'views.open');
    return refused(ticket.error);
  }
  const view: View = {
    id: world.nextId('V'),
    user: ticket.user,
    kind: 'modal',
    hash: world.nextTs(),
    definition: read.view,
  };
  return granted({ view: keep(world, view) });
};

const update: Method = (args, { world }) => {
  const read = readView(args, world);
  if ('refusal' in read) return read.refusal;
  const view = world.views.get(args.text('view_id') ?? '');
  if (view === undefined) return refused('not_found');
  const hash = args.text('hash');
  if (hash !== undefined && hash !== view.hash) return refused('hash_conflict');
  return granted({ view: keep(world, { ...view, hash: world.nextTs(), definition: read.view }) });
};

const publish: Method = (args, { world }) => {
  const read = readView(args, world);
  if ('refusal' in read) return read.refusal;
  const user = args.text('user_id') ?? '';
  if (!world.people.has(user)) return refused('user_not_found');
  if (read.view['type'] !== 'home') return refused('invalid_arguments');
  const id = `V0HOME${user.slice(1)}`;
  const before = world.views.get(id);
  const hash = args.text('hash');
  if (before !== undefined && hash !== undefined && hash !== before.hash) return refused('hash_conflict');
  return granted({ view: keep(world, { id, user, kind: 'home', hash: world.nextTs(), definition: read.view }) });
};

export const viewMethods: Record<string, Method> = {
  'views.open': open,
  'views.update': update,
  'views.publish': publish,
};
