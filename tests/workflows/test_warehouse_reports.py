"""The warehouse's reports as the parcel's story keeps them."""

import pytest

from activities.routing import Planned
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import FulfillmentInput, LinesDone
from workflows.refusals import OtherUnits
from workflows.steps import parting, shipping


@pytest.mark.parametrize("after", ["cancelled", "delivered"])
async def test_a_report_that_is_still_being_written_takes_nothing_back(
    monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """The same report came twice, or a cancellation came between."""
    part = FulfillmentInput("shop-1", 1, "shop-1-f1", "shop", "east", (), (), state="picked")
    story = FulfillmentWorkflow(part)

    async def slowly(part: FulfillmentInput, done: LinesDone) -> None:
        del part, done
        story._state = after

    monkeypatch.setattr(shipping, "record_packed", slowly)
    await story.packed(LinesDone("test", ()))
    assert story._state == after


async def test_a_report_of_other_units_is_refused_and_the_run_hears_what_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part = FulfillmentInput("shop-1", 1, "shop-1-f1", "shop", "east", ((1, 3),), (), state="picked")
    story = FulfillmentWorkflow(part)

    async def refuse(part: FulfillmentInput, done: LinesDone) -> None:
        raise OtherUnits("expected line 1: 2")

    async def part_now(fulfillment_id: str) -> Planned:
        return Planned(fulfillment_id, 1, "east", "picked", ((1, 2),), (), ())

    monkeypatch.setattr(shipping, "record_packed", refuse)
    monkeypatch.setattr(parting, "part_now", part_now)
    with pytest.raises(OtherUnits):
        await story.packed(LinesDone("test", ((1, 3),)))
    assert (story._state, story._part.lines) == ("picked", ((1, 2),))
