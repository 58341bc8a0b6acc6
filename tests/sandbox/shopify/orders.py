"""Orders as a shop holds them, and the queries an order system asks."""


def order(key=450001, **fields):
    return {
        "id": key,
        "name": f"#{key}",
        "email": "ana@example.com",
        "currency": "USD",
        "created_at": "2026-11-22T10:00:00-05:00",
        "line_items": [
            {"id": key * 10 + 1, "sku": "A-1", "quantity": 2, "price": "89.99", "title": "Glasses"},
            {
                "id": key * 10 + 2,
                "sku": "B-2",
                "quantity": 1,
                "price": "10.00",
                "title": "Case",
                "tax_lines": [{"title": "VAT", "price": "2.00", "rate": 0.2}],
                "discount_allocations": [{"amount": "1.50"}],
            },
        ],
        "shipping_lines": [{"id": key * 10 + 3, "title": "Standard", "price": "5.00"}],
        "shipping_address": {
            "name": "Ana Souza",
            "address1": "123 Shipping Street",
            "city": "Shippington",
            "province": "Kentucky",
            "province_code": "KY",
            "zip": "40003",
            "country": "United States",
            "country_code": "US",
            "phone": "555-0100",
            "latitude": 38.1,
            "longitude": -85.2,
        },
        **fields,
    }


ORDERS = """
query Orders($first: Int!, $after: String, $query: String) {
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    pageInfo { hasNextPage endCursor }
    edges { cursor node { name } }
    nodes {
      id name email createdAt updatedAt processedAt cancelledAt currencyCode test tags
      displayFinancialStatus displayFulfillmentStatus paymentGatewayNames taxesIncluded
      customAttributes { key value }
      totalPriceSet { ...Both }
      subtotalPriceSet { ...Both }
      totalTaxSet { ...Both }
      totalDiscountsSet { ...Both }
      totalShippingPriceSet { ...Both }
      originalTotalDutiesSet { ...Both }
      customer { id displayName email }
      lineItems(first: 50) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id sku title quantity currentQuantity requiresShipping
          originalUnitPriceSet { ...Both }
          discountedUnitPriceSet { ...Both }
          discountAllocations { allocatedAmountSet { ...Both } }
          taxLines { title rate priceSet { ...Both } }
        }
      }
      shippingLines(first: 5) {
        nodes { id title isRemoved originalPriceSet { ...Both } taxLines { title } }
      }
      shippingAddress {
        name firstName address1 address2 city province provinceCode zip country countryCodeV2
        latitude longitude phone
      }
      transactions(first: 5) { id kind status gateway amountSet { ...Both } }
      fulfillmentOrders(first: 5) {
        nodes {
          id status requestStatus
          assignedLocation { name location { id } }
          lineItems(first: 50) { nodes { id totalQuantity remainingQuantity lineItem { id sku } } }
        }
      }
      fulfillments(first: 10) { id status trackingInfo(first: 5) { company number url } }
    }
  }
}
fragment Both on MoneyBag {
  shopMoney { amount currencyCode }
  presentmentMoney { amount currencyCode }
}
"""

ORDER = """
query One($id: ID!) {
  order(id: $id) {
    id name displayFulfillmentStatus
    fulfillments(first: 10) { id status totalQuantity trackingInfo { company number url } }
    fulfillmentOrders(first: 5) {
      nodes { id status lineItems(first: 20) { nodes { id remainingQuantity } } }
    }
  }
}
"""

CREATE = """
mutation Ship($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) {
    fulfillment { id status name trackingInfo { number } }
    userErrors { field message }
  }
}
"""


async def ask(world, query, /, **variables):
    answer = await world.shopify.post(
        "/graphql.json", json={"query": query, "variables": variables}
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert "errors" not in body, body
    return body["data"]


async def refused(world, query, /, **variables):
    answer = await world.shopify.post(
        "/graphql.json", json={"query": query, "variables": variables}
    )
    assert answer.status_code == 200
    (error,) = answer.json()["errors"]
    return error["message"], error["extensions"]["code"]


async def seeded(world, document=None, *, webhook=False):
    answer = await world.control.post(
        "/shopify/orders",
        json=document or order(),
        params={} if webhook else {"webhook": "false"},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()
