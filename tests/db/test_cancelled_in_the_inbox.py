"""An order that its channel cancelled becomes none, or its run is told, whichever came first."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.engine import row, run
from db.inbox.asked import Asked, keep, refuse, tell_again
from db.inbox.cancellations import keep_cancellation
from db.inbox.orders import (
    CANCELLED,
    ContentDiffers,
    commit_rejected_order,
    refuse_cancelled_order,
)
from tests.db.test_inbox import at_once, commit


async def _found(engine: AsyncEngine, external_id: str) -> list[tuple[str, str, str | None]]:
    """What the inbox has of an order of the shop's, its cancellation first."""
    async with engine.connect() as tx:
        found = await tx.execute(
            sa.text(
                "SELECT kind, state, note FROM inbox WHERE external_id = :e"
                " OR external_id = 'cancelled:shop-' || :e ORDER BY kind DESC"
            ),
            {"e": external_id},
        )
        return [tuple(each) for each in found]


@pytest.mark.parametrize("was_refused", [False, True])
async def test_an_order_cancelled_before_it_came_gives_way_to_no_document(
    engine: AsyncEngine,
    was_refused: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    external_id = f"kept-8-{was_refused}"
    named = {"channel": "shop", "external_id": external_id}
    async with engine.begin() as tx:
        if was_refused:
            await commit_rejected_order(tx, {"raw": 1}, reason="no SKU", **named)
        assert (await refuse_cancelled_order(tx, **named)).is_new
        assert not (await refuse_cancelled_order(tx, **named)).is_new
        with pytest.raises(ContentDiffers):
            await commit(tx, external_id)
        with pytest.raises(ContentDiffers):
            await commit_rejected_order(tx, {"raw": 2}, reason="no lines", **named)
    assert await _found(engine, external_id) == [("order", "rejected", CANCELLED)]


async def test_a_cancellation_is_kept_once_beside_its_order(engine: AsyncEngine) -> None:
    async with engine.begin() as tx:
        await commit(tx, "kept-9")
        asked = [await keep_cancellation(tx, "shop", "kept-9", f"x:{n}") for n in range(2)]
    assert asked == [True, False]
    assert await _found(engine, "kept-9") == [("webhook", "new", None), ("order", "new", None)]
    async with engine.connect() as tx:
        audited = await tx.execute(
            sa.text("SELECT actor, action FROM audit_log WHERE subject = 'shop-kept-9'")
        )
        assert [tuple(each) for each in audited] == [("x:0", "OrderCancellationAsked")]


async def test_an_order_and_its_cancellation_at_once_leave_nothing_uncancelled(
    engine: AsyncEngine,
) -> None:
    """Whichever is first: the order is refused for good, or its run will be told."""
    for number in range(5):
        external_id = f"kept-10-{number}"

        async def act(tx: AsyncConnection, n: int, external_id: str = external_id) -> Any:
            if n % 2:
                return await commit(tx, external_id, deferred=True)
            return await keep_cancellation(tx, "shop", external_id, "x")

        await at_once(engine, act)
        assert await _found(engine, external_id) in (
            [("order", "rejected", CANCELLED)],
            [("webhook", "new", None), ("order", "new", None)],
        )


async def _standing(engine: AsyncEngine, asked: Asked) -> tuple[str, str | None, bool]:
    """State and note, and whether the loop may tell the run now."""
    async with engine.connect() as tx:
        found = await row(
            tx,
            "SELECT state, note, next_attempt_at <= now() FROM inbox"
            " WHERE source = 'api' AND external_id = :name",
            name=asked.name,
        )
    assert found is not None
    return tuple(found)


async def test_what_a_caller_asks_waits_for_its_caller_first_and_is_told_until_refused(
    engine: AsyncEngine,
) -> None:
    asked = Asked("shop-kept-11", "key:1", "a1")
    async with engine.begin() as tx:
        await keep(tx, asked)
        assert "shop-kept-11" not in await tell_again(tx)
    assert await _standing(engine, asked) == ("new", None, False)
    async with engine.begin() as tx:
        await run(tx, "UPDATE inbox SET attempts = 3 WHERE external_id = :name", name=asked.name)
        assert "shop-kept-11" in await tell_again(tx)
    assert await _standing(engine, asked) == ("new", None, True)
    async with engine.begin() as tx:
        await refuse(tx, asked, "too_late")
        assert "shop-kept-11" not in await tell_again(tx)
    assert await _standing(engine, asked) == ("rejected", "too_late", True)
    async with engine.begin() as tx:
        await keep(tx, asked)
    assert await _standing(engine, asked) == ("new", None, False)


async def test_what_else_is_asked_stops_no_parcel_when_it_is_told_again(
    engine: AsyncEngine,
) -> None:
    hold = Asked("shop-kept-13", "key:1", "a1", "place_hold", {"kind": "customer_request"})
    async with engine.begin() as tx:
        await keep(tx, hold)
        await run(tx, "UPDATE inbox SET attempts = 3 WHERE external_id = :name", name=hold.name)
        assert "shop-kept-13" not in await tell_again(tx)
    assert await _standing(engine, hold) == ("new", None, True)


async def test_a_refusal_ends_only_what_its_caller_asked(engine: AsyncEngine) -> None:
    mine, other = (Asked("shop-kept-12", "key:1", name) for name in ("a1", "a2"))
    async with engine.begin() as tx:
        await keep(tx, mine)
        await keep(tx, other)
        await refuse(tx, mine, "unavailable")
    assert [(await _standing(engine, each))[0] for each in (mine, other)] == ["rejected", "new"]
