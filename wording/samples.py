"""Invented facts of every kind of mail, by which it can be looked at before anybody gets it."""

from collections.abc import Mapping
from typing import Any, Final

from wording.kinds import KINDS

_FACTS: Final[Mapping[str, Any]] = {
    "name": "Ana Souza",
    "order": "1001",
    "total": "1249.90 EUR",
    "amount": "10.00 EUR",
    "from": "2026-11-27",
    "by": "2026-12-01",
    "due": "2026-11-28",
    "voucher": "https://bank.example/slip/1001",
    "outcome": "refused_stock",
    "reason": "The seal is broken.",
    "carrier": "USPS",
    "tracking": "9400111899223856919321",
    "rma": "1001-r1",
    "label": "https://carrier.example/label/1001",
    "code": "DROP-7Q4X",
    "collection_code": "7Q4XCM",
    "place": {
        "name": "Corner Store",
        "line1": "Calle del Río 12",
        "line2": None,
        "city": "Sevilla",
        "region": None,
        "postal_code": "41001",
        "country": "ES",
    },
}
# Which facts there are instead: of those that exclude each other, the sample has the first.
_EXCLUDED: Final[Mapping[str, str]] = {"return_approved": "code"}


def sample(kind: str) -> dict[str, Any]:
    """The facts that a mail of the kind is posted with."""
    wanted = KINDS[kind].facts - {_EXCLUDED.get(kind)}
    given = {fact: value for fact, value in _FACTS.items() if fact in wanted}
    if kind == "order_refused":
        del given["reason"]
        given["outcome"] = _FACTS["outcome"]
    return given
