"""The demo: real orders through the whole stack, judged by what the vendors saw."""
