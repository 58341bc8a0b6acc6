"""Benchmarks: what an order costs, how fast it is taken and found, on this very machine."""
