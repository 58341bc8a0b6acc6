"""Shipments: quoted when created, bought once, voided while the carrier has not seen them.

There are no idempotency keys: the id of a shipment created earlier is what makes buying safe.
"""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.calls import Call, Reply
from sandbox.easypost import addresses, rates, trackers
from sandbox.easypost.addresses import listed, part, read
from sandbox.easypost.errors import missing_field, not_found, refused
from sandbox.store import Tx, new_id

Json = dict[str, Any]

KIND: Final = "easypost.shipment"
VOID_ANSWERED_AFTER_S: Final = 3600.0
SIZES: Final = ("length", "width", "height")


def create(tx: Tx, call: Call, _: Mapping[str, str]) -> Reply:
    given = part(read(call), "shipment")
    receiver = addresses.store(tx, part(given, "to_address"))
    sender = addresses.store(tx, part(given, "from_address"))
    if given.get("is_return"):
        # Given as the shipment that left. Source: https://docs.easypost.com/docs/shipments/returns
        receiver, sender = sender, receiver
    at = tx.clock.iso(tx.now)
    options = {"currency": "USD", "payment": {"type": "SENDER"}, "date_advance": 0}
    shipment: Json = {
        "id": new_id("shp_", 32),
        "created_at": at,
        "is_return": bool(given.get("is_return")),
        "messages": [],
        "mode": "test",
        "options": {**options, **(given.get("options") or {})},
        "reference": given.get("reference"),
        "status": "unknown",
        "tracking_code": None,
        "updated_at": at,
        "batch_id": None,
        "batch_status": None,
        "batch_message": None,
        "customs_info": given.get("customs_info"),
        "from_address": sender,
        "insurance": None,
        "order_id": None,
        "parcel": _parcel(at, part(given, "parcel")),
        "postage_label": None,
        "rates": [],
        "refund_status": None,
        "scan_form": None,
        "selected_rate": None,
        "tracker": None,
        "to_address": receiver,
        "usps_zone": rates.zone(sender, receiver),
        "return_address": sender,
        "buyer_address": receiver,
        "forms": [],
        "fees": [],
        "object": "Shipment",
    }
    shipment["rates"] = rates.quote(tx, shipment)
    tx.put(KIND, shipment, lookup=shipment["reference"])
    return Reply(shipment, 201)


def buy(tx: Tx, call: Call, names: Mapping[str, str]) -> Reply:
    shipment = load(tx, names["id"])
    if shipment["postage_label"] is not None:
        raise refused("SHIPMENT.POSTAGE.EXISTS", "Postage already exists for this shipment.")
    body = read(call)
    wanted = part(body, "rate").get("id")
    if not wanted:
        raise missing_field("rate")
    rate = next((rate for rate in shipment["rates"] if rate["id"] == wanted), None)
    if rate is None:
        raise not_found()
    tracker = trackers.start(tx, shipment, rate)
    shipment.update(
        selected_rate=rate,
        tracking_code=tracker["tracking_code"],
        tracker=tracker,
        insurance=body.get("insurance"),
        updated_at=tx.clock.iso(tx.now),
        postage_label=_label(tx.clock.iso(tx.now)),
        fees=[_fee("PostageFee", rate["rate"])],
    )
    tx.put(KIND, shipment)
    _note(tx, shipment, "buy", _cents(rate["rate"]))
    return Reply(_seen(tx, shipment))


def void(tx: Tx, call: Call, names: Mapping[str, str]) -> Reply:  # noqa: ARG001 - a Handler
    """Asks the carrier for the postage back: granted later, or rejected when the parcel moved."""
    shipment = load(tx, names["id"])
    if shipment["postage_label"] is None:
        raise refused("SHIPMENT.REFUND.UNAVAILABLE", "Postage has not been purchased.")
    if shipment["refund_status"] in ("submitted", "refunded"):
        raise refused("SHIPMENT.REFUND.UNAVAILABLE", "A refund was already requested.")
    rejected = trackers.moved(tx, shipment["tracker"]["id"])
    shipment.update(refund_status="submitted", updated_at=tx.clock.iso(tx.now))
    tx.put(KIND, shipment)
    if not rejected:
        trackers.stop(tx, shipment["tracker"]["id"])
        _note(tx, shipment, "void", _cents(shipment["selected_rate"]["rate"]))
    outcome = "easypost.void_rejected" if rejected else "easypost.void_granted"
    tx.schedule(outcome, shipment["id"], after_s=VOID_ANSWERED_AFTER_S)
    return Reply(_seen(tx, shipment))


