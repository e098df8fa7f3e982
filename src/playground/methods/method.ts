import type { Args } from '../args.ts';
import type { Buckets, Rate } from '../buckets.ts';
import type { Reply } from '../reply.ts';
import type { World } from '../state.ts';
import type { Tickets } from '../tickets.ts';

export interface MethodDeps {
  world: World;
  tickets: Tickets;
  buckets: Buckets;
  /** Where the workspace answers, without a slash at the end: upload addresses and permalinks start with it. */
  origin: () => string;
  /** Undefined: no rate limits. */
  rates: () => { post: Rate; update: Rate } | undefined;
}

/** One Web API method, after the token was checked. */
export type Method = (args: Args, deps: MethodDeps) => Reply;
