"""Our authorizations against the payment vendor's own, allowing for what we may just be asking."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, Final

from activities.reconciling.lines import PaymentLine, fields
from activities.reconciling.violation import Violation

# Of which the vendor may have nothing to tell: nobody has paid them.
SLIPS: Final = frozenset({"pending", "expired"})


def compare(
    ours: Iterable[Any],
    theirs: dict[str, PaymentLine],
    *,
    is_whole: bool,
    begun: set[str],
    in_motion: set[str],
) -> list[Violation]:
    """`begun`: keys of acts whose outcome we do not know yet; `in_motion`: orders with a run."""
    unknown = dict(theirs)
    found: list[Violation] = []
    for row in ours:
        line = unknown.pop(row.vendor_ref, None)
        if line is not None:
            differing = _differences(row, line, is_moving=row.order_id in in_motion)
            found += [each.between(_ours(row), asdict(line)) for each in differing]
        elif is_whole and row.state not in SLIPS:
            absent = Violation("vendor_knows_the_payment", row.vendor_ref, "not in its ledger")
            found.append(absent.between(_ours(row), None))
    for line in unknown.values():
        found += [each.between(None, asdict(line)) for each in _unknown_to_us(line, begun)]
    return found


def _ours(row: Any) -> dict[str, Any]:
    return fields(
        row, "authorization_key", "order_id", "state", "amount_minor", "captured_minor",
        "refunded_minor", "currency",
    )  # fmt: skip


def _differences(row: Any, line: PaymentLine, *, is_moving: bool) -> Iterator[Violation]:
    key = row.authorization_key
    if line.captures > 1:
        yield Violation("captured_once", key, f"{line.captures} captures at the vendor")
    if line.currency != row.currency:
        detail = f"ours {row.currency}, theirs {line.currency}"
        yield Violation("vendor_sums_equal_ours", f"{key}/currency", detail)
    if not _captured_fits(row, line, is_moving=is_moving):
        detail = f"ours {row.captured_minor}, theirs {line.captured_minor}"
        yield Violation("vendor_sums_equal_ours", f"{key}/captured", detail)
    asking = row.refunding_minor if is_moving else 0
    if line.refunded_minor is not None and not (
        row.refunded_minor <= line.refunded_minor <= row.refunded_minor + asking
    ):
        detail = f"ours {row.refunded_minor}, theirs {line.refunded_minor}"
        yield Violation("vendor_sums_equal_ours", f"{key}/refunded", detail)
    if not _status_fits(row, line, is_moving=is_moving):
        yield Violation("vendor_state_is_ours", key, f"ours {row.state}, theirs {line.status}")


def _captured_fits(row: Any, line: PaymentLine, *, is_moving: bool) -> bool:
    if line.captured_minor == row.captured_minor:
        return True
    if row.state == "pending":  # paid, and the news are on their way
        return bool(line.captured_minor == row.amount_minor)
    asking = row.capturing_minor if is_moving else 0
    return bool(asking and line.captured_minor == row.captured_minor + asking)


def _status_fits(row: Any, line: PaymentLine, *, is_moving: bool) -> bool:
    """Only holds can be left open or be lost unseen; sums tell all about the rest."""
    if row.state == "voided":
        return line.status == "voided"
    if row.state != "held" or line.captured_minor:
        return True
    if line.status == "voided":
        return bool(row.voiding and is_moving)
    return bool(line.status == "held" and line.authorized_minor == row.amount_minor)


def _unknown_to_us(line: PaymentLine, begun: set[str]) -> Iterator[Violation]:
    """Money that we hold or took without knowing of it, unless we just asked for it."""
    if line.key in begun or line.status in ("none", "voided"):
        return
    detail = f"{line.key}: {line.status} there ({line.authorized_minor}), unknown here"
    yield Violation("vendor_payments_are_ours", line.ref, detail)