def void_granted(tx: Tx, key: str) -> None:
    _close_void(tx, key, "refunded")


def void_rejected(tx: Tx, key: str) -> None:
    _close_void(tx, key, "rejected")


def _close_void(tx: Tx, key: str, status: str) -> None:
    shipment = load(tx, key)
    shipment.update(refund_status=status, updated_at=tx.clock.iso(tx.now))
    tx.put(KIND, shipment)


def retrieve(tx: Tx, call: Call, names: Mapping[str, str]) -> Reply:  # noqa: ARG001 - a Handler
    return Reply(_seen(tx, load(tx, names["id"])))


def list_all(tx: Tx, call: Call, _: Mapping[str, str]) -> Reply:
    """Bought ones only, unless asked otherwise. Source: https://docs.easypost.com/docs/shipments"""
    found = tx.newest(KIND, before=call.query.get("before_id"))
    since = call.query.get("start_datetime", "")
    bought_only = call.query.get("purchased", "true") == "true"
    wanted = (
        _seen(tx, shipment)
        for shipment in found
        if shipment["created_at"] >= since and (shipment["postage_label"] or not bought_only)
    )
    return listed(call, "shipments", wanted)


def load(tx: Tx, key: str) -> Json:
    """A shipment by its id or, as EasyPost allows, its reference. Raises: Refused."""
    shipment = tx.get(KIND, key)
    if shipment is None:
        found = tx.find(KIND, key)
        shipment = found[-1] if found else None
    if shipment is None:
        raise not_found()
    return shipment


def _seen(tx: Tx, shipment: Json) -> Json:
    """The shipment with its tracker as it stands now."""
    if shipment["tracker"] is None:
        return shipment
    tracker = trackers.load(tx, shipment["tracker"]["id"])
    return {**shipment, "tracker": tracker, "status": tracker["status"]}


def _parcel(at: str, given: Json) -> Json:
    """Ounces and inches. Raises: Refused."""
    try:
        weight = float(given.get("weight") or 0)
        sizes = {name: float(given[name]) if given.get(name) else None for name in SIZES}
    except (TypeError, ValueError):
        raise refused("PARCEL.INVALID", "Parcel dimensions must be numbers.") from None
    if weight <= 0:
        raise missing_field("weight")
    parcel: Json = {"id": new_id("prcl_", 32), "object": "Parcel", "created_at": at}
    parcel |= {"updated_at": at, "predefined_package": given.get("predefined_package")}
    return {**parcel, **sizes, "weight": weight, "mode": "test"}


def _label(at: str) -> Json:
    key = new_id("pl_", 32)
    return {
        "object": "PostageLabel",
        "id": key,
        "created_at": at,
        "updated_at": at,
        "date_advance": 0,
        "integrated_form": "none",
        "label_date": at,
        "label_resolution": 300,
        "label_size": "4x6",
        "label_type": "default",
        "label_file_type": "image/png",
        "label_url": f"https://easypost-files.s3.us-west-2.amazonaws.com/files/{key}.png",
        "label_pdf_url": None,
        "label_zpl_url": None,
        "label_epl2_url": None,
        "label_file": None,
    }


def _fee(kind: str, amount: str) -> Json:
    return {
        "object": "Fee", "type": kind, "amount": f"{amount}000", "charged": True, "refunded": False,
    }  # fmt: skip


def _note(tx: Tx, shipment: Json, operation: str, cents: int) -> None:
    tx.record(
        "easypost",
        operation,
        shipment["id"],
        cents,
        reference=shipment["reference"],
        tracking_code=shipment["tracking_code"],
        currency=shipment["selected_rate"]["currency"],
    )


def _cents(amount: str) -> int:
    whole, _, rest = amount.partition(".")
    return int(whole) * 100 + int(rest)
