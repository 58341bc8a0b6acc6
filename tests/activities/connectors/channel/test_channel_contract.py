"""What every sales channel promises, run over each vendor and the fake; add yours to SUBJECTS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import pytest

from activities.connectors.channel.fake import FakeChannel
from activities.connectors.channel.port import ChannelGateway
from activities.connectors.channel.shopify.gateway import ShopifyGateway, shopify_client
from activities.connectors.errors import Misconfigured
from activities.connectors.port import UnknownRule
from tests.activities.connectors.contract import ON_EVERY_WIRE, TROUBLES, Wire, by_the_rule
from tests.sandbox.shopify.orders import order
from tests.sandbox.world import World, living

ORDER = "450001"
VERB = "push_fulfillment"


class Subject(Protocol):
    """A gateway, how its vendor is made to fail, and the vendor's own books."""

    gateway: ChannelGateway

    def number(self, trouble: str) -> str:
        """The tracking number, so that the push will meet `trouble`."""
        ...

    def arm(self, trouble: str) -> None: ...

    async def effects(self, number: str) -> int: ...


class Fake:
    def __init__(self) -> None:
        self.gateway = FakeChannel()

    def number(self, trouble: str) -> str:
        return f"EZ1 fake:{VERB}:{trouble}"

    def arm(self, trouble: str) -> None:
        """It was told by the number."""

    async def effects(self, number: str) -> int:
        return self.gateway.ledger.count((ORDER, number))


class Shopify:
    def __init__(self, world: World) -> None:
        self._world = world
        self._wire = Wire(
            world.shopify._transport,
            {
                "incomplete": lambda answer: {"data": {"fulfillmentCreate": {"userErrors": []}}},
                "other_id": _of_another_parcel,
            },
            changes=lambda request: b"mutation" in request.content,
        )
        client = shopify_client("http://sandbox/shopify", "shpat_sandbox", transport=self._wire)
        self.gateway = ShopifyGateway(client)

    def number(self, trouble: str) -> str:
        del trouble
        return "EZ1"

    def arm(self, trouble: str) -> None:
        if trouble:
            self._wire.meet(trouble, 99 if trouble == "unauthorized" else None)

    async def effects(self, number: str) -> int:
        pushed = await self._world.ledger("fulfillments")
        return sum(each["tracking_number"] == number for each in pushed)


def _of_another_parcel(answer: Any) -> Any:
    answer["data"]["fulfillmentCreate"]["fulfillment"]["trackingInfo"] = [{"number": "EZ2"}]
    return answer


@asynccontextmanager
async def fake(folder: Any) -> AsyncIterator[Subject]:
    del folder
    yield Fake()


@asynccontextmanager
async def shopify(folder: Any) -> AsyncIterator[Subject]:
    async with living(folder) as world:
        seeded = await world.control.post("/shopify/orders", json=order(int(ORDER)))
        assert seeded.is_success, seeded.text
        yield Shopify(world)


SUBJECTS = {"fake": fake, "shopify": shopify}


@pytest.fixture(params=SUBJECTS)
async def subject(request: pytest.FixtureRequest, tmp_path: Any) -> AsyncIterator[Subject]:
    async with SUBJECTS[request.param](tmp_path) as made:
        yield made


@pytest.mark.parametrize("trouble", [*ON_EVERY_WIRE, "other_id"])
async def test_whatever_a_push_meets_the_channel_is_told_once(
    subject: Subject, trouble: str
) -> None:
    gateway, number = subject.gateway, subject.number(trouble)
    rule = gateway.unknown_rules[VERB]
    assert rule is not UnknownRule.NONE, "a customer is told of each"
    subject.arm(trouble)
    made = await by_the_rule(
        rule,
        TROUBLES[trouble],
        lambda: gateway.push_fulfillment(ORDER, number, "USPS", None),
        lambda: gateway.find_fulfillment(ORDER, number),
    )
    assert made == await gateway.find_fulfillment(ORDER, number)
    assert await subject.effects(number) == 1


async def test_a_repeat_is_the_same_answer_and_no_second_effect(subject: Subject) -> None:
    number = subject.number("")
    assert await subject.gateway.find_fulfillment(ORDER, number) is None
    first = await subject.gateway.push_fulfillment(ORDER, number, "USPS", None)
    assert await subject.gateway.push_fulfillment(ORDER, number, "USPS", None) == first
    assert await subject.effects(number) == 1


async def test_refused_credentials_wake_a_person(subject: Subject) -> None:
    number = subject.number("unauthorized")
    subject.arm("unauthorized")
    with pytest.raises(Misconfigured):
        await subject.gateway.push_fulfillment(ORDER, number, "USPS", None)
    assert await subject.effects(number) == 0


async def test_orders_come_on_a_page(subject: Subject) -> None:
    page = await subject.gateway.fetch_orders(None, None, 10)
    assert page.next_cursor is None
