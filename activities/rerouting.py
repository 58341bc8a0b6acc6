"""Finding other units for what a location lacks: another place, or a wait for stock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.routing import candidates
from db.stores import parts
from db.stores.parts import Piece
from domain.order import Line
from domain.routing import Sourced, route
from domain.shares import assign_lines


@dataclass(frozen=True)
class Found:
    """Where units were found, by location; `waiting` has units per SKU that nobody has."""

    sourced: Sequence[Sourced]
    waiting: Mapping[str, int]


async def look_elsewhere(
    tx: AsyncConnection, head: Any, wanted: Mapping[str, int], *, not_from: str | None = None
) -> Found:
    """Look for free units per SKU in the order's pool, whose levels are locked on the way.

    Units sold already come before safety stock, but never before what other orders hold.
    """
    in_pool = await parts.free_units(tx, head.pool, "", list(wanted))
    places = [c for c in await candidates(tx, head, list(wanted)) if c.location != not_from]
    there = {
        sku: min(
            count,
            max(0, in_pool.get(sku, (0, 0))[1]),
            sum(max(0, place.available.get(sku, 0)) for place in places),
        )
        for sku, count in wanted.items()
    }
    possible = {sku: count for sku, count in there.items() if count}
    waiting = {sku: count - there[sku] for sku, count in wanted.items() if count > there[sku]}
    return Found(route(possible, places) if possible else (), waiting)


def as_pieces(
    found: Found,
    units: Mapping[int, int],
    skus: Mapping[int, str],
    *,
    origin: str,
    pick_s: float,
    backorder_s: float,
) -> list[Piece]:
    """Turn what was found into pieces, by order line; what waits stays with `origin`."""
    lines = [Line(line_no, skus[line_no], count, 0) for line_no, count in units.items()]
    sourced = [place.units for place in found.sourced]
    assigned = assign_lines(lines, [*sourced, found.waiting])
    pieces = [
        Piece(place.location, part, place.within_s(pick_s))
        for place, part in zip(found.sourced, assigned[:-1], strict=True)
    ]
    if assigned[-1]:
        pieces.append(Piece(origin, assigned[-1], backorder_s, is_backordered=True))
    return pieces
