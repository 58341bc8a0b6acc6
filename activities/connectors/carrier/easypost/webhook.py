"""EasyPost's webhooks: is it theirs, and what does it say in our words."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from activities.connectors.carrier.easypost.translate import events_from_wire, status_from_wire
from activities.connectors.carrier.easypost.wire import Event, WireTracker
from activities.connectors.carrier.port import TrackingNotice
from activities.connectors.errors import InvalidSignature
from activities.connectors.signatures import any_matches

PREFIX: Final = "hmac-sha256-hex="
TRACKER_EVENTS: Final = frozenset({"tracker.created", "tracker.updated"})


def verify(payload: bytes, signature_header: str, secrets: Sequence[str]) -> None:
    """Raises: InvalidSignature. Source: https://docs.easypost.com/guides/webhooks-guide

    Nothing in the signature tells its age: repeats are caught by the event's id.
    """
    try:
        given = bytes.fromhex(signature_header.removeprefix(PREFIX))
    except ValueError:
        raise InvalidSignature("the signature header cannot be read") from None
    normal = [unicodedata.normalize("NFKD", secret) for secret in secrets]
    if not signature_header.startswith(PREFIX) or not any_matches(payload, (given,), normal):
        raise InvalidSignature("no secret of ours signed this")


def parse(payload: bytes) -> TrackingNotice | None:
    """None for events that are not about tracking. Raises: ValueError when it is no event."""
    event = Event.model_validate_json(payload)
    if event.description not in TRACKER_EVENTS:
        return None
    tracker = WireTracker.model_validate(event.result)
    return TrackingNotice(
        event_id=event.id,
        tracker_id=tracker.id,
        tracking_number=tracker.tracking_code,
        status=status_from_wire(tracker.status, tracker.status_detail),
        events=events_from_wire(tracker),
    )


def subject(document: Mapping[str, Any]) -> str | None:
    """The id of what an event tells of, seen without reading it; events of one belong together."""
    told = document.get("result")
    return str(told["id"]) if isinstance(told, Mapping) and "id" in told else None
