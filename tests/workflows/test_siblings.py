"""An order's parcels, stopped and changed in the same moment."""

from typing import Any

import pytest

from activities.changing import Changed
from activities.fulfillment import Cancellable
from activities.routing import Planned
from workflows import siblings
from workflows.messages import ChangeResult, OrderInput
from workflows.siblings import Siblings


class Parcel:
    def __init__(self) -> None:
        self.told: list[str] = []

    async def signal(self, message: Any) -> None:
        self.told.append(message.__name__)


async def test_what_a_change_adds_while_all_is_stopped_is_stopped_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The change was under way already, and the database heard of it after the cancellation."""
    asked: list[bool] = []
    parcel = Parcel()

    async def apply_change(order: OrderInput, number: int, *, is_over: bool) -> Changed:
        asked.append(is_over)
        await parcels.stop()
        return Changed("applied")

    async def request_cancellation(order_id: str) -> Cancellable:
        return Cancellable(stopping=(1,))

    async def parts_now(order_id: str) -> tuple[Planned, ...]:
        return (Planned("shop-1-f1", 1, "east", "open", (), (), ()),)

    async def start_parcel(*_: Any) -> Parcel:
        return parcel

    monkeypatch.setattr(siblings.changing, "apply_change", apply_change)
    monkeypatch.setattr(siblings.shipping, "request_cancellation", request_cancellation)
    monkeypatch.setattr(siblings.parting, "parts_now", parts_now)
    monkeypatch.setattr(siblings, "start_parcel", start_parcel)
    monkeypatch.setattr(siblings.workflow, "patched", lambda _: True)
    parcels = Siblings(OrderInput("shop-1", 1, "shop"), lambda: ())
    assert await parcels.change(1) == ChangeResult("applied")
    assert parcel.told == ["stop"]
    await parcels.change(2)
    assert asked == [False, True]
