import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, Kind, OperationTypeNode, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { API_VERSION, DOCUMENTS } from '../../../src/runner/kinds/agent/tools/shopify/documents.ts';
import { LEAST_SCOPES } from '../../../src/runner/kinds/agent/tools/shopify/scopes.ts';
import { problemOf } from '../../support/shop/bulk.ts';
import { requestedCost } from '../../support/shop/cost.ts';

const sdl = readFileSync(
  join(import.meta.dirname, '../../support/shop/schema', `admin-${API_VERSION}.graphql`),
  'utf8',
);
const schema = buildSchema(sdl);
const documents = Object.entries(DOCUMENTS);

describe('the questions to the Admin API', () => {
  test.each(documents)('%s is valid by the schema of Shopify', (_, text) => {
    expect(validate(schema, parse(text)).map(({ message }) => message)).toEqual([]);
  });

  test('a field that Shopify does not have is found', () => {
    const text = DOCUMENTS.SHOP.replace('currencyCode', 'currencyKode');
    expect(validate(schema, parse(text)).map(({ message }) => message)).toEqual([
      'Cannot query field "currencyKode" on type "Shop". Did you mean "currencyCode"?',
    ]);
  });

  test('none of them changes anything of the shop: what is sent as a mutation begins or ends a reading', () => {
    const sent = documents.map(([, text]) => parse(text)).flatMap(({ definitions }) => definitions);
    const mutations = sent.flatMap((each) =>
      each.kind === Kind.OPERATION_DEFINITION && each.operation !== OperationTypeNode.QUERY
        ? each.selectionSet.selections.map((field) => (field.kind === Kind.FIELD ? field.name.value : field.kind))
        : [],
    );
    expect(mutations).toEqual(['bulkOperationRunQuery', 'bulkOperationCancel']);
    expect(Object.keys(schema.getMutationType()?.getFields() ?? {}).sort()).toEqual(mutations.toSorted());
  });

  test('what is run in bulk keeps to the rules of Shopify, and the shop of the tests knows these', () => {
    expect(problemOf(schema, DOCUMENTS.BULK_ORDERS)).toBeUndefined();
    const orders = (fields: string): string => `{ orders { edges { node { id ${fields} } } } }`;
    const inList = orders('refunds(first: 5) { refundLineItems(first: 5) { nodes { quantity } } }');
    expect(problemOf(schema, inList)).toBe('a connection field within a list field');
    expect(problemOf(schema, orders('discountApplications(first: 5) { nodes { index } }'))).toMatch('without ids');
    expect(problemOf(schema, '{ shop { name } }')).toBe('0 connections');
  });

  test('none of them asks for a person', () => {
    const asked = documents
      .map(([, text]) => text)
      .join('\n')
      .replaceAll('customerGets', '');
    expect(asked).not.toMatch(/customer|email|phone|address|note|firstName|lastName|payment|billing/i);
  });

  test.each([
    ['ORDERS', { first: 20 }],
    ['ORDER_LINES', { first: 100 }],
    ['REFUNDS', { ids: ['1', '2', '3', '4'] }],
    ['PRODUCTS', { first: 20 }],
    ['PRODUCT_VARIANTS', { first: 100 }],
    ['INCOMING', { ids: Array.from({ length: 25 }, String) }],
    ['DISCOUNTS', { first: 25 }],
  ] as const)('the first page of %s stays within the points of one question', (name, variables) => {
    expect(requestedCost(schema, parse(DOCUMENTS[name]), variables)).toBeLessThanOrEqual(1000);
  });

  test('the least scopes are those that the schema of Shopify names for our fields', () => {
    expect(/^# Scopes: (.*)$/m.exec(sdl)?.[1]?.split(', ')).toEqual(LEAST_SCOPES);
  });
});
