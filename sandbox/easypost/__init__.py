"""EasyPost v2 as far as an order system meets it: addresses, shipments, labels, trackers."""
