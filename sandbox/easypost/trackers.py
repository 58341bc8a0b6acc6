"""Trackers: the carrier's compressed timetable, told by webhook and on request.

The times vary a little by tracking code, always alike. A receiver's street can ask for trouble:
NEVER SCANNED stays at the label, LOST stops in transit, RETURN TO SENDER comes back, DAMAGED is
broken on the way, DECLARED LOST is given up by the carrier, TURNS UP is given up and comes weeks
later, SLOW comes weeks later, NOBODY HOME fails once and comes the next day. With ONCE in the
street only its first parcel is in trouble.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from sandbox.calls import Call, Reply
from sandbox.clock import HOUR_S
from sandbox.easypost.addresses import listed, part, read
from sandbox.easypost.errors import missing_field, not_found
from sandbox.store import Tx, new_id

Json = dict[str, Any]

KIND: Final = "easypost.tracker"
TROUBLED: Final = "easypost.street"  # had its trouble

# Status, its detail, the carrier's words, hours after the label was bought. The parcel is collected
# the next day: compressed 20,000 times, that still leaves five seconds for a cancellation.
SCANS: Final = (
    ("pre_transit", "label_created", "Shipping Label Created", 0.0),
    ("in_transit", "arrived_at_facility", "Accepted at origin facility", 28.0),
    ("in_transit", "departed_facility", "Departed regional facility", 38.0),
    ("out_for_delivery", "out_for_delivery", "Out for Delivery", 48.0),
    ("delivered", "arrived_at_destination", "Delivered", 55.0),
)
RETURNED: Final = ("return_to_sender", "return", "Returned to Sender", 55.0)
DAMAGED: Final = ("failure", "damaged", "Damaged in transit", 44.0)
GIVEN_UP: Final = ("failure", "lost", "Declared lost by carrier", 60.0)
NOBODY_HOME: Final = ("failure", "delivery_exception", "Delivery attempted", 50.0)
NEXT_DAY: Final = ("delivered", "arrived_at_destination", "Delivered", 74.0)
WEEKS_LATER: Final = ("delivered", "arrived_at_destination", "Delivered", 400.0)
# A customer brings goods to the post when it suits.
POSTED_AFTER_H: Final = 72.0
# The first that the street has.
TROUBLES: Final = {
    "DECLARED LOST": (*SCANS[:3], GIVEN_UP),
    "TURNS UP": (*SCANS[:3], GIVEN_UP, WEEKS_LATER),
    "SLOW": (*SCANS[:3], WEEKS_LATER),
    "DAMAGED": (*SCANS[:3], DAMAGED),
    "NOBODY HOME": (*SCANS[:4], NOBODY_HOME, NEXT_DAY),
    "NEVER SCANNED": SCANS[:1],
    "LOST": SCANS[:3],
    "RETURN TO SENDER": (*SCANS[:4], RETURNED),
}
FINAL: Final = frozenset({"delivered", "return_to_sender", "cancelled"})


def start(tx: Tx, shipment: Json, rate: Json) -> Json:
    """A tracker for a label just bought, with everything that will happen to the parcel."""
    code = _code(rate["carrier"])
    tracker = _new(tx, code, rate["carrier"], shipment_id=shipment["id"])
    street = str(shipment["to_address"]["street1"]).upper()
    scans = _timetable(tx, street)
    parcel_oz = shipment["parcel"]["weight"]
    tracker["weight"] = parcel_oz
    place = {key: shipment["to_address"][key] for key in ("city", "state", "country", "zip")}
    origin = {key: shipment["from_address"][key] for key in ("city", "state", "country", "zip")}
    _save(tx, tracker)
    posted_h = POSTED_AFTER_H if shipment["is_return"] else 0.0
    for index, scan in enumerate(scans):
        near = place if scan[0] in ("out_for_delivery", "delivered") else origin
        subject = json.dumps([tracker["id"], index, *scan[:3], near])
        after_h = scan[3] + (posted_h if index else 0.0)
        tx.schedule("easypost.scan", subject, after_s=after_h * HOUR_S * _pace(code))
    return tracker


def _timetable(tx: Tx, street: str) -> tuple[tuple[str, str, str, float], ...]:
    if " ONCE " in street:
        if tx.get(TROUBLED, street) is not None:
            return SCANS
        tx.put(TROUBLED, {"id": street})
    return next((plan for name, plan in TROUBLES.items() if name in street), SCANS)


def scan(tx: Tx, subject: str) -> None:
    """One scan of the timetable becomes true."""
    key, index, status, detail, message, near = json.loads(subject)
    tracker = load(tx, key)
    if tracker["status"] in FINAL:
        return
    before = tracker["status"]
    at = tx.clock.iso(tx.now)
    tracker["tracking_details"].append(
        {
            "object": "TrackingDetail",
            "message": message,
            "description": message,
            "status": status,
            "status_detail": detail,
            "datetime": at,
            "source": tracker["carrier"],
            "carrier_code": f"S{index}",
            "tracking_location": {"object": "TrackingLocation", **near},
            "est_delivery_date": None,
        }
    )
    tracker.update(status=status, status_detail=detail, updated_at=at)
    if status == "delivered":
        tracker["signed_by"] = "RESIDENT"
    _save(tx, tracker)
    if status == "delivered":
        tx.record("easypost", "delivered", tracker["shipment_id"] or key)
    _emit(tx, tracker, "tracker.updated", {"status": before})


def stop(tx: Tx, key: str) -> None:
    """A voided label: the carrier will never see the parcel."""
    tracker = load(tx, key)
    before = tracker["status"]
    now = tx.clock.iso(tx.now)
    tracker.update(status="cancelled", status_detail="cancelled", updated_at=now)
    _save(tx, tracker)
    _emit(tx, tracker, "tracker.updated", {"status": before})


def moved(tx: Tx, key: str) -> bool:
    return load(tx, key)["status"] not in ("unknown", "pre_transit")


def create(tx: Tx, call: Call, _: Mapping[str, str]) -> Reply:
    """Follow a parcel bought elsewhere; its scans never come. The same code is the same tracker."""
    given = part(read(call), "tracker")
    code = given.get("tracking_code")
    if not code:
        raise missing_field("tracking_code")
    known = tx.find(KIND, str(code))
    if known:
        return Reply(known[-1])
    tracker = _new(tx, str(code), str(given.get("carrier") or "USPS"), shipment_id=None)
    _save(tx, tracker)
    _emit(tx, tracker, "tracker.created", {})
    return Reply(tracker, 201)


def retrieve(tx: Tx, call: Call, names: Mapping[str, str]) -> Reply:  # noqa: ARG001 - a Handler
    return Reply(load(tx, names["id"]))


def list_all(tx: Tx, call: Call, _: Mapping[str, str]) -> Reply:
    code = call.query.get("tracking_code")
    newest = tx.newest(KIND, before=call.query.get("before_id"))
    return listed(call, "trackers", reversed(tx.find(KIND, code)) if code else newest)


def load(tx: Tx, key: str) -> Json:
    """Raises: Refused."""
    tracker = tx.get(KIND, key)
    if tracker is None:
        found = tx.find(KIND, key)
        tracker = found[-1] if found else None
    if tracker is None:
        raise not_found()
    return tracker


def _new(tx: Tx, code: str, carrier: str, *, shipment_id: str | None) -> Json:
    at = tx.clock.iso(tx.now)
    key = new_id("trk_", 32)
    return {
        "id": key,
        "object": "Tracker",
        "mode": "test",
        "tracking_code": code,
        "status": "unknown",
        "status_detail": "unknown",
        "created_at": at,
        "updated_at": at,
        "signed_by": None,
        "weight": None,
        "est_delivery_date": None,
        "shipment_id": shipment_id,
        "carrier": carrier,
        "tracking_details": [],
        "fees": [],
        "carrier_detail": None,
        "public_url": f"https://track.easypost.com/{key}",
    }


def _save(tx: Tx, tracker: Json) -> None:
    tx.put(KIND, tracker, lookup=tracker["tracking_code"])


def _code(carrier: str) -> str:
    digits = str(int(new_id("", 24), 16))
    return f"1Z{digits[:16]}" if carrier == "UPS" else f"94{digits[:20]}"


def _pace(code: str) -> float:
    """0.9 to 1.1, by tracking code."""
    return 0.9 + zlib.crc32(code.encode()) % 201 / 1000


def _emit(tx: Tx, tracker: Json, topic: str, before: Json) -> None:
    at = tx.clock.iso(tx.now, millis=True)
    key = new_id("evt_", 32)
    event = {
        "description": topic,
        "mode": "test",
        "previous_attributes": before,
        "created_at": at,
        "pending_urls": [],
        "completed_urls": [],
        "updated_at": at,
        "id": key,
        "user_id": "user_sandbox",
        "status": "pending",
        "object": "Event",
        "result": {**tracker, "finalized": tracker["status"] in FINAL, "is_return": False},
    }
    tx.emit("easypost", topic, key, json.dumps(event))
