"""A sales channel in memory, for tests and for people who build a connector.

The tracking number carries the instruction: "1Z fake:push_fulfillment:cut" is told to the channel
and its answer lost. The table of instructions is in `activities/connectors/instructions.py`.
`declined` is "fulfillment_refused". `documents` and `cancelled` are what
`fetch_orders` answers, on one page.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from activities.connectors.channel.port import (
    ChannelOrder,
    ChannelOrderPage,
    ChannelPage,
    OrderDocument,
)
from activities.connectors.instructions import VENDOR, Obedience
from activities.connectors.port import UnknownRule

UNKNOWN_RULES: Final[Mapping[str, UnknownRule]] = MappingProxyType(
    {
        "fetch_orders": UnknownRule.NONE,
        "find_fulfillment": UnknownRule.NONE,
        "push_fulfillment": UnknownRule.LOOKUP,
        "list_orders": UnknownRule.NONE,
    }
)
DECLINED: Final = {"push_fulfillment": "fulfillment_refused"}


class FakeChannel:
    """A ChannelGateway. `ledger` lists every fulfillment made: order and tracking number."""

    vendor: str = VENDOR
    unknown_rules: Mapping[str, UnknownRule] = UNKNOWN_RULES

    def __init__(
        self, documents: tuple[OrderDocument, ...] = (), cancelled: tuple[str, ...] = ()
    ) -> None:
        self.ledger: list[tuple[str, str]] = []
        self._documents = documents
        self._cancelled = cancelled
        self._obedience = Obedience(DECLINED)

    async def fetch_orders(
        self, updated_since: str | None, cursor: str | None, limit: int
    ) -> ChannelPage:
        del cursor, limit
        return ChannelPage(self._documents, (), None, updated_since, cancelled=self._cancelled)

    async def list_orders(self, since: datetime, cursor: str | None) -> ChannelOrderPage:
        """All on one page, as if each had changed just at `since`."""
        del cursor
        names = (*(each["external_id"] for each in self._documents), *self._cancelled)
        return ChannelOrderPage(tuple(self._listed(name, since) for name in names), None)

    def _listed(self, name: str, at: datetime) -> ChannelOrder:
        told = tuple(number for order, number in self.ledger if order == name)
        is_cancelled = name in self._cancelled
        return ChannelOrder(
            name,
            at,
            is_ready=not is_cancelled,
            tracking_numbers=told,
            cancelled_at=at if is_cancelled else None,
        )

    async def find_fulfillment(self, external_id: str, tracking_number: str) -> str | None:
        made = (external_id, tracking_number)
        return f"fulfillment-{self.ledger.index(made) + 1}" if made in self.ledger else None

    async def push_fulfillment(
        self,
        external_id: str,
        tracking_number: str,
        carrier: str,
        lines: tuple[tuple[str, int], ...] | None,
    ) -> str:
        del carrier, lines
        made = (external_id, tracking_number)

        def act() -> str:
            if made not in self.ledger:
                self.ledger.append(made)
            return f"fulfillment-{self.ledger.index(made) + 1}"

        return self._obedience.do("push_fulfillment", tracking_number, tracking_number, act)
