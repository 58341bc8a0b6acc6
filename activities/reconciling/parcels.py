"""Our labels against the carrier vendor's, and what channels were told against what they say."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from activities.reconciling.lines import LabelLine, PushLine, fields
from activities.reconciling.violation import Violation


def compare_labels(
    ours: Iterable[Any], theirs: dict[str, LabelLine], *, is_whole: bool
) -> list[Violation]:
    unknown = dict(theirs)
    found: list[Violation] = []
    for row in ours:
        line = unknown.pop(row.vendor_shipment_id, None)
        if line is not None:
            found += [each.between(_ours(row), asdict(line)) for each in _differences(row, line)]
        elif row.state == "bought" and (is_whole or row.is_recent):
            absent = Violation("vendor_knows_the_label", row.label_key, "not in its ledger")
            found.append(absent.between(_ours(row), None))
    found += [
        Violation(
            "vendor_labels_are_ours", line.shipment, f"{line.reference}: unknown here"
        ).between(None, asdict(line))
        for line in unknown.values()
        if not line.voided
    ]
    return found


def _ours(row: Any) -> dict[str, Any]:
    names = ("label_key", "fulfillment_id", "state", "tracking_number", "vendor_shipment_id")
    return fields(row, *names)


def _differences(row: Any, line: LabelLine) -> Iterator[Violation]:
    if line.bought > 1:
        yield Violation("label_bought_once", row.label_key, f"bought {line.bought} times")
    if row.state == "bought" and line.tracking_number != row.tracking_number:
        detail = f"ours {row.tracking_number}, theirs {line.tracking_number}"
        yield Violation("label_has_one_number", row.label_key, detail)
    if line.voided:
        if row.is_handed_over:
            yield Violation("shipped_label_is_valid", row.label_key, "voided at the vendor")
    elif row.state == "voided":
        yield Violation("voided_label_is_void", row.label_key, "still valid at the vendor")
    elif row.state != "bought" and not (row.state == "buying" and row.is_open):
        yield Violation("bought_label_is_known", row.label_key, f"bought there, {row.state} here")


def compare_pushes(
    ours: Iterable[Any], theirs: Iterable[PushLine], channel: str
) -> list[Violation]:
    """Each parcel is told to its channel once; one not yet due may be there already."""
    told = Counter((line.external_id, line.tracking_number) for line in theirs)
    found = []
    for row in ours:
        if row.channel != channel:
            continue
        times = told.pop((row.external_id, row.tracking_number), 0)
        if times > 1 or (row.is_due and not times):
            detail = f"{row.tracking_number}: told {times} times"
            side = fields(row, "external_id", "tracking_number", "is_delivered")
            twice = Violation("channel_is_told_once", row.key, detail)
            found.append(twice.between(side, {"told": times}))
    found += [
        Violation("channel_was_told_by_us", f"{external_id}/{number}", "unknown here").between(
            None, {"external_id": external_id, "tracking_number": number}
        )
        for external_id, number in told
    ]
    return found
