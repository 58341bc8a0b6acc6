"""Stripe as far as an order system meets it: intents, refunds, events; API 2023-08-16."""
