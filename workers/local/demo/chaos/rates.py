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
    "preorder": 50,  # assumption: few goods are sold before they are there
    # Changed, or called off late.
    "edit_increase": 30,  # assumption: few add to an order
    "edit_decrease": 40,  # assumption: more think again
    "price_lowered": 30,  # assumption: a promotion that was missed
    "cancel_line": 40,  # assumption: as many drop an article
    "cancel_after_label": 30,  # assumption: between label and hand-over lie minutes
    # In the warehouse and at the vendors.
    "backorder_filled": 50,  # assumption: half a per cent of picks find nothing anywhere
    "short_pick_rerouted": 100,  # assumption: stock records are about 99 per cent right
    "reauthorized": 20,  # assumption: orders wait longer than a card's hold
    "capture_refused": 20,  # assumption: most refusals come at the authorization
    "label_refused": 30,  # assumption: what the carrier will not take at first
    # On the road.
    "no_first_scan": 20,  # assumption: a parcel left behind in the house or at the depot
    "delayed_notified": 300,  # assumption: a few per cent of parcels are late
    "intercept": 10,  # assumption: few ask for what has left
    "damaged": 50,  # assumption: half a per cent of parcels
    "lost_reshipped": 20,  # assumption: of a thousand parcels a few are lost
    "lost_refunded": 20,  # assumption: as many are refunded as are sent once more
    "returned_to_sender": 50,  # assumption: refused or not fetched
    "late_scan_after_refund": 10,  # assumption: some lost parcels turn up
    # In a store.
    "store_pickup": 200,  # assumption: of shops that have stores, a few per cent
    "pickup_no_show": 20,  # assumption: a tenth of those
    # What comes back.
    "return_refunded": 400,  # assumption: home goods and electronics, not clothes
    "return_partial": 50,  # assumption: few orders have several units
    "return_rejected": 20,  # assumption: worn, or not what was sold
    "store_credit": 50,  # assumption: a tenth of all returns
    "keep_it": 50,  # assumption: cheap goods, a tenth of all returns
    "return_never_arrived": 30,  # assumption: labels that are never used
    "channel_return": 50,  # assumption: what a marketplace decides
    "unmatched_return": 20,  # assumption: the wrong thing in the box
    "exchange_even": 80,  # assumption: another size or colour
    "exchange_up": 30,  # assumption: something better
    "exchange_of_exchange": 10,  # assumption: one in ten of those
    "advance_exchange": 20,  # assumption: offered to few customers
    "advance_not_returned": 10,  # assumption: a third of those keep both
    "claim_replacement": 30,  # assumption: faults that are not worth a way back
}
RATES: Final[Mapping[str, Mapping[str, int]]] = {"realistic": REALISTIC}
