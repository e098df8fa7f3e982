/**
 * How very many orders are asked for at once: the shop runs a question by itself and leaves a file. Starting and cancelling such an
 * operation are mutations by name; neither changes anything of the shop, and neither needs a scope beyond those of the question.
 */
export const ORDERS_COUNT = /* GraphQL */ `
  query BellhopOrdersCount($query: String!, $limit: Int!) {
    ordersCount(query: $query, limit: $limit) {
      count
    }
  }
`;

export const BULK_RUN = /* GraphQL */ `
  mutation BellhopBulkRun($query: String!) {
    bulkOperationRunQuery(query: $query, groupObjects: false) {
      bulkOperation {
        id
      }
      userErrors {
        code
      }
    }
  }
`;

export const BULK_STATE = /* GraphQL */ `
  query BellhopBulkState($id: ID!) {
    bulkOperation(id: $id) {
      status
      errorCode
      rootObjectCount
      fileSize
      url
    }
  }
`;

export const BULK_CANCEL = /* GraphQL */ `
  mutation BellhopBulkCancel($id: ID!) {
    bulkOperationCancel(id: $id) {
      userErrors {
        field
      }
    }
  }
`;

const APPLICATION = `discountApplication {
                index
                ... on DiscountCodeApplication {
                  code
                }
                ... on AutomaticDiscountApplication {
                  title
                }
              }`;

/**
 * The question that is run, with its filter in it, for it has no variables. A list may hold no connection there, and every row of a
 * connection needs an id: so the lines of refunds are asked for afterwards, and the names of discounts stand where they were taken off.
 */
export function bulkOrders(filter: string): string {
  return /* GraphQL */ `
  {
    orders(query: ${JSON.stringify(filter)}) {
      edges {
        node {
          id
          createdAt
          cancelledAt
          test
          discountCodes
          refunds(first: 1) {
            id
          }
          shippingLine {
            discountAllocations {
              ${APPLICATION}
            }
          }
          lineItems {
            edges {
              node {
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
                  ${APPLICATION}
                }
              }
            }
          }
        }
      }
    }
  }
`;
}
