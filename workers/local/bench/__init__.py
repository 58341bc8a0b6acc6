"""The benchmark: what an order costs, and how fast orders are accepted, on this very machine."""
