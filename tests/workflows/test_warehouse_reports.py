"""The warehouse's reports as the parcel's story keeps them."""

import pytest

from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import FulfillmentInput, LinesDone
from workflows.steps import shipping


@pytest.mark.parametrize("after", ["cancelled", "delivered"])
async def test_a_report_that_is_still_being_written_takes_nothing_back(
    monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """The same report came twice, or a cancellation came between."""
    part = FulfillmentInput("shop-1", 1, "shop-1-f1", "shop", "east", (), (), state="picked")
    story = FulfillmentWorkflow(part)

    async def slowly(part: FulfillmentInput, actor: str) -> None:
        del part, actor
        story._state = after

    monkeypatch.setattr(shipping, "record_packed", slowly)
    await story.packed(LinesDone("test", ()))
    assert story._state == after
