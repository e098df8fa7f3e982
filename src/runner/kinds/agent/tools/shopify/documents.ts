import { BULK_CANCEL, BULK_RUN, BULK_STATE, bulkOrders, ORDERS_COUNT } from './bulk-documents.ts';

/**
 * Every question that is ever asked of the Admin API, with those of bulk-documents.ts: all of them read. No customer, address, mail, note or
 * payment stands in them. Pages are small enough for what one query may cost (1,000 points), counted at an object a point and a list at its
 * `first`.
 */
/** Asked of every list that is read by pages. */
const PAGE_INFO = 'pageInfo { hasNextPage endCursor }';

export const API_VERSION = '2026-10';

export const SHOP = /* GraphQL */ `
  query BellhopShop {
    shop {
      name
      currencyCode
      ianaTimezone
      taxesIncluded
    }
  }
`;

export const SCOPES = /* GraphQL */ `
  query BellhopScopes {
    currentAppInstallation {
      accessScopes {
        handle
      }
    }
  }
`;

const LINE = /* GraphQL */ `
  fragment Line on LineItem {
    id
    title
    quantity
    isGiftCard
    product {
      id
    }
    originalTotalSet {
      shopMoney {
        amount
      }
    }
    discountAllocations {
      allocatedAmountSet {
        shopMoney {
          amount
        }
      }
    }
  }
`;

/** Newest first, so that what is cut off is the oldest. A refund is only counted here: few orders have one. */
export const ORDERS = /* GraphQL */ `
  query BellhopOrders($first: Int!, $after: String, $query: String!) {
    orders(first: $first, after: $after, query: $query, sortKey: CREATED_AT, reverse: true) {
      nodes {
        id
        createdAt
        cancelledAt
        test
        discountApplications(first: 5) {
          nodes {
            __typename
            ... on DiscountCodeApplication {
              code
            }
            ... on AutomaticDiscountApplication {
              title
            }
          }
          pageInfo {
            hasNextPage
          }
        }
        refunds(first: 1) {
          id
        }
        lineItems(first: 5) {
          nodes {
            ...Line
          }
          ${PAGE_INFO}
        }
      }
      ${PAGE_INFO}
    }
  }
  ${LINE}
`;

export const ORDER_LINES = /* GraphQL */ `
  query BellhopOrderLines($id: ID!, $first: Int!, $after: String) {
    order(id: $id) {
      lineItems(first: $first, after: $after) {
        nodes {
          ...Line
        }
        ${PAGE_INFO}
      }
    }
  }
  ${LINE}
`;

export const REFUNDS = /* GraphQL */ `
  query BellhopRefunds($ids: [ID!]!) {
    nodes(ids: $ids) {
      id
      ... on Order {
        refunds(first: 5) {
          refundLineItems(first: 10) {
            nodes {
              quantity
              lineItem {
                id
              }
              subtotalSet {
                shopMoney {
                  amount
                }
              }
            }
            pageInfo {
              hasNextPage
            }
          }
        }
      }
    }
  }
`;

const VARIANT = /* GraphQL */ `
  fragment Variant on ProductVariant {
    id
    title
    sku
    price
    inventoryQuantity
    inventoryItem {
      id
      tracked
      unitCost {
        amount
      }
    }
  }
`;

export const PRODUCTS = /* GraphQL */ `
  query BellhopProducts($first: Int!, $after: String, $query: String!) {
    products(first: $first, after: $after, query: $query, sortKey: ID) {
      nodes {
        id
        title
        status
        createdAt
        variants(first: 10) {
          nodes {
            ...Variant
          }
          ${PAGE_INFO}
        }
      }
      ${PAGE_INFO}
    }
  }
  ${VARIANT}
`;

export const PRODUCT_VARIANTS = /* GraphQL */ `
  query BellhopProductVariants($id: ID!, $first: Int!, $after: String) {
    product(id: $id) {
      variants(first: $first, after: $after) {
        nodes {
          ...Variant
        }
        ${PAGE_INFO}
      }
    }
  }
  ${VARIANT}
`;

export const INCOMING = /* GraphQL */ `
  query BellhopIncoming($ids: [ID!]!) {
    nodes(ids: $ids) {
      id
      ... on InventoryItem {
        inventoryLevels(first: 10) {
          nodes {
            quantities(names: ["incoming"]) {
              quantity
            }
          }
          pageInfo {
            hasNextPage
          }
        }
      }
    }
  }
`;

export const DISCOUNTS = /* GraphQL */ `
  query BellhopDiscounts($first: Int!, $after: String) {
    discountNodes(first: $first, after: $after, query: "status:active", sortKey: ID) {
      nodes {
        id
        discount {
          __typename
          ... on DiscountCodeBasic {
            title
            startsAt
            endsAt
            asyncUsageCount
            codes(first: 10) {
              nodes {
                code
              }
              pageInfo {
                hasNextPage
              }
            }
            customerGets {
              value {
                ... on DiscountPercentage {
                  percentage
                }
              }
            }
          }
          ... on DiscountCodeBxgy {
            title
            startsAt
            endsAt
            asyncUsageCount
            codes(first: 10) {
              nodes {
                code
              }
              pageInfo {
                hasNextPage
              }
            }
          }
          ... on DiscountCodeFreeShipping {
            title
            startsAt
            endsAt
            asyncUsageCount
            codes(first: 10) {
              nodes {
                code
              }
              pageInfo {
                hasNextPage
              }
            }
          }
          ... on DiscountCodeApp {
            title
            startsAt
            endsAt
            asyncUsageCount
            codes(first: 10) {
              nodes {
                code
              }
              pageInfo {
                hasNextPage
              }
            }
          }
          ... on DiscountAutomaticBasic {
            title
            startsAt
            endsAt
            asyncUsageCount
            customerGets {
              value {
                ... on DiscountPercentage {
                  percentage
                }
              }
            }
          }
          ... on DiscountAutomaticBxgy {
            title
            startsAt
            endsAt
            asyncUsageCount
          }
          ... on DiscountAutomaticFreeShipping {
            title
            startsAt
            endsAt
            asyncUsageCount
          }
          ... on DiscountAutomaticApp {
            title
            startsAt
            endsAt
            asyncUsageCount
          }
        }
      }
      ${PAGE_INFO}
    }
  }
`;

/** By name, for the tests that hold them against Shopify's schema. */
export const DOCUMENTS = {
  SHOP,
  SCOPES,
  ORDERS,
  ORDER_LINES,
  REFUNDS,
  PRODUCTS,
  PRODUCT_VARIANTS,
  INCOMING,
  DISCOUNTS,
  ORDERS_COUNT,
  BULK_RUN,
  BULK_STATE,
  BULK_CANCEL,
  BULK_ORDERS: bulkOrders("created_at:>='2026-01-01T00:00:00.000Z'"),
} as const;
