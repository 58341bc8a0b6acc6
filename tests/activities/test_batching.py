"""Who asks while others are served is in the next batch; each is answered by itself."""

import asyncio
from collections.abc import Sequence

import pytest

from activities.batching import Batches, Spoilt, Turn
from tests.activities.shop import at_once


class Kitchen:
    """Serves a batch when it is told to, unless somebody asks for what spoils it."""

    def __init__(self, most: int = 4) -> None:
        self.served: list[list[str]] = []
        self.sizes: list[int] = []
        self.is_lost = False
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.began = asyncio.Event()
        self.batches = Batches[str, str](self.serve, most, observe=self.sizes.append)

    async def serve(self, asked: Sequence[str], _: Turn) -> list[str]:
        self.began.set()
        await self.go_on.wait()
        if self.is_lost:
            raise ConnectionError("nobody knows")
        if "poison" in asked:
            raise Spoilt from ValueError("poison")
        self.served.append(list(asked))
        return [f"{each}!" for each in asked]

    def ask(self, question: str, key: str | None = None) -> asyncio.Task[str]:
        return asyncio.create_task(self.batches.ask(key or question, question))

    async def busy(self) -> asyncio.Task[str]:
        """Let one batch be under way."""
        self.go_on.clear()
        first = self.ask("first")
        await self.began.wait()
        return first


async def settled(*tasks: asyncio.Task[str]) -> list[str | BaseException]:
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_first_begins_at_once_and_those_who_come_meanwhile_go_together() -> None:
    kitchen = Kitchen()
    first = await kitchen.busy()
    later = [kitchen.ask(name) for name in "abc"]
    await asyncio.sleep(0)
    kitchen.go_on.set()
    assert await settled(first, *later) == ["first!", "a!", "b!", "c!"]
    assert kitchen.served == [["first"], ["a", "b", "c"]]
    assert kitchen.sizes == [1, 3]


async def test_a_batch_is_bounded_and_the_order_is_that_of_arrival() -> None:
    kitchen = Kitchen(most=2)
    first = await kitchen.busy()
    later = [kitchen.ask(name) for name in "abcde"]
    await asyncio.sleep(0)
    kitchen.go_on.set()
    await settled(first, *later)
    assert kitchen.served == [["first"], ["a", "b"], ["c", "d"], ["e"]]


async def test_the_same_key_is_not_twice_in_one_batch() -> None:
    kitchen = Kitchen()
    first = await kitchen.busy()
    later = [
        kitchen.ask("a1", "a"),
        kitchen.ask("a2", "a"),
        kitchen.ask("b"),
        kitchen.ask("a3", "a"),
    ]
    await asyncio.sleep(0)
    kitchen.go_on.set()
    await settled(first, *later)
    assert kitchen.served == [["first"], ["a1", "b"], ["a2"], ["a3"]]


async def test_who_gave_up_before_it_was_begun_is_left_out() -> None:
    kitchen = Kitchen()
    first = await kitchen.busy()
    gone, stays = kitchen.ask("gone"), kitchen.ask("stays")
    await asyncio.sleep(0)
    gone.cancel()
    kitchen.go_on.set()
    await settled(first, gone, stays)
    assert kitchen.served == [["first"], ["stays"]]
    assert gone.cancelled()


async def test_who_gives_up_while_it_is_served_disturbs_nobody() -> None:
    kitchen = Kitchen()
    first = await kitchen.busy()
    stays = kitchen.ask("stays")
    first.cancel()
    await asyncio.sleep(0)
    kitchen.go_on.set()
    assert await stays == "stays!"
    assert kitchen.served == [["first"], ["stays"]]


async def test_what_spoils_a_batch_fails_alone_and_the_others_keep_their_order() -> None:
    kitchen = Kitchen(most=8)
    first = await kitchen.busy()
    later = [kitchen.ask(name) for name in ("a", "b", "poison", "c", "d")]
    await asyncio.sleep(0)
    kitchen.go_on.set()
    answers = await settled(first, *later)
    poisoned = answers.pop(3)
    assert answers == ["first!", "a!", "b!", "c!", "d!"]
    assert isinstance(poisoned, ValueError)
    assert [each for batch in kitchen.served for each in batch] == ["first", "a", "b", "c", "d"]


async def test_what_nobody_knows_the_end_of_fails_all_and_the_next_begin_anew() -> None:
    kitchen = Kitchen()
    first = await kitchen.busy()
    kitchen.is_lost = True
    later = [kitchen.ask(name) for name in "ab"]
    await asyncio.sleep(0)
    kitchen.go_on.set()
    assert {type(each) for each in await settled(first, *later)} == {ConnectionError}
    kitchen.is_lost = False
    assert await kitchen.batches.ask("a", "a") == "a!"


@pytest.mark.parametrize("pauses", range(4))
async def test_nobody_is_forgotten_whenever_they_come(pauses: int) -> None:
    """Also in the very steps in which the last batch ends."""
    kitchen = Kitchen(most=3)

    async def come(number: int) -> str:
        for _ in range(number % 7 * pauses):
            await asyncio.sleep(0)
        return await kitchen.batches.ask(number, str(number))

    assert await at_once(40, come) == [f"{number}!" for number in range(40)]


class TwoCooks:
    """Serves two batches at a time, each of two, and is told step by step to go on."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.may_come = {name: asyncio.Event() for name in "ace"}
        self.may_end = {name: asyncio.Event() for name in "ace"}
        self.batches = Batches[str, str](self.serve, most=2, lanes=2)

    async def serve(self, asked: Sequence[str], turn: Turn) -> list[str]:
        name = asked[0]
        self.said.append(f"{name} begins")
        await self.may_come[name].wait()
        if "poison" in asked:
            raise ConnectionError("nobody knows")
        await turn.come()
        self.said.append(f"{name} comes")
        turn.pass_on()
        await self.may_end[name].wait()
        return [f"{each}!" for each in asked]

    def ask(self, *questions: str) -> list[asyncio.Task[str]]:
        return [asyncio.create_task(self.batches.ask(each, each)) for each in questions]

    async def let(self, *events: asyncio.Event) -> None:
        for event in events:
            event.set()
        for _ in range(20):
            await asyncio.sleep(0)


async def test_the_next_batch_is_begun_and_comes_after_the_one_before() -> None:
    cooks = TwoCooks()
    waiting = cooks.ask("a", "b", "c", "d", "e")
    await cooks.let(cooks.may_come["c"], cooks.may_come["e"])
    assert cooks.said == ["a begins", "c begins"]  # and c waits for its turn
    await cooks.let(cooks.may_come["a"])
    assert cooks.said[2:] == ["a comes", "c comes"]  # before a has ended
    await cooks.let(cooks.may_end["c"])
    assert cooks.said[4:] == ["e begins", "e comes"]
    await cooks.let(cooks.may_end["a"], cooks.may_end["e"])
    assert await settled(*waiting) == ["a!", "b!", "c!", "d!", "e!"]


async def test_a_batch_that_failed_lets_nobody_pass_those_before_it() -> None:
    cooks = TwoCooks()
    waiting = cooks.ask("a", "b", "c", "poison", "e")
    await cooks.let(cooks.may_come["c"], cooks.may_come["e"])
    assert [type(each) for each in await settled(*waiting[2:4])] == [ConnectionError] * 2
    assert "e comes" not in cooks.said
    await cooks.let(cooks.may_come["a"], *cooks.may_end.values())
    assert cooks.said[-1] == "e comes"
    assert [await each for each in (*waiting[:2], waiting[4])] == ["a!", "b!", "e!"]
