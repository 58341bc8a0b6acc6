"""A carrier's messages: kept once, told once, and read together where they are of one parcel."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.service import RPCError, RPCStatusCode

from activities.playbook import PlaybookActivities, WriteOff
from activities.setting_up import upsert_catalog
from db.inbox.webhooks import commit_webhook
from domain.timings import Timings
from tests.activities.shop import HOUR_S, SETUP, Shop
from tests.counting import counted
from workers.inbox import MOST_ATTEMPTS, InboxLoop

COURSE = ("pre_transit", "in_transit", "in_transit", "out_for_delivery", "delivered")
# Claiming the row, locking order and parcel, writing down what is said with the row's end.
SILENT = 3


@dataclass
class Temporal:
    """Hears signals and starts; or is away."""

    is_away: bool = False
    told: list[tuple[str, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    def get_workflow_handle(self, name: str) -> "Run":
        return Run(self, name)

    async def start_workflow(self, *_: Any, id: str, **__: Any) -> None:  # noqa: A002 - as theirs
        self.started.append(id)


@dataclass
class Run:
    temporal: Temporal
    name: str

    async def signal(self, _: Any, news: Any) -> None:
        if self.temporal.is_away:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
        self.temporal.told.append((self.name, news.status))
        self.temporal.ids.append(news.event_id)


@dataclass
class Road:
    """Parcels on the road, a carrier that tells of them, and the loop that hears it."""

    shop: Shop
    temporal: Temporal
    loop: InboxLoop

    async def parcel(self) -> tuple[str, str]:
        """Send one; return its fulfillment order and its tracker."""
        (part,) = await self.shop.routed((await self.shop.sku(east=1), 1))
        await self.shop.shipped(part)
        label = await self.shop.row(
            "SELECT tracker_id FROM labels WHERE fulfillment_id = :f", f=part.fulfillment_id
        )
        return part.fulfillment_id, label.tracker_id

    async def says(self, *events: dict[str, Any]) -> None:
        async with self.shop.engine.begin() as tx:
            for each in events:
                await commit_webhook(tx, "easypost", each["id"], each)

    async def hears(self) -> int:
        """Let the loop look once, at all that is kept; return how many statements that took."""
        await self.shop.change("UPDATE inbox SET next_attempt_at = now() WHERE state = 'new'")
        with counted(self.shop.engine) as statements:
            assert await self.loop.work_once() == 0
        return len(statements)

    async def standing(self, part: str) -> tuple[str, int, int]:
        """The parcel's status, its scans, and how often a status was told."""
        found = await self.shop.row(
            """
            SELECT tracking_status AS status,
                (SELECT count(*) FROM tracking_events v WHERE v.fulfillment_id = :f) AS scans,
                (SELECT count(*) FROM order_events e
                    WHERE e.fulfillment_id = :f AND e.event = 'TrackingUpdated') AS told
            FROM fulfillments WHERE fulfillment_id = :f
            """,
            f=part,
        )
        return found.status, found.scans, found.told

    async def rows(self) -> dict[str, tuple[str, int]]:
        """State and attempts of each message."""
        found = await self.shop.rows(
            "SELECT external_id, state, attempts FROM inbox WHERE kind = 'webhook'"
        )
        return {each.external_id: (each.state, each.attempts) for each in found}


@pytest.fixture
async def road(fresh_engine: AsyncEngine) -> AsyncIterator[Road]:
    async with fresh_engine.begin() as tx:
        await upsert_catalog(tx, SETUP)
    temporal = Temporal()
    loop = InboxLoop(fresh_engine, temporal, Timings())  # type: ignore[arg-type]
    road = Road(Shop(fresh_engine), temporal, loop)
    yield road
    await road.shop.assert_sound()


def told(tracker: str, name: str, scans: Iterable[int]) -> dict[str, Any]:
    """A message with these scans of the course, each an hour after the one before it."""
    details = [
        {"message": f"scan {n}", "status": COURSE[n], "datetime": f"2026-01-05T{10 + n}:00:00Z"}
        for n in scans
    ]
    tracker_now = {"id": tracker, "tracking_code": "T", "status": details[-1]["status"]}
    return {
        "id": name,
        "object": "Event",
        "description": "tracker.updated",
        "result": {**tracker_now, "tracking_details": details},
    }


def course(tracker: str) -> list[dict[str, Any]]:
    """What the carrier tells as the parcel goes: each message repeats the whole history."""
    return [told(tracker, f"evt_{n}", range(n + 1)) for n in range(len(COURSE))]


async def test_a_message_that_nobody_must_hear_costs_three_statements(road: Road) -> None:
    part, tracker = await road.parcel()
    costs = []
    for each in course(tracker):
        await road.says(each)
        costs.append(await road.hears())
    mail, told_to_the_run = 2, 1
    assert costs == [SILENT, SILENT, SILENT, SILENT + mail, SILENT + told_to_the_run]
    assert await road.standing(part) == ("delivered", 5, 4)
    assert road.temporal.told == [(f"order-{part[:-3]}/f/1", "delivered")]


async def test_five_messages_of_one_parcel_cost_no_more_than_the_last(road: Road) -> None:
    part, tracker = await road.parcel()
    await road.says(*course(tracker))
    assert await road.hears() == SILENT + 1
    assert await road.standing(part) == ("delivered", 5, 1)
    assert road.temporal.told == [(f"order-{part[:-3]}/f/1", "delivered")]
    assert set((await road.rows()).values()) == {("handled", 1)}
    assert await road.hears() == 1  # nothing is left


