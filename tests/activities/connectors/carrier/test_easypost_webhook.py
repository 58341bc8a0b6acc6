"""EasyPost's webhooks: the official library agrees on signatures; tracking is read in our words."""

import hashlib
import hmac
import json
import unicodedata

import pytest
from easypost.util import validate_webhook

from activities.connectors.carrier.easypost import webhook
from activities.connectors.errors import InvalidSignature
from domain.tracking import TrackingStatus, fold

SECRET = "sécret"


def sign(payload: bytes, secret: str = SECRET) -> str:
    key = unicodedata.normalize("NFKD", secret).encode()
    return "hmac-sha256-hex=" + hmac.new(key, payload, hashlib.sha256).hexdigest()


PAYLOAD = b'{"id": "evt_1", "description": "batch.created", "result": {}}'


def test_what_the_official_library_accepts_we_accept():
    header = sign(PAYLOAD)
    assert validate_webhook(PAYLOAD, {"X-Hmac-Signature": header}, SECRET)["id"] == "evt_1"
    webhook.verify(PAYLOAD, header, ["other", SECRET])


@pytest.mark.parametrize(
    ("payload", "header", "secrets"),
    [
        (PAYLOAD + b" ", sign(PAYLOAD), [SECRET]),
        (PAYLOAD, sign(PAYLOAD, "other"), [SECRET]),
        (PAYLOAD, sign(PAYLOAD, ""), [""]),
        (PAYLOAD, sign(PAYLOAD), []),
        (PAYLOAD, sign(PAYLOAD).removeprefix(webhook.PREFIX), [SECRET]),
        (PAYLOAD, "hmac-sha256-hex=zz", [SECRET]),
        (PAYLOAD, "", [SECRET]),
    ],
)
def test_what_they_did_not_sign_is_refused(payload, header, secrets):
    with pytest.raises(InvalidSignature):
        webhook.verify(payload, header, secrets)


def test_the_official_event_is_read(spec):
    notice = webhook.parse(spec("easypost/fixtures/event-body.json").read_bytes())
    assert notice is not None
    assert (notice.event_id, notice.tracker_id, notice.tracking_number) == ("evt_1", "trk_1", "1")
    assert notice.status is TrackingStatus.IN_TRANSIT
    assert len(notice.events) == 7
    assert fold(TrackingStatus.PENDING, notice.events) is TrackingStatus.IN_TRANSIT


def test_a_webhook_and_a_poll_name_a_scan_the_same(spec):
    from activities.connectors.carrier.easypost.translate import events_from_wire  # noqa: PLC0415
    from activities.connectors.carrier.easypost.wire import WireTracker  # noqa: PLC0415

    payload = spec("easypost/fixtures/event-body.json").read_bytes()
    polled = events_from_wire(WireTracker.model_validate(json.loads(payload)["result"]))
    notice = webhook.parse(payload)
    assert notice is not None
    assert notice.events == polled


def test_an_event_of_another_kind_is_none():
    assert webhook.parse(PAYLOAD) is None


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b'{"id": "e", "description": "tracker.updated", "result": {}}']
)
def test_what_is_no_event_is_a_value_error(payload):
    with pytest.raises(ValueError, match="validation error"):
        webhook.parse(payload)
