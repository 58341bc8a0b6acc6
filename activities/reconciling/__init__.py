"""Comparing our books with the vendors' and with Temporal's runs: pure, whoever read them."""
