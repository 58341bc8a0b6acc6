"""How often a key may ask, and an address guess: each by a bucket of tokens."""

from dataclasses import replace
from typing import Any

import pytest

from api.app import ApiConfig, Limits, create_app
from api.context import Context
from api.rate import Buckets, Rate, network_of
from db.inbox.keys import create_key
from tests.api.conftest import ROOMY
from tests.api.world import Api, caller


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


# -- the bucket


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    clock = Clock()
    buckets = Buckets(Rate(per_s=10, burst=5), clock)
    assert [buckets.take("a") for _ in range(5)] == [0.0] * 5
    wait_s = buckets.take("a")
    assert wait_s == pytest.approx(0.1)
    clock.now_s += wait_s
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0.0


def test_asking_in_vain_costs_nothing() -> None:
    clock = Clock()
    buckets = Buckets(Rate(per_s=1, burst=1), clock)
    buckets.take("a")
    assert [buckets.take("a") for _ in range(10)] == [pytest.approx(1.0)] * 10


def test_a_token_can_be_given_back() -> None:
    buckets = Buckets(Rate(per_s=0.001, burst=1), Clock())
    for _ in range(3):
        assert buckets.take("a") == 0.0
        buckets.give_back("a")
    buckets.give_back("never heard of")
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0.0


def test_a_rested_bucket_holds_no_more_than_its_burst() -> None:
    clock = Clock()
    buckets = Buckets(Rate(per_s=10, burst=3), clock)
    buckets.take("a")
    clock.now_s += 3_600
    assert [buckets.take("a") == 0.0 for _ in range(4)] == [True, True, True, False]


def test_each_name_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(Rate(per_s=1, burst=1), Clock())
    assert buckets.take("a") == buckets.take("b") == 0.0
    assert buckets.take("a") > 0.0


def test_memory_is_bounded_and_what_is_used_stays() -> None:
    buckets = Buckets(Rate(per_s=0.001, burst=1), Clock(), most=10)
    for number in range(1_000):
        buckets.take("used")
        buckets.take(f"address-{number}")
    assert len(buckets._full_at) == 10
    assert buckets.take("used") > 0.0


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        (None, "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_an_address_stands_for_its_owner(host: str | None, name: str) -> None:
    assert network_of(host) == name


# -- the API


def _limited(api: Api, config: ApiConfig, **changes: Any) -> Any:
    limits: Limits = replace(ROOMY, **changes)
    return create_app(
        engine=api.engine, temporal=api.temporal, config=replace(config, limits=limits)
    )


async def test_a_key_that_asks_too_often_is_told_when_to_ask_again(
    api: Api, config: ApiConfig
) -> None:
    app = _limited(api, config, key_rate=Rate(per_s=0.5, burst=3))
    async with api.engine.begin() as tx:
        keys = [await create_key(tx, name, ["stock:read"]) for name in ("busy", "other")]
    async with caller(app, keys[0].secret) as client:
        answers = [await client.get("/stock") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].json()["code"] == "too_often"
    assert answers[3].headers["content-type"] == "application/problem+json"
    assert answers[3].headers["retry-after"] == "2"
    async with caller(app, keys[1].secret) as client:
        assert (await client.get("/stock")).status_code == 200


async def test_whoever_guesses_keys_is_sent_away_and_a_known_key_is_not(
    api: Api, config: ApiConfig
) -> None:
    app = _limited(api, config, failure_rate=Rate(per_s=0.001, burst=4))
    async with api.engine.begin() as tx:
        key = await create_key(tx, "known", ["stock:read"])
        late = await create_key(tx, "late", ["stock:read"])
    guess = {"Authorization": f"Bearer oms_{key.key_id}_{'0' * 64}"}
    async with caller(app, key.secret) as client:
        assert (await client.get("/stock")).status_code == 200
        guesses = [await client.get("/stock", headers=guess) for _ in range(5)]
        context = app.state.context
        assert isinstance(context, Context)
        context.keys._seen[next(iter(context.keys._seen))] = (0.0, None)  # it must be looked up
        still = await client.get("/stock")
    assert [answer.status_code for answer in guesses] == [401, 401, 401, 401, 429]
    assert still.status_code == 200
    async with caller(app, late.secret) as client:
        assert (await client.get("/stock")).status_code == 429, "it may be a guess like the others"


async def test_requests_without_a_key_are_counted_too(api: Api, config: ApiConfig) -> None:
    app = _limited(api, config, failure_rate=Rate(per_s=0.001, burst=2))
    async with caller(app, None) as client:
        answers = [await client.get("/orders") for _ in range(3)]
        assert (await client.get("/health")).status_code == 200
    assert [answer.status_code for answer in answers] == [401, 401, 429]


async def test_good_keys_cost_their_address_nothing(api: Api, config: ApiConfig) -> None:
    app = _limited(api, config, failure_rate=Rate(per_s=0.001, burst=1))
    async with api.engine.begin() as tx:
        keys = [await create_key(tx, f"one of many {n}", ["stock:read"]) for n in range(5)]
    for key in keys:
        async with caller(app, key.secret) as client:
            assert (await client.get("/stock")).status_code == 200


async def test_a_revoked_key_is_a_guess_from_then_on(api: Api, config: ApiConfig) -> None:
    app = _limited(api, config, failure_rate=Rate(per_s=0.001, burst=2))
    async with api.engine.begin() as tx:
        key = await create_key(tx, "gone", ["stock:read"])
    async with caller(app, key.secret) as client:
        assert (await client.get("/stock")).status_code == 200
        await api.sql("UPDATE api_keys SET revoked_at = now() WHERE key_id = :k", k=key.key_id)
        seen = app.state.context.keys._seen
        for name, (_, who) in seen.items():
            seen[name] = (0.0, who)
        answers = [await client.get("/stock") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
