"""Who gets which units when several orders ask at once: each in turn, to the last unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# What lies where: units by (pool, SKU), or by (store, SKU).
Units = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Wish:
    """What one order wants to hold, and under which terms."""

    pool: str
    buffer: int  # units the channel must leave alone
    demand: Mapping[str, int]
    takes_less: bool = False  # it waits for what is not there
    store: str | None = None  # where all of it must lie, to be collected


@dataclass(frozen=True)
class Granted:
    """`short` names the SKUs of which there was too little, in the order they were asked for."""

    held: Mapping[str, int]
    short: tuple[str, ...] = ()


def grant_in_turn(wishes: Sequence[Wish], free: Units, in_store: Units) -> tuple[Granted, ...]:
    """Grant each wish whole or not at all, or what is free to those who take less.

    `free` is what nobody holds beyond safety stock, and may be negative; a SKU that is not in it
    is not sold there. The first to ask is the first to get, and who gets nothing takes nothing
    from those who follow.
    """
    left, left_in_store = dict(free), dict(in_store)
    granted = []
    for wish in wishes:
        answer = _grant(wish, left, left_in_store)
        for sku, units in answer.held.items():
            left[wish.pool, sku] -= units
            if wish.store is not None:
                left_in_store[wish.store, sku] -= units
        granted.append(answer)
    return tuple(granted)


def _grant(wish: Wish, free: Units, in_store: Units) -> Granted:
    if wish.store is not None:
        lacking = tuple(
            sku for sku, units in wish.demand.items() if in_store.get((wish.store, sku), 0) < units
        )
        if lacking:
            return Granted({}, lacking)
    available = {sku: free.get((wish.pool, sku), 0) - wish.buffer for sku in wish.demand}
    short = tuple(
        sku
        for sku, units in wish.demand.items()
        if (wish.pool, sku) not in free or available[sku] < units
    )
    if short and not wish.takes_less:
        return Granted({}, short)
    held = {sku: min(units, available[sku]) for sku, units in wish.demand.items()}
    return Granted({sku: units for sku, units in held.items() if units > 0}, short)