async def test_messages_are_read_by_the_carriers_time_whatever_order_they_came_in(
    road: Road,
) -> None:
    """Together, and one by one after what was the last of them."""
    part, tracker = await road.parcel()
    alone = [told(tracker, f"evt_{n}", [n]) for n in (3, 0, 2, 1)]
    await road.says(*alone)
    await road.hears()
    assert await road.standing(part) == ("out_for_delivery", 4, 1)
    await road.says(told(tracker, "evt_4", [4]), told(tracker, "again", [0, 1]))
    await road.hears()
    await road.says(told(tracker, "late", [1]))
    await road.hears()
    assert await road.standing(part) == ("delivered", 5, 2)


async def test_messages_of_several_parcels_are_told_apart(road: Road) -> None:
    one, other = await road.parcel(), await road.parcel()
    await road.says(
        told(one[1], "one", range(5)),
        told(other[1], "other", range(2)),
        told(one[1], "again", range(3)),
    )
    await road.hears()
    assert await road.standing(one[0]) == ("delivered", 5, 1)
    assert await road.standing(other[0]) == ("in_transit", 2, 1)
    assert road.temporal.told == [(f"order-{one[0][:-3]}/f/1", "delivered")]
    assert {state for state, _ in (await road.rows()).values()} == {"handled"}


async def test_one_that_cannot_be_read_takes_no_other_with_it(road: Road) -> None:
    part, tracker = await road.parcel()
    broken = told(tracker, "broken", [0]) | {"result": {"id": tracker}}
    other = told(tracker, "other", [0]) | {"description": "tracker.forgotten"}
    await road.says(broken, other, *course(tracker)[:2])
    await road.hears()
    states = {name: state for name, (state, _) in (await road.rows()).items()}
    assert states == {
        "broken": "rejected", "other": "handled", "evt_0": "handled", "evt_1": "handled"
    }  # fmt: skip
    assert (await road.standing(part))[:2] == ("in_transit", 2)


async def test_messages_that_overtake_our_record_wait_and_only_old_ones_are_given_up(
    road: Road,
) -> None:
    part, tracker = await road.parcel()
    await road.shop.change("UPDATE labels SET tracker_id = 'trk_unheard'")
    await road.says(*course(tracker)[:3])
    await road.shop.change(
        "UPDATE inbox SET attempts = :most WHERE external_id = 'evt_0'", most=MOST_ATTEMPTS
    )
    await road.hears()
    assert await road.rows() == {
        "evt_0": ("rejected", MOST_ATTEMPTS + 1), "evt_1": ("new", 1), "evt_2": ("new", 1)
    }  # fmt: skip
    await road.shop.change("UPDATE labels SET tracker_id = :t", t=tracker)
    await road.hears()
    assert (await road.rows())["evt_2"] == ("handled", 2)
    assert await road.standing(part) == ("in_transit", 3, 1)


async def test_what_temporal_did_not_take_is_told_again_and_written_down_once(road: Road) -> None:
    part, tracker = await road.parcel()
    await road.says(*course(tracker))
    road.temporal.is_away = True
    await road.hears()
    assert set((await road.rows()).values()) == {("new", 0)}
    assert await road.standing(part) == ("delivered", 5, 1)
    road.temporal.is_away = False
    await road.hears()
    assert road.temporal.told == [(f"order-{part[:-3]}/f/1", "delivered")]
    assert await road.standing(part) == ("delivered", 5, 1)


async def test_what_was_told_before_a_crash_is_told_again_under_its_id(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And under another with a message more: a run would not hear the first id twice."""
    _, tracker = await road.parcel()
    await road.says(*course(tracker)[3:])

    async def dies(*_: Any) -> None:
        raise OSError("the worker is gone")

    with monkeypatch.context() as patched:
        patched.setattr(road.loop, "_end", dies)
        with pytest.raises(OSError, match="gone"):
            await road.hears()
        with pytest.raises(OSError, match="gone"):
            await road.hears()
    await road.says(told(tracker, "again", range(5)))
    await road.hears()
    assert road.temporal.ids == ["evt_3+evt_4", "evt_3+evt_4", "again+evt_3+evt_4"]


async def test_a_late_scan_is_looked_at_once_however_many_messages_tell_it(road: Road) -> None:
    part, tracker = await road.parcel()
    playbook = PlaybookActivities(road.shop.engine)
    await playbook.write_off(WriteOff(part, "lost", HOUR_S))
    await road.says(*course(tracker), told(tracker, "again", range(5)))
    await road.hears()
    assert road.temporal.told == []
    assert road.temporal.started == [f"late-{part}"]
    assert (await road.shop.story(part[:-3])).count("LateScan") == 1


async def test_a_look_that_finds_nothing_is_one_statement(road: Road) -> None:
    assert await road.hears() == 1


async def test_what_is_no_news_is_never_looked_at_and_ended_where_it_was_kept_as_news(
    road: Road,
) -> None:
    """The second as by an API of an older version."""
    event = {"id": "evt", "description": "batch.created", "result": {}}
    async with road.shop.engine.begin() as tx:
        await commit_webhook(tx, "easypost", "known", event, is_news=False)
    assert await road.hears() == 1
    await road.says(event)
    assert await road.hears() == 2
    assert await road.rows() == {"known": ("handled", 0), "evt": ("handled", 1)}
