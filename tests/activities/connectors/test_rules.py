"""No verb of any port goes without a rule, and no vendor or verb without the contract suite."""

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from activities import connectors
from activities.connectors.carrier.easypost.gateway import EasyPostGateway
from activities.connectors.carrier.fake import FakeCarrier
from activities.connectors.carrier.port import CarrierGateway
from activities.connectors.channel.fake import FakeChannel
from activities.connectors.channel.port import ChannelGateway
from activities.connectors.channel.shopify.gateway import ShopifyGateway
from activities.connectors.payment.fake import FakePayments
from activities.connectors.payment.port import PaymentGateway
from activities.connectors.payment.stripe.gateway import StripeGateway
from activities.connectors.port import UnknownRule
from tests.activities.connectors.carrier import test_carrier_contract as carrier
from tests.activities.connectors.channel import test_channel_contract as channel
from tests.activities.connectors.payment import test_payment_contract as payment

KINDS: dict[str, tuple[type, ModuleType, dict[str, Any]]] = {
    "payment": (PaymentGateway, payment, {"stripe": StripeGateway, "fake": FakePayments}),
    "carrier": (CarrierGateway, carrier, {"easypost": EasyPostGateway, "fake": FakeCarrier}),
    "channel": (ChannelGateway, channel, {"shopify": ShopifyGateway, "fake": FakeChannel}),
}
# What changes something at a vendor's; all else only asks.
CHANGING = {
    "payment": {"authorize", "charge", "begin_slip", "capture", "void", "refund"},
    "carrier": {"create_shipment", "buy_label", "void_label"},
    "channel": {"push_fulfillment"},
}
ASKING = {
    "payment": {"retrieve", "find_payment", "find_refund", "list_payments"},
    # An address that is verified leaves an object at the vendor's that nobody counts.
    "carrier": {"verify_address", "find_label", "track", "list_labels"},
    "channel": {"fetch_orders", "find_fulfillment", "list_orders"},
}


def verbs(port: type) -> set[str]:
    return {name for name, member in vars(port).items() if inspect.iscoroutinefunction(member)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_verb_of_a_port_is_known_to_change_something_or_to_ask(kind: str) -> None:
    assert verbs(KINDS[kind][0]) == CHANGING[kind] | ASKING[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_every_vendor_declares_a_rule_for_every_verb_and_has_no_other_verbs(kind: str) -> None:
    port, _, vendors = KINDS[kind]
    for vendor in vendors.values():
        assert set(vendor.unknown_rules) == verbs(port)
        assert set(vendor.unknown_rules.values()) <= set(UnknownRule)
        public = {name for name in verbs(vendor) if not name.startswith("_")}
        assert public == verbs(port)


@pytest.mark.parametrize("kind", KINDS)
def test_what_only_asks_may_be_asked_again(kind: str) -> None:
    for vendor in KINDS[kind][2].values():
        assert {vendor.unknown_rules[verb] for verb in ASKING[kind]} == {UnknownRule.NONE}


@pytest.mark.parametrize("kind", KINDS)
def test_every_vendor_is_in_its_contract_suite(kind: str) -> None:
    folder = Path(connectors.__file__).parent / kind
    shipped = {path.parent.name for path in folder.glob("*/gateway.py")} | {"fake"}
    assert shipped == set(KINDS[kind][2]) == set(KINDS[kind][1].SUBJECTS)


def test_every_changing_verb_meets_every_trouble() -> None:
    assert {verb for verb, _ in payment.MET} == CHANGING["payment"]
    assert {verb for verb, _ in carrier.MET} | {"create_shipment"} == CHANGING["carrier"]
    assert {channel.VERB} == CHANGING["channel"]
