"""What every carrier gateway promises, run over each vendor and the fake; add yours to SUBJECTS."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pytest

from activities.connectors.carrier.easypost.gateway import EasyPostGateway, easypost_client
from activities.connectors.carrier.fake import FakeCarrier
from activities.connectors.carrier.port import CarrierGateway, CreateShipment, Parcel, cheapest
from activities.connectors.errors import Misconfigured
from activities.connectors.port import UnknownRule
from domain.address import Address
from tests.activities.connectors.contract import ON_EVERY_WIRE, TROUBLES, Wire, by_the_rule
from tests.sandbox.world import World, living

NUMBERS = itertools.count(1)
ADDRESS = Address(
    name="Ann Lee",
    line1="179 N Harbor Dr",
    line2=None,
    city="Redondo Beach",
    region="CA",
    postal_code="90277",
    country="US",
    phone="8573875756",
)


class Subject(Protocol):
    """A gateway, how its vendor is made to fail, and the vendor's own books."""

    gateway: CarrierGateway

    def street(self, verb: str, trouble: str) -> str:
        """The receiver's street, so that `verb` will meet `trouble`."""
        ...

    def arm(self, trouble: str) -> None: ...

    async def effects(self, verb: str, reference: str) -> int: ...


class Fake:
    def __init__(self) -> None:
        self.gateway = FakeCarrier()

    def street(self, verb: str, trouble: str) -> str:
        return f"1 Road fake:{verb}:{trouble}"

    def arm(self, trouble: str) -> None:
        """It was told by the street."""

    async def effects(self, verb: str, reference: str) -> int:
        return sum(
            (effect.verb, effect.reference) == (verb, reference) for effect in self.gateway.ledger
        )


class EasyPost:
    def __init__(self, world: World) -> None:
        self._world = world
        self._wire = Wire(
            world.easypost._transport,
            {
                "incomplete": lambda answer: {k: v for k, v in answer.items() if k != "id"},
                "other_id": lambda answer: answer | {"id": "shp_other", "reference": "another"},
            },
        )
        client = easypost_client("http://sandbox/easypost", "EZSANDBOX", transport=self._wire)
        self.gateway = EasyPostGateway(client)

    def street(self, verb: str, trouble: str) -> str:
        del verb, trouble
        return ADDRESS.line1

    def arm(self, trouble: str) -> None:
        if trouble:
            self._wire.meet(trouble, 99 if trouble == "unauthorized" else None)

    async def effects(self, verb: str, reference: str) -> int:
        if verb == "create_shipment":  # costs nothing, and its ledger is about money
            listed = (await self._world.easypost.get("/shipments?purchased=false")).json()[
                "shipments"
            ]
            return sum(shipment["reference"] == reference for shipment in listed)
        labels = [
            line for line in await self._world.ledger("labels") if line["reference"] == reference
        ]
        return sum(int(line["bought" if verb == "buy_label" else "voided"]) for line in labels)


@asynccontextmanager
async def fake(folder: Any) -> AsyncIterator[Subject]:
    del folder
    yield Fake()


@asynccontextmanager
async def easypost(folder: Any) -> AsyncIterator[Subject]:
    async with living(folder) as world:
        yield EasyPost(world)


SUBJECTS = {"fake": fake, "easypost": easypost}
COSTLY = ("buy_label", "void_label")
MET = [(verb, each) for verb in COSTLY for each in (*ON_EVERY_WIRE, "other_id")]


@pytest.fixture(params=SUBJECTS)
async def subject(request: pytest.FixtureRequest, tmp_path: Any) -> AsyncIterator[Subject]:
    async with SUBJECTS[request.param](tmp_path) as made:
        yield made


@dataclass(frozen=True)
class Prepared:
    reference: str
    act: Callable[[], Awaitable[Any]]
    look: Callable[[], Awaitable[Any]]


def shipment(subject: Subject, verb: str = "", trouble: str = "") -> CreateShipment:
    there = replace(ADDRESS, line1=subject.street(verb, trouble))
    reference = f"shop-{next(NUMBERS)}:f1:label:1"
    return CreateShipment(reference, ADDRESS, there, Parcel(500, 200, 150, 100))


async def prepared(subject: Subject, verb: str, trouble: str = "") -> Prepared:
    """Do what must come before, arm the trouble, and return the act and its lookup."""
    gateway = subject.gateway
    wanted = shipment(subject, verb, trouble)
    created = await gateway.create_shipment(wanted)
    ref, rate = created.vendor_shipment_id, cheapest(created.rates)
    if verb == "void_label":
        await gateway.buy_label(ref, rate.rate_id)

    async def voided() -> Any:
        label = await gateway.find_label(ref)
        return label if label and label.voided else None

    subject.arm(trouble)
    if verb == "void_label":
        return Prepared(wanted.reference, lambda: gateway.void_label(ref), voided)
    return Prepared(
        wanted.reference,
        lambda: gateway.buy_label(ref, rate.rate_id),
        lambda: gateway.find_label(ref),
    )


@pytest.mark.parametrize(("verb", "trouble"), MET)
async def test_whatever_a_call_meets_it_has_one_effect(
    subject: Subject, verb: str, trouble: str
) -> None:
    made = await prepared(subject, verb, trouble)
    rule = subject.gateway.unknown_rules[verb]
    assert rule is not UnknownRule.NONE, "a double costs postage"
    await by_the_rule(rule, TROUBLES[trouble], made.act, made.look)
    assert await subject.effects(verb, made.reference) == 1


@pytest.mark.parametrize("trouble", [*ON_EVERY_WIRE, "other_id"])
async def test_a_shipment_is_created_in_the_end(subject: Subject, trouble: str) -> None:
    """A double costs nothing: nothing is bought yet."""
    wanted = shipment(subject, "create_shipment", trouble)
    subject.arm(trouble)
    rule = subject.gateway.unknown_rules["create_shipment"]

    async def act() -> Any:
        return await subject.gateway.create_shipment(wanted)

    created = await by_the_rule(rule, TROUBLES[trouble], act, act)
    assert created.rates
    assert await subject.effects("create_shipment", wanted.reference) >= 1
    assert await subject.effects("buy_label", wanted.reference) == 0


@pytest.mark.parametrize("verb", COSTLY)
async def test_a_repeat_is_the_same_answer_and_no_second_effect(
    subject: Subject, verb: str
) -> None:
    made = await prepared(subject, verb)
    first = await made.act()
    assert await made.act() == first
    assert await subject.effects(verb, made.reference) == 1


async def test_a_label_is_found_once_it_is_bought_and_says_when_it_is_voided(
    subject: Subject,
) -> None:
    made = await prepared(subject, "buy_label")
    assert await made.look() is None
    label = await made.act()
    assert await made.look() == label
    await subject.gateway.void_label(label.vendor_shipment_id)
    assert (await made.look()).voided


@pytest.mark.parametrize("verb", COSTLY)
async def test_refused_credentials_wake_a_person(subject: Subject, verb: str) -> None:
    made = await prepared(subject, verb, "unauthorized")
    with pytest.raises(Misconfigured):
        await made.act()
    assert await subject.effects(verb, made.reference) == 0


async def test_an_address_is_answered_and_a_parcel_tracked(subject: Subject) -> None:
    assert (await subject.gateway.verify_address(ADDRESS)).country == "US"
    label = await (await prepared(subject, "buy_label")).act()
    assert await subject.gateway.track(label.tracker_id)
