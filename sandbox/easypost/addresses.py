"""Addresses: stored as given, verified on request; what cannot be verified is told in the name.

A street containing UNDELIVERABLE, the postal codes 00000 and 00001, and an unknown state ZZ fail.
"""

import re
import zlib
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from sandbox.calls import Call, Reply
from sandbox.easypost.errors import missing_field, not_found, refused
from sandbox.store import Tx, new_id

Json = dict[str, Any]

KIND: Final = "easypost.address"
GIVEN: Final = (
    "name", "company", "street1", "street2", "city", "state", "zip", "country", "phone", "email",
    "carrier_facility", "residential", "federal_tax_id", "state_tax_id",
)  # fmt: skip
NORMALISED: Final = ("street1", "street2", "city", "state")
DEFAULT_PAGE: Final = 20
LARGEST_PAGE: Final = 100
NOWHERE: Final = frozenset({"00000", "00001"})
NOT_FOUND: Final = {
    "code": "E.ADDRESS.NOT_FOUND",
    "field": "address",
    "message": "Address not found",
    "suggestion": None,
}


def create(tx: Tx, call: Call, _: Mapping[str, str]) -> Reply:
    body = read(call)
    given = part(body, "address")
    wanted = {**body, **given}
    strict = bool(wanted.get("verify_strict"))
    address = store(tx, given, verify=strict or bool(wanted.get("verify")), strict=strict)
    return Reply(address, 201)


def create_and_verify(tx: Tx, call: Call, _: Mapping[str, str]) -> Reply:
    address = store(tx, part(read(call), "address"), verify=True, strict=True)
    return Reply({"address": address}, 201)


def retrieve(tx: Tx, call: Call, names: Mapping[str, str]) -> Reply:  # noqa: ARG001 - a Handler
    address = tx.get(KIND, names["id"])
    if address is None:
        raise not_found()
    return Reply(address)


def verify(tx: Tx, call: Call, names: Mapping[str, str]) -> Reply:  # noqa: ARG001 - a Handler
    address = tx.get(KIND, names["id"])
    if address is None:
        raise not_found()
    verified = _verified(address, strict=True)
    tx.put(KIND, verified)
    return Reply({"address": verified})


def store(tx: Tx, given: Json, *, verify: bool = False, strict: bool = False) -> Json:
    """An address by its fields, or an earlier one by its id. Raises: Refused."""
    if given.get("id"):
        found = tx.get(KIND, str(given["id"]))
        if found is None:
            raise not_found()
        return found
    if not given.get("street1"):
        raise missing_field("street1")
    at = tx.clock.iso(tx.now, offset=True)
    address: Json = {"id": new_id("adr_", 32), "object": "Address"}
    address |= {"created_at": at, "updated_at": at, "mode": "test"}
    address |= {name: given.get(name) for name in GIVEN}
    address["phone"] = re.sub(r"\D", "", str(given["phone"])) if given.get("phone") else None
    address["verifications"] = {}
    if verify:
        address = _verified(address, strict=strict)
    tx.put(KIND, address)
    return address


def _verified(address: Json, *, strict: bool) -> Json:
    if _undeliverable(address):
        if strict:
            raise refused("ADDRESS.VERIFY.FAILURE", "Unable to verify address.", NOT_FOUND)
        failed = {"success": False, "errors": [NOT_FOUND]}
        zip4, delivery = {**failed, "details": None}, {**failed, "details": {}}
        return {**address, "verifications": {"zip4": zip4, "delivery": delivery}}
    passed = {"success": True, "errors": []}
    normal = {name: _normal(address[name]) for name in NORMALISED}
    return {
        **address,
        **normal,
        "street2": normal["street2"] or "",
        "residential": bool(address["residential"]),
        "verifications": {
            "zip4": {**passed, "details": None},
            "delivery": {**passed, "details": _place(address)},
        },
    }


def _undeliverable(address: Json) -> bool:
    lines = f"{address['street1']} {address['street2'] or ''}".upper()
    return (
        "UNDELIVERABLE" in lines
        or str(address["zip"] or "").strip()[:5] in NOWHERE
        or address["state"] == "ZZ"
        or not address["city"]
    )


def _normal(text: str | None) -> str | None:
    return None if text is None else re.sub(r"\s+", " ", text).strip().upper()


def _place(address: Json) -> Json:
    """Somewhere on land, always the same for one postal code."""
    spot = zlib.crc32(f"{address['country']}{address['zip']}".encode())
    return {
        "latitude": round(-30 + spot % 70_000 / 1000, 5),
        "longitude": round(-120 + spot // 70_000 % 80_000 / 1000, 5),
        "time_zone": "UTC",
    }


def read(call: Call) -> Json:
    """The JSON body. Raises: Refused."""
    try:
        body = call.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refused("BAD_REQUEST", "The request body is not a JSON object.", status=400)
    return body


def listed(call: Call, name: str, found: Iterable[Json]) -> Reply:
    """One page of a list. Raises: Refused."""
    text = call.query.get("page_size", str(DEFAULT_PAGE))
    if not text.isdigit() or not 1 <= int(text) <= LARGEST_PAGE:
        raise refused("PARAMETER.INVALID", f"page_size must be between 1 and {LARGEST_PAGE}.")
    size = int(text)
    some = list(islice(found, size + 1))
    return Reply({name: some[:size], "has_more": len(some) > size})


def part(body: Json, name: str) -> Json:
    """The object wrapped under `name`. Raises: Refused."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise missing_field(name)
    return value
