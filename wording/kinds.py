"""Which mails there are for customers, and which facts each is written of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# What every mail knows.
COMMON: Final = frozenset({"name", "order"})


@dataclass(frozen=True)
class Kind:
    """`needs` are given always; `may_lack` not: the texts and rows that speak of them are left out.

    `rows` are facts that stand below the text, by their label, to be copied or opened.
    """

    needs: frozenset[str] = frozenset()
    may_lack: frozenset[str] = frozenset()
    rows: Mapping[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> frozenset[str]:
        return COMMON | self.needs | self.may_lack


def _kind(needs: str = "", may_lack: str = "", rows: str = "", **named: str) -> Kind:
    """Rows are labelled with their fact's name, unless they are `named`."""
    listed = dict(zip(rows.split(), rows.split(), strict=True))
    return Kind(frozenset(needs.split()), frozenset(may_lack.split()), listed | named)


_READY: Final = _kind("by", "place collection_code", "place collection_code")
_PARCEL: Final = _kind("carrier tracking", rows="tracking")
_RETURN: Final = _kind("rma")

# What may be lacking besides a choice is what an earlier version did not tell yet.
KINDS: Final[Mapping[str, Kind]] = {
    "order_confirmed": _kind("from by", "total", "total"),
    "backorder_confirmed": _kind("by", "total", "total"),
    "pickup_confirmed": _kind("", "total", "total"),
    "pickup_ready": _READY,
    "pickup_reminder": _READY,
    "not_collected": _kind(),
    "slip_issued": _kind("voucher", "amount due", "amount voucher"),
    "order_refused": _kind("reason"),
    "order_cancelled": _kind(),
    "partly_cancelled": _kind(),
    "order_changed": _kind("amount"),
    "order_changed_up": _kind("amount"),
    "payment_declined": _kind(),
    "address_changed": _kind(),
    "parcel_intercepted": _kind(),
    "backordered": _kind("by"),
    "parcel_delayed": _kind("by tracking", rows="tracking"),
    "parcel_replaced": _kind("tracking", rows="tracking"),
    "parcel_refunded": _kind("tracking", rows="tracking"),
    "shipped": _PARCEL,
    "out_for_delivery": _PARCEL,
    "delivered": _kind("tracking", rows="tracking"),
    "late_payment_refunded": _kind(),
    "refund_issued": _kind("amount"),
    "return_approved": _kind("rma", "label code", "label", drop_off_code="code"),
    "return_refused": _kind("rma", "reason"),
    "return_received": _RETURN,
    "return_never_arrived": _RETURN,
    "return_rejected": _RETURN,
    "return_refunded": _kind("rma amount"),
    "credit_issued": _kind("rma amount code", rows="code"),
}
# What a customer may do without; the others say what happens to their goods and money.
OPTIONAL: Final = frozenset({"out_for_delivery", "delivered"})
