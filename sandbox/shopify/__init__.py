"""Shopify as far as an order system meets it: orders, fulfillments; Admin GraphQL 2026-07."""
