"""The verbs every sales channel offers, and what they answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from activities.connectors.port import UnknownRule

# The canonical order document: the body of `POST /orders`, also what a channel order becomes.
OrderDocument = dict[str, Any]

# The codes a channel's `Rejected` may carry.
RejectionCode = Literal["not_found", "nothing_to_fulfill", "fulfillment_refused", "other"]


@dataclass(frozen=True, slots=True)
class RejectedDocument:
    """A channel order that cannot become one of ours, and why, in a sentence."""

    external_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """A channel order that is not ready, such as an unpaid one; it comes again when it changes.

    Nothing is to be kept of it: a kept refusal would stand in the way of the order to come.
    """

    external_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class CancelledOrder:
    """A channel order that is cancelled there, whether or not it came to us before."""

    external_id: str


@dataclass(frozen=True, slots=True)
class ChannelPage:
    """`next_cursor` is None on the last page; `updated_through` is where to go on next time.

    `cancelled`: the ids of orders that are cancelled there.
    """

    documents: tuple[OrderDocument, ...]
    rejects: tuple[RejectedDocument, ...]
    next_cursor: str | None
    updated_through: str | None
    waiting: tuple[WaitingOrder, ...] = ()
    cancelled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelOrder:
    """An order in the channel's own books, without anything about its buyer.

    `is_ready`: paid and not cancelled, so that it should have come to us. `tracking_numbers`: of
    the fulfillments it was told; None when there are more than one answer tells.
    """

    external_id: str
    updated_at: datetime
    is_ready: bool
    tracking_numbers: tuple[str, ...] | None
    cancelled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChannelOrderPage:
    """`next_cursor` is None on the last page."""

    orders: tuple[ChannelOrder, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ChannelNotice:
    """A channel's webhook in our words. An "order" carries its document, or why there is none."""

    kind: Literal["order", "waiting", "cancelled", "other"]
    external_id: str | None
    document: OrderDocument | None = None
    reject: RejectedDocument | None = None


class ChannelGateway(Protocol):
    @property
    def vendor(self) -> str: ...

    @property
    def unknown_rules(self) -> Mapping[str, UnknownRule]: ...

    async def fetch_orders(
        self, updated_since: str | None, cursor: str | None, limit: int
    ) -> ChannelPage:
        """Orders by time of change, oldest first; `updated_since` is ISO 8601 and inclusive."""
        ...

    async def list_orders(self, since: datetime, cursor: str | None) -> ChannelOrderPage:
        """Orders changed since then (inclusive), oldest change first."""
        ...

    async def find_fulfillment(self, external_id: str, tracking_number: str) -> str | None: ...

    async def push_fulfillment(
        self,
        external_id: str,
        tracking_number: str,
        carrier: str,
        lines: tuple[tuple[str, int], ...] | None,
    ) -> str:
        """Tell the channel what shipped; `lines` pairs external line ids with quantities.

        None means all that is left. One fulfillment a tracking number: a repeat answers the first.
        """
        ...
