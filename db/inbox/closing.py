"""Whether locations may close: their units would go on being sold, and nobody would send them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows

# What stops when a location says no to it.
_ENDS: Final = ("active", "ships")


async def hindrances(
    tx: AsyncConnection,
    entries: Sequence[Mapping[str, Any]],
    there: Mapping[str, Mapping[str, Any]],
) -> list[tuple[str, str] | None]:
    """Field and reason for each entry that would close a location which may not close.

    The locations are locked, so that nothing is received meanwhile; `there` is what is known.
    """
    found: list[tuple[str, str] | None] = [None] * len(entries)
    ends = [(number, each, _end(each, there)) for number, each in enumerate(entries)]
    closing = [(number, each["location"], end) for number, each, end in ends if end]
    if not closing:
        return found
    lying = await _lying(tx, sorted({code for _, code, _ in closing}))
    left = await _left(tx, entries, there)
    for number, code, end in closing:
        others = left.get(there[code]["pool"])  # None: nobody sells out of it
        if code in lying:
            found[number] = end, lying[code]
        elif end == "active" and others is not None:
            if not others - {code}:
                found[number] = end, "no other of its pool is active, and channels sell out of it"
            else:
                others.discard(code)
    return found


def _end(entry: Mapping[str, Any], there: Mapping[str, Mapping[str, Any]]) -> str | None:
    known = there.get(entry["location"])
    stops = (name for name in _ENDS if known and known[name] and entry.get(name) is False)
    return next(stops, None)


async def _lying(tx: AsyncConnection, codes: Sequence[str]) -> dict[str, str]:
    """Say of each location with units what lies there, and what to do about it."""
    found = await rows(
        tx,
        """
        SELECT location, sum(on_hand)::bigint AS units, count(*) AS skus FROM location_levels
        WHERE location = ANY(CAST(:codes AS text[])) AND on_hand > 0 GROUP BY location
        """,
        codes=list(codes),
    )
    return {
        each.location: f"{_counted(each.units, 'unit')} of {_counted(each.skus, 'SKU')} lie there:"
        " count them out or move them first"
        for each in found
    }


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


async def _left(
    tx: AsyncConnection,
    entries: Sequence[Mapping[str, Any]],
    there: Mapping[str, Mapping[str, Any]],
) -> dict[str, set[str]]:
    """The active locations of each pool that active channels use, and those the entries open."""
    found = await rows(
        tx,
        """
        SELECT c.pool, l.location FROM (SELECT DISTINCT pool FROM channels WHERE active) c
            LEFT JOIN locations l ON l.pool = c.pool AND l.active
        """,
    )
    left: dict[str, set[str]] = {each.pool: set() for each in found}
    for each in found:
        if each.location is not None:
            left[each.pool].add(each.location)
    for entry in entries:
        known = there.get(entry["location"]) or {"active": True, "pool": entry["pool"]}
        if entry.get("active", known["active"]) and known["pool"] in left:
            left[known["pool"]].add(entry["location"])
    return left
