/**
 * Cuts Shopify's Admin schema down to what our documents touch: `npm run shopify:schema -- PATH/admin_2026-10.json.gz`. The file is of the
 * npm package @shopify/dev-mcp (`npm pack @shopify/dev-mcp`, then dist/data/); it is only read, never depended on.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  buildClientSchema,
  getNamedType,
  isAbstractType,
  isEnumType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
  parse,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { GraphQLField, GraphQLNamedType, GraphQLSchema, IntrospectionQuery } from 'graphql';
import { API_VERSION, DOCUMENTS } from '../../../../src/runner/kinds/agent/tools/shopify/documents.ts';

interface Shipped {
  data: IntrospectionQuery;
  offline_scopes: { items: { typeName: string; fieldName?: string | null; offlineScopes?: string[] }[] };
}
/** The fields of each type, and the arguments of each field, that are used. */
type Touched = Map<string, Map<string, Set<string>>>;

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('name the file: npm run shopify:schema -- PATH/admin_2026-10.json.gz');
const shipped = JSON.parse(gunzipSync(readFileSync(path)).toString()) as Shipped; // a file of Shopify's, as they ship it
const schema = buildClientSchema(shipped.data);
const wrong = Object.entries(DOCUMENTS).flatMap(([name, text]) =>
  validate(schema, parse(text)).map(({ message }) => `${name}: ${message}`),
);
if (wrong.length > 0) throw new Error(`${path} does not have what we ask for:\n${wrong.join('\n')}`);

const touched = touchedBy(schema);
keepWhole();
const target = join(import.meta.dirname, `admin-${API_VERSION}.graphql`);
if (path.includes(API_VERSION)) writeFileSync(target, print());
process.stdout.write(`All documents are valid. Scopes: ${scopes().join(', ')}\n`);

function touchedBy(whole: GraphQLSchema): Touched {
  const found: Touched = new Map();
  const info = new TypeInfo(whole);
  for (const text of Object.values(DOCUMENTS))
    visit(
      parse(text),
      visitWithTypeInfo(info, {
        Field() {
          const parent = info.getParentType();
          const field = info.getFieldDef();
          if (!parent || !field || field.name.startsWith('__')) return;
          const fields = found.get(parent.name) ?? new Map<string, Set<string>>();
          found.set(parent.name, fields);
          if (!fields.has(field.name)) fields.set(field.name, new Set());
          const type = getNamedType(field.type);
          if (!found.has(type.name)) found.set(type.name, new Map());
        },
        Argument(node) {
          const parent = info.getParentType();
          const field = info.getFieldDef();
          const type = getNamedType(info.getInputType());
          if (!parent || !field || !type) return;
          found.get(parent.name)?.get(field.name)?.add(node.name.value);
          if (!found.has(type.name)) found.set(type.name, new Map());
        },
        InlineFragment() {
          const type = info.getType();
          if (type && 'name' in type && !found.has(type.name)) found.set(type.name, new Map());
        },
      }),
    );
  return found;
}

/** What else an answer may hold where we ask by kind: kinds we do not read, with one field, for a type cannot be without. */
function keepWhole(): void {
  for (const name of touched.keys()) {
    const type = schema.getType(name);
    if (!isAbstractType(type) || name === 'Node') continue;
    for (const each of schema.getPossibleTypes(type)) if (!touched.has(each.name)) touched.set(each.name, new Map());
  }
  for (const [name, fields] of touched) {
    const type = schema.getType(name);
    if (!(isObjectType(type) || isInterfaceType(type)) || fields.size > 0) continue;
    const simple = Object.values(type.getFields()).find(
      (field) => isSpecifiedScalarType(getNamedType(field.type)) && field.args.length === 0,
    );
    if (isObjectType(type) && promised(name)) continue;
    if (simple === undefined) touched.delete(name);
    else fields.set(simple.name, new Set());
  }
}
function promised(name: string): boolean {
  const type = schema.getType(name);
  return isObjectType(type) && type.getInterfaces().some((each) => touched.has(each.name));
}

/** One scope each for what is touched; where Shopify takes one of several, the first is the widest known. */
function scopes(): string[] {
  const needed = new Set<string>();
  for (const { typeName, fieldName, offlineScopes = [] } of shipped.offline_scopes.items) {
    const fields = touched.get(typeName);
    if (fields === undefined || fields.size === 0 || (fieldName && !fields.has(fieldName))) continue;
    const [scope] = offlineScopes;
    if (scope !== undefined && !offlineScopes.some((each) => needed.has(each))) needed.add(scope);
  }
  return [...needed].sort();
}

function print(): string {
  const header = [
    `Shopify Admin API ${API_VERSION}, cut down to what Bellhop asks for. Made by \`npm run shopify:schema\`; not to be edited.`,
    'From @shopify/dev-mcp 1.16.0, Copyright 2025-present, Shopify Inc., ISC License: see NOTICE.',
    `Scopes: ${scopes().join(', ')}`,
  ];
  const types = [...touched.keys()]
    .sort()
    .flatMap((name) => schema.getType(name) ?? [])
    .map(printType)
    .filter((text) => text !== '');
  return (
    [
      header.map((line) => `# ${line}`).join('\n'),
      'schema {\n  query: QueryRoot\n  mutation: Mutation\n}',
      ...types,
    ].join('\n\n') + '\n'
  );
}

function printType(type: GraphQLNamedType): string {
  if (isScalarType(type)) return isSpecifiedScalarType(type) ? '' : `scalar ${type.name}`;
  if (isEnumType(type))
    return block(
      `enum ${type.name}`,
      type.getValues().map(({ name }) => name),
    );
  if (isUnionType(type)) return `union ${type.name} = ${possible(type).join(' | ')}`;
  if (isInterfaceType(type))
    return block(`interface ${type.name}`, fieldsOf(type.name, Object.values(type.getFields())));
  if (!isObjectType(type)) throw new Error(`no document should touch ${type.name}`);
  const interfaces = type.getInterfaces().filter(({ name }) => touched.has(name));
  const implemented = interfaces.length === 0 ? '' : ` implements ${interfaces.map(({ name }) => name).join(' & ')}`;
  return block(`type ${type.name}${implemented}`, fieldsOf(type.name, Object.values(type.getFields())));
}

function possible(type: GraphQLNamedType): string[] {
  const all = isAbstractType(type) ? schema.getPossibleTypes(type) : [];
  return all.map(({ name }) => name).filter((name) => touched.has(name));
}

/** Those that are asked for, and those that an interface of the type promises. */
function fieldsOf(name: string, fields: readonly GraphQLField<unknown, unknown>[]): string[] {
  const type = schema.getType(name);
  const used = new Set(touched.get(name)?.keys());
  if (isObjectType(type))
    for (const each of type.getInterfaces()) for (const field of touched.get(each.name)?.keys() ?? []) used.add(field);
  return fields
    .filter((field) => used.has(field.name))
    .map((field) => {
      const asked = touched.get(name)?.get(field.name);
      const args = field.args.filter((arg) => asked?.has(arg.name)).map((arg) => `${arg.name}: ${String(arg.type)}`);
      return `${field.name}${args.length === 0 ? '' : `(${args.join(', ')})`}: ${String(field.type)}`;
    });
}

function block(head: string, lines: readonly string[]): string {
  return `${head} {\n${lines.map((line) => `  ${line}\n`).join('')}}`;
}
