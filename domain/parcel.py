"""How big the parcel is that a location packs: one box that holds everything."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

PACKAGING_G: Final = 50


@dataclass(frozen=True)
class Measures:
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int


def one_box(items: Iterable[tuple[Measures, int]]) -> Measures:
    """Stack all units on one another: the widest footprint, the sum of the heights.

    Raises: ValueError for nothing to pack.
    """
    units = list(items)
    if not units:
        raise ValueError("a parcel needs something in it")
    return Measures(
        weight_g=PACKAGING_G + sum(item.weight_g * count for item, count in units),
        length_mm=max(item.length_mm for item, _ in units),
        width_mm=max(item.width_mm for item, _ in units),
        height_mm=sum(item.height_mm * count for item, count in units),
    )
