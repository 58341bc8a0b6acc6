"""Benchmarks: what a part of the system costs and how fast it answers, measured by itself."""
