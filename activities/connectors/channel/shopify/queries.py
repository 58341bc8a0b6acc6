"""The GraphQL operations we send to Shopify. API version 2026-07.

Amounts are asked in the shop's currency: the one the merchant is paid and keeps books in.
Source: https://shopify.dev/docs/api/admin-graphql/2026-07
"""

from typing import Final

API_VERSION: Final = "2026-07"

# A query may cost 1,000 points, and costs more the more its connections may return: most orders
# fit in a page of lines, longer ones are read on by `ORDER_LINES`.
# Source: https://shopify.dev/docs/api/usage/limits
LINES_A_PAGE: Final = 10
MORE_LINES_A_PAGE: Final = 100
MAX_ORDERS_A_PAGE: Final = 25

_LINE: Final = """
fragment Line on LineItem {
  id
  sku
  quantity
  originalUnitPriceSet { shopMoney { amount } }
  discountAllocations { allocatedAmountSet { shopMoney { amount } } }
  taxLines { priceSet { shopMoney { amount } } }
}
"""

ORDERS: Final = (
    """
query Orders($first: Int!, $after: String, $query: String, $lines: Int!) {
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    pageInfo { hasNextPage endCursor }
    nodes {
      id
      createdAt
      processedAt
      updatedAt
      cancelledAt
      currencyCode
      customerLocale
      displayFinancialStatus
      email
      phone
      taxesIncluded
      dutiesIncluded
      paymentGatewayNames
      customAttributes { key value }
      totalPriceSet { shopMoney { amount } }
      totalDiscountsSet { shopMoney { amount } }
      totalTaxSet { shopMoney { amount } }
      totalTipReceivedSet { shopMoney { amount } }
      originalTotalDutiesSet { shopMoney { amount } }
      originalTotalAdditionalFeesSet { shopMoney { amount } }
      billingAddress { name }
      shippingAddress {
        name company address1 address2 city province provinceCode zip countryCodeV2 phone
        latitude longitude
      }
      shippingLines(first: 3) {
        nodes {
          isRemoved
          originalPriceSet { shopMoney { amount } }
          discountAllocations { allocatedAmountSet { shopMoney { amount } } }
          taxLines { priceSet { shopMoney { amount } } }
        }
      }
      lineItems(first: $lines) {
        pageInfo { hasNextPage endCursor }
        nodes { ...Line }
      }
    }
  }
}
"""
    + _LINE
)

ORDER_LINES: Final = (
    """
query OrderLines($id: ID!, $after: String, $lines: Int!) {
  order(id: $id) {
    lineItems(first: $lines, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { ...Line }
    }
  }
}
"""
    + _LINE
)

ORDER_FULFILLMENTS: Final = """
query OrderFulfillments($id: ID!) {
  order(id: $id) {
    id
    fulfillments(first: 100) { id status trackingInfo(first: 10) { number } }
    fulfillmentOrders(first: 20) {
      nodes {
        id
        status
        lineItems(first: 30) { nodes { id remainingQuantity lineItem { id } } }
      }
    }
  }
}
"""

# Ids, states and tracking numbers: nothing about the buyer. A query may cost 1,000 points:
# 20 orders, each with 15 fulfillments of two tracking numbers, cost 920 at most.
BOOK_ORDERS_A_PAGE: Final = 20
BOOK_FULFILLMENTS: Final = 15
ORDER_BOOK: Final = """
query OrderBook($first: Int!, $after: String, $query: String, $fulfillments: Int!) {
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    pageInfo { hasNextPage endCursor }
    nodes {
      id
      updatedAt
      cancelledAt
      displayFinancialStatus
      fulfillments(first: $fulfillments) { id status trackingInfo(first: 2) { number } }
    }
  }
}
"""

FULFILLMENT_CREATE: Final = """
mutation FulfillmentCreate($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) {
    fulfillment { id status trackingInfo(first: 10) { number } }
    userErrors { field message }
  }
}
"""
