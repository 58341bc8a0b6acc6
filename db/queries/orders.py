"""A page of orders, newest first: one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows
from domain.axes import Axes, Money, Parcel, Units, derive_axes

Status = Literal["open", "closed", "needs_person"]

_OPEN_EXCEPTION: Final = """
    EXISTS (SELECT 1 FROM exceptions e WHERE e.order_id = o.order_id AND e.state = 'open')
"""
_STATUS: Final[dict[str, str]] = {
    "open": "o.outcome IS NULL",
    "closed": "o.outcome IS NOT NULL",
    "needs_person": _OPEN_EXCEPTION,
}
_ON_HOLD: Final = """
    EXISTS (SELECT 1 FROM holds h WHERE h.order_id = o.order_id AND h.state = 'open'
        AND (:hold = 'any' OR h.kind = :hold))
"""
# Naming every channel lets the unique index on (channel, external id) be used.
_ANY_CHANNEL: Final = "o.channel = ANY(ARRAY(SELECT channel FROM channels))"

# What an order waits for: itself, its open fulfillments, holds and exceptions; the first deadline.
# What has raised an exception waits for the person, no longer for its own, overdue step.
NEXT_STEP: Final = """
    SELECT of, step, deadline FROM (
      SELECT o.order_id AS of, o.next_step AS step, o.next_deadline AS deadline
      WHERE o.outcome IS NULL AND NOT EXISTS (
        SELECT 1 FROM exceptions e
        WHERE e.order_id = o.order_id AND e.fulfillment_id IS NULL AND e.state = 'open')
      UNION ALL
      SELECT f.fulfillment_id, f.next_step, f.next_deadline FROM fulfillments f
      WHERE f.order_id = o.order_id AND f.next_step IS NOT NULL AND f.ended_at IS NULL
        AND NOT EXISTS (
          SELECT 1 FROM exceptions e
          WHERE e.order_id = o.order_id AND e.fulfillment_id = f.fulfillment_id
            AND e.state = 'open')
      UNION ALL
      SELECT h.order_id, 'release hold ' || h.number || ': ' || h.kind, h.deadline FROM holds h
      WHERE h.order_id = o.order_id AND h.state = 'open' AND NOT EXISTS (
        SELECT 1 FROM exceptions e
        WHERE e.order_id = o.order_id AND e.fulfillment_id IS NULL AND e.state = 'open')
      UNION ALL
      SELECT e.exception_id, 'resolve exception: ' || e.step, e.deadline FROM exceptions e
      WHERE e.order_id = o.order_id AND e.state = 'open'
    ) AS waiting
    WHERE deadline IS NOT NULL
    ORDER BY deadline, of LIMIT 1
"""
MONEY: Final = """
    SELECT
      coalesce(sum(amount_minor) FILTER (WHERE state IN ('held', 'taken')), 0) AS authorized_minor,
      coalesce(sum(amount_minor) FILTER (WHERE state = 'pending'), 0) AS pending_minor,
      coalesce(sum(amount_minor) FILTER (WHERE state IN ('voided', 'expired')), 0)
        AS given_up_minor,
      coalesce(sum(captured_minor), 0) AS captured_minor,
      coalesce(sum(refunded_minor), 0) AS refunded_minor
    FROM authorizations a WHERE a.order_id = o.order_id
"""
# Units of the parcels that left, and of those that came back or are promised to.
RETURNED: Final = """
    SELECT coalesce(sum(l.quantity), 0) AS shipped, coalesce(sum(l.in_return), 0) AS in_return,
      coalesce(sum(l.returned), 0) AS returned
    FROM fulfillments f JOIN fulfillment_lines l USING (fulfillment_id)
    WHERE f.order_id = o.order_id AND f.handed_over_at IS NOT NULL
