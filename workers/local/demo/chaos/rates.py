"""How often each path is taken, in hundredths of a per cent of the orders.

All of them are assumptions: published figures differ widely by trade and country. They are chosen
so that returns are the most common trouble, and a few hundred orders still show each path.
"""

from collections.abc import Mapping
from typing import Final

WHOLE: Final = 10_000
REALISTIC: Final[Mapping[str, int]] = {
    # Held before anything is shipped.
    "fraud_hold": 100,  # assumption: reviewed by hand, most of them cleared
    "address_hold": 80,  # assumption: an address that the carrier does not know
    "preorder": 50,  # assumption
    # Called off late.
    "cancel_after_label": 30,  # assumption
    # In the warehouse and at the vendors.
    "backorder_filled": 50,  # assumption
    "short_pick_rerouted": 100,  # assumption: stock records are about 99 per cent right
    "reauthorized": 20,  # assumption: orders wait longer than a card's hold
    "capture_refused": 20,  # assumption
    "label_refused": 30,  # assumption
    # On the road.
    "no_first_scan": 20,  # assumption
    "delayed_notified": 300,  # assumption: a few per cent of parcels are late
    "damaged": 50,  # assumption
    "lost_reshipped": 20,  # assumption: of a thousand parcels a few are lost
    "lost_refunded": 20,  # assumption
    "returned_to_sender": 50,  # assumption
    "late_scan_after_refund": 10,  # assumption
    # What comes back.
    "return_refunded": 400,  # assumption: home goods and electronics, not clothes
    "return_partial": 50,  # assumption: few orders have several units
    "return_rejected": 20,  # assumption
    "store_credit": 50,  # assumption
    "keep_it": 50,  # assumption
    "return_never_arrived": 30,  # assumption
    "channel_return": 50,  # assumption
    "unmatched_return": 20,  # assumption
    "exchange_even": 80,  # assumption
    "exchange_up": 30,  # assumption
    "exchange_of_exchange": 10,  # assumption
    "advance_exchange": 20,  # assumption
    "advance_not_returned": 10,  # assumption
    "claim_replacement": 30,  # assumption
}
RATES: Final[Mapping[str, Mapping[str, int]]] = {"realistic": REALISTIC}
