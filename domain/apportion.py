"""The worth of some units of a whole, so that any sequence of parts sums to the whole exactly."""


def portion(amount_minor: int, whole: int, before: int, units: int) -> int:
    """Return what `units` of `whole` are worth when `before` were taken already.

    Each part is the difference of two rounded-down running sums: whatever the order and the sizes,
    all parts together are the amount, and parts of equal size differ by one minor unit at most.
    Raises: ValueError when more units are taken than there are.
    """
    if min(before, units) < 0 or before + units > whole:
        raise ValueError(f"{units} of {whole} after {before} cannot be taken")
    if units == 0:
        return 0
    sign, size = (-1, -amount_minor) if amount_minor < 0 else (1, amount_minor)
    return sign * (size * (before + units) // whole - size * before // whole)