"""
_PAGE: Final = f"""
    WITH page AS MATERIALIZED (
      SELECT o.* FROM orders o WHERE {{conditions}}
      ORDER BY o.placed_at DESC, o.order_id DESC LIMIT :limit
    )
    SELECT o.order_id, o.channel, o.external_id, o.total_minor, o.currency, o.placed_at,
      o.outcome, n.of AS next_of, n.step AS next_step, n.deadline AS next_deadline,
      m.*, u.*, r.*, p.states, p.tracking_statuses
    FROM page o
    CROSS JOIN LATERAL ({MONEY}) AS m
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(quantity), 0) AS ordered, coalesce(sum(cancelled), 0) AS cancelled
      FROM order_lines l WHERE l.order_id = o.order_id
    ) AS u
    CROSS JOIN LATERAL ({RETURNED}) AS r
    CROSS JOIN LATERAL (
      SELECT coalesce(array_agg(state ORDER BY number), CAST(ARRAY[] AS text[])) AS states,
        coalesce(array_agg(tracking_status ORDER BY number), CAST(ARRAY[] AS text[]))
          AS tracking_statuses
      FROM fulfillments f WHERE f.order_id = o.order_id AND f.rma IS NULL
    ) AS p
    LEFT JOIN LATERAL ({NEXT_STEP}) AS n ON true
    ORDER BY o.placed_at DESC, o.order_id DESC
"""  # noqa: S608 - fragments of this file


@dataclass(frozen=True)
class OrderFilter:
    channel: str | None = None
    outcome: str | None = None
    status: Status | None = None
    placed_from: datetime | None = None  # inclusive
    placed_to: datetime | None = None  # exclusive
    external_id: str | None = None
    hold: str | None = None  # a kind, or "any"

    def conditions(self) -> list[str]:
        given = {
            "o.channel = :channel": self.channel,
            "o.outcome = :outcome": self.outcome,
            "o.placed_at >= :placed_from": self.placed_from,
            "o.placed_at < :placed_to": self.placed_to,
            "o.external_id = :external_id": self.external_id,
            _ON_HOLD: self.hold,
        }
        found = [condition for condition, value in given.items() if value is not None]
        if self.status is not None:
            found.append(_STATUS[self.status])
        if self.external_id is not None and self.channel is None:
            found.append(_ANY_CHANNEL)
        return found


@dataclass(frozen=True)
class After:
    """Where the last page ended."""

    placed_at: datetime
    order_id: str


@dataclass(frozen=True)
class NextStep:
    """`of` is the order, or the fulfillment or exception that it waits for."""

    of: str
    step: str
    deadline: datetime


@dataclass(frozen=True)
class OrderItem:
    order_id: str
    channel: str
    external_id: str
    total_minor: int
    currency: str
    placed_at: datetime
    outcome: str | None
    axes: Axes
    next: NextStep | None


async def list_orders(
    connection: AsyncConnection, wanted: OrderFilter, *, after: After | None, limit: int
) -> list[OrderItem]:
    conditions = wanted.conditions()
    if after is not None:
        conditions.append("(o.placed_at, o.order_id) < (:after_placed_at, :after_order_id)")
    found = await rows(
        connection,
        _PAGE.format(conditions=" AND ".join(conditions) or "true"),
        limit=limit,
        channel=wanted.channel,
        outcome=wanted.outcome,
        placed_from=wanted.placed_from,
        placed_to=wanted.placed_to,
        external_id=wanted.external_id,
        hold=wanted.hold,
        after_placed_at=after and after.placed_at,
        after_order_id=after and after.order_id,
    )
    return [_item(row) for row in found]


def _item(row: Any) -> OrderItem:
    has_next = row.next_of is not None
    return OrderItem(
        order_id=row.order_id,
        channel=row.channel,
        external_id=row.external_id,
        total_minor=row.total_minor,
        currency=row.currency,
        placed_at=row.placed_at,
        outcome=row.outcome,
        axes=derive_axes(
            Money(
                total_minor=row.total_minor,
                authorized_minor=int(row.authorized_minor),
                pending_minor=int(row.pending_minor),
                captured_minor=int(row.captured_minor),
                refunded_minor=int(row.refunded_minor),
                given_up_minor=int(row.given_up_minor),
            ),
            Units(
                ordered=int(row.ordered),
                cancelled=int(row.cancelled),
                shipped=int(row.shipped),
                in_return=int(row.in_return),
                returned=int(row.returned),
            ),
            _parcels(row.states, row.tracking_statuses),
            is_closed=row.outcome is not None,
        ),
        next=NextStep(row.next_of, row.next_step, row.next_deadline) if has_next else None,
    )


def _parcels(states: Sequence[str], statuses: Sequence[str | None]) -> list[Parcel]:
    return [Parcel(state, status) for state, status in zip(states, statuses, strict=True)]
