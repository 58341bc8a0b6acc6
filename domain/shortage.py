"""What a location may say it cannot ship: reasons, their effect on stock, exact division."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.apportion import portion
from domain.order import Line


class StockEffect(StrEnum):
    NONE = "none"  # the units are there; this location does not ship them
    MISSING = "missing"  # the missing units are not there, or cannot be sold
    EMPTY = "empty"  # nobody knows what is there: nothing, until somebody has counted


@dataclass(frozen=True, slots=True)
class ShortageReason:
    effect: StockEffect
    must_count: bool = False


# What the warehouse may say; the keys are what it sends.
REASONS: Final[Mapping[str, ShortageReason]] = {
    "not_found": ShortageReason(StockEffect.EMPTY, must_count=True),
    "damaged": ShortageReason(StockEffect.MISSING),
    "wrong_item": ShortageReason(StockEffect.MISSING, must_count=True),
    "no_capacity": ShortageReason(StockEffect.NONE),
    "closed": ShortageReason(StockEffect.NONE),
}


def missing(wanted: Mapping[int, int], picked: Mapping[int, int]) -> dict[int, int]:
    """Return units per line that were wanted and not picked.

    Raises: ValueError when more was picked than wanted, or of another line.
    """
    if any(not 0 <= units <= wanted.get(line, 0) for line, units in picked.items()):
        raise ValueError("more was picked than wanted")
    left = {line: units - picked.get(line, 0) for line, units in wanted.items()}
    return {line: units for line, units in left.items() if units}


def written_off(effect: StockEffect, units: int, free_here: int, free_in_pool: int) -> int:
    """Return how many units leave the books of a location that lacks `units`.

    What other orders hold already is left to them: it turns up short when they are picked.
    """
    wanted = {StockEffect.NONE: 0, StockEffect.MISSING: units, StockEffect.EMPTY: free_here}
    return max(0, min(wanted[effect], free_here, free_in_pool))


def divide(
    lines: Sequence[Line], pieces: Sequence[Mapping[int, int]], share_minor: int, step: int = 1
) -> tuple[int, ...]:
    """Say what each piece of a fulfillment order is worth; together they hold all its units.

    By the value of the goods, or by units when all are free. `step` is the smallest amount that
    can be paid: pieces keep to it when the share does.
    """
    weights = [0] * len(pieces)
    for line in lines:
        before = 0
        for index, piece in enumerate(pieces):
            units = piece.get(line.line_no, 0)
            weights[index] += portion(line.total_minor, line.quantity, before, units)
            before += units
    if not any(weights):
        weights = [sum(piece.values()) for piece in pieces]
    size = step if share_minor % step == 0 else 1
    whole, before, worth = sum(weights), 0, []
    for weight in weights:
        worth.append(size * portion(share_minor // size, whole, before, weight))
        before += weight
    return tuple(worth)
