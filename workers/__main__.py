"""`python -m workers` is the command `oms`."""

from workers.cli import main

main()
