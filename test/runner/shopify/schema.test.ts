import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { API_VERSION, DOCUMENTS } from '../../../src/runner/kinds/agent/tools/shopify/documents.ts';
import { LEAST_SCOPES } from '../../../src/runner/kinds/agent/tools/shopify/scopes.ts';
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

  test('none of them changes anything', () => {
    for (const [, text] of documents) expect(text).not.toMatch(/\bmutation\b|\bsubscription\b/);
    expect(schema.getMutationType()).toBeUndefined();
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
