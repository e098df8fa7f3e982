/** Bulk operations of the shop on loopback: the inner question is run over the seed by Shopify's rules, and its file is served. */
import { execute, getNamedType, isObjectType, Kind, parse, validate } from 'graphql';
import type { DocumentNode, GraphQLNamedType, GraphQLSchema, SelectionSetNode } from 'graphql';
import { createRoot } from './resolvers.ts';
import type { RootTerms } from './resolvers.ts';
import type { BuiltShop } from './story.ts';

/** What becomes of the operations, until it is told otherwise. */
export interface BulkScript {
  /** Questions for the state before it ends: the first is answered CREATED, the others RUNNING; default 2. */
  polls?: number;
  ends?: 'COMPLETED' | 'FAILED' | 'CANCELED' | 'EXPIRED';
  errorCode?: 'ACCESS_DENIED' | 'INTERNAL_SERVER_ERROR' | 'TIMEOUT';
  /** It is not begun. */
  refuse?: 'OPERATION_IN_PROGRESS' | 'LIMIT_REACHED' | 'INVALID';
  /** What is served instead of the file; the shop still speaks of the size of the right one unless `size` is given. */
  file?: (text: string) => string | Uint8Array;
  size?: number | null;
  /** Where the file is said to be. */
  url?: (right: string) => string;
  /** How the file is answered, after it was asked for so often. */
  fileStatus?: { status: number; headers?: Record<string, string> };
  /** Only the head and a part of the file are sent, until the connection ends. */
  stall?: boolean;
}
export interface BulkRun {
  id: string;
  query: string;
  polls: number;
  state: 'going' | 'canceled';
  objects: number;
  roots: number;
  text: string;
}
type Json = Record<string, unknown>;

export interface Bulks {
  script: BulkScript;
  runs: BulkRun[];
  /** Times that a file was fetched. */
  fetched: number;
}

export interface BulkTerms extends Pick<RootTerms, 'scopes' | 'marks'> {
  schema: GraphQLSchema;
  url: string;
}

/** The fields of the root that speak of bulk operations. */
export function bulkFields(bulks: Bulks, built: BuiltShop, terms: BulkTerms): Json {
  const running = (id: string): BulkRun | undefined => bulks.runs.find((each) => each.id === id);
  return {
    bulkOperationRunQuery({ query }: { query: string }) {
      const wrong = bulks.script.refuse ?? (problemOf(terms.schema, query) === undefined ? undefined : 'INVALID');
      if (wrong !== undefined) return { bulkOperation: null, userErrors: [{ code: wrong }] };
      const run: BulkRun = {
        id: `gid://shopify/BulkOperation/${bulks.runs.length + 1}`,
        query,
        polls: 0,
        state: 'going',
        ...fileOf(built, parse(query), terms),
      };
      bulks.runs.push(run);
      return { bulkOperation: { id: run.id }, userErrors: [] };
    },
    bulkOperation({ id }: { id: string }) {
      const run = running(id);
      return run === undefined
        ? null
        : stateOf(run, bulks.script, `${terms.url}/files/${id.split('/').at(-1)}.jsonl?key=secret`);
    },
    bulkOperationCancel({ id }: { id: string }) {
      const run = running(id);
      if (run !== undefined) run.state = 'canceled';
      return { userErrors: run === undefined ? [{ field: ['id'] }] : [] };
    },
  };
}

function stateOf(run: BulkRun, script: BulkScript, url: string): Json {
  const { polls = 2, ends = 'COMPLETED', errorCode = null } = script;
  run.polls++;
  const common = { id: run.id, errorCode: null, rootObjectCount: String(run.roots), fileSize: null, url: null };
  if (run.state === 'canceled') return { ...common, status: 'CANCELED' };
  if (run.polls <= polls) return { ...common, status: run.polls === 1 ? 'CREATED' : 'RUNNING' };
  if (ends !== 'COMPLETED') return { ...common, status: ends, errorCode };
  const size = script.size === undefined ? Buffer.byteLength(run.text) : script.size;
  return {
    ...common,
    status: 'COMPLETED',
    fileSize: size === null ? null : String(size),
    url: run.text === '' ? null : (script.url?.(url) ?? url),
  };
}

/** Shopify's rules: one to five connections, two deep within another, none in a list, and rows with ids. */
export function problemOf(schema: GraphQLSchema, query: string): string | undefined {
  const document = parse(query);
  const [problem] = validate(schema, document);
  if (problem !== undefined) return problem.message;
  let connections = 0;
  const wrongWith = (name: string, at: { depth: number; list: boolean }): string | undefined => {
    if (at.list) return 'a connection field within a list field';
    if (at.depth >= 3) return 'too deep';
    const row = schema.getType(name.replace(/Connection$/, ''));
    const hasId = isObjectType(row) && row.getInterfaces().some((each) => each.name === 'Node');
    return hasId ? undefined : `${name} has rows without ids`;
  };
  let found: string | undefined;
  function look(set: SelectionSetNode, type: GraphQLNamedType | undefined, at: { depth: number; list: boolean }): void {
    for (const node of set.selections) {
      if (node.kind === Kind.FRAGMENT_SPREAD) continue;
      if (node.kind === Kind.INLINE_FRAGMENT) {
        const name = node.typeCondition?.name.value;
        look(node.selectionSet, name === undefined ? type : schema.getType(name), at);
        continue;
      }
      const field = isObjectType(type) ? type.getFields()[node.name.value] : undefined;
      if (field === undefined || node.selectionSet === undefined) continue;
      const named = getNamedType(field.type);
      const isConnection = named.name.endsWith('Connection');
      if (isConnection) {
        connections++;
        found ??= wrongWith(named.name, at);
      }
      const list = !isConnection && !named.name.endsWith('Edge') && /\[/.test(String(field.type));
      look(node.selectionSet, named, { depth: at.depth + (isConnection ? 1 : 0), list: at.list || list });
    }
  }
  for (const node of document.definitions)
    if (node.kind === Kind.OPERATION_DEFINITION)
      look(node.selectionSet, schema.getQueryType() ?? undefined, { depth: 0, list: false });
  if (connections === 0 || connections > 5) found ??= `${connections} connections`;
  return found;
}

/** Orders stand before their lines, but not right before them: ten by ten. */
function fileOf(
  built: BuiltShop,
  document: DocumentNode,
  { schema, scopes, marks }: BulkTerms,
): Pick<BulkRun, 'text' | 'objects' | 'roots'> {
  const result = execute({ schema, document, rootValue: createRoot(built, { scopes, marks, bulk: true }) });
  if ('then' in result || result.errors !== undefined) throw new Error('no resolver of ours waits, and none fails');
  const roots = Object.values(result.data ?? {}).flatMap(rowsOf);
  const lines: string[] = [];
  for (let at = 0; at < roots.length; at += 10) {
    const levels: string[][] = [];
    for (const root of roots.slice(at, at + 10)) flatten(root, undefined, levels);
    for (const level of levels) for (const text of level) lines.push(text);
  }
  return { text: lines.map((line) => `${line}\n`).join(''), objects: lines.length, roots: roots.length };
}
function rowsOf(connection: unknown): Json[] {
  const { edges } = connection as { edges: { node: Json }[] }; // of the question, which asks for edges
  return edges.map(({ node }) => node);
}
function flatten(row: Json, parent: string | undefined, levels: string[][], depth = 0): void {
  const own: Json = {};
  for (const [name, value] of Object.entries(row)) {
    const isConnection = typeof value === 'object' && value !== null && 'edges' in value;
    if (!isConnection) own[name] = value;
    else for (const child of rowsOf(value)) flatten(child, String(row['id']), levels, depth + 1);
  }
  if (parent !== undefined) own['__parentId'] = parent;
  (levels[depth] ??= []).push(JSON.stringify(own));
}
