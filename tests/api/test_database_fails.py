"""When the database fails nothing is half written, and callers are told to come again."""

import json
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from api.app import ApiConfig, create_app
from api.problems import RETRY_AFTER_S, TABLE, Kind, Problem
from db.engine import make_engine
from db.inbox.keys import create_key
from tests.api.test_webhooks import _event, _post, _signed
from tests.api.world import Api, caller, is_sent_away
from workers.local.postgres import PostgresServer


async def _break(api: Api, table: str, sqlstate: str, what: str = "INSERT") -> None:
    await api.sql(
        f"""
        CREATE FUNCTION break_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'out of it' USING ERRCODE = '{sqlstate}'; END $$;
        CREATE TRIGGER breaks BEFORE {what} ON {table} FOR EACH ROW EXECUTE FUNCTION break_{table}()
        """
    )


async def _mend(api: Api, table: str) -> None:
    await api.sql(f"DROP TRIGGER breaks ON {table}; DROP FUNCTION break_{table}")


@pytest.mark.parametrize("sqlstate", ["53000", "53100", "53200", "53300", "53400", "25006"])
async def test_a_full_disk_takes_nothing_and_later_the_same_request_succeeds(
    api: Api, sqlstate: str
) -> None:
    document = api.document()
    key = f"key-{document['external_id']}"
    await _break(api, "inbox", sqlstate)
    try:
        refused = await api.place(document, key=key)
    finally:
        await _mend(api, "inbox")
    assert is_sent_away(refused)
    assert await api.traces(document) == (0, 0, 0)
    assert (await api.place(document, key=key)).status_code == 201
    assert await api.traces(document) == (1, 1, 1)


@pytest.mark.parametrize("table", ["audit_log", "idempotency_keys"])
async def test_an_order_that_cannot_be_written_down_whole_is_not_kept_at_all(
    api: Api, table: str
) -> None:
    document = api.document()
    await _break(api, table, "53100")
    try:
        refused = await api.place(document, key=f"key-{document['external_id']}")
    finally:
        await _mend(api, table)
    assert is_sent_away(refused)
    assert await api.traces(document) == (0, 0, 0)


async def test_an_answer_that_cannot_be_stored_is_given_all_the_same(api: Api) -> None:
    document = api.document()
    await _break(api, "idempotency_keys", "53100", "UPDATE")
    try:
        answer = await api.place(document, key=f"key-{document['external_id']}")
    finally:
        await _mend(api, "idempotency_keys")
    assert answer.status_code == 201
    again = await api.place(document, key=f"again-{document['external_id']}")
    assert again.json() == answer.json()


async def test_a_webhook_that_cannot_be_kept_is_not_acknowledged(api: Api) -> None:

    payload = json.dumps(_event("stripe", "evt_full")).encode()
    await _break(api, "inbox", "53100")
    try:
        refused = await _post(api, "stripe", payload, _signed("stripe", payload))
    finally:
        await _mend(api, "inbox")
    assert is_sent_away(refused)
    again = await _post(api, "stripe", payload, _signed("stripe", payload))
    assert again.json()["status"] == "taken"


async def test_a_failure_that_will_not_pass_is_500(api: Api) -> None:
    await _break(api, "inbox", "XX000")
    try:
        assert (await api.place(api.document())).status_code == 500
    finally:
        await _mend(api, "inbox")


@pytest.fixture
async def narrow(api: Api, config: ApiConfig, postgres: PostgresServer) -> AsyncIterator[FastAPI]:
    """An API with one connection to the database, for which nobody waits long."""
    engine = make_engine(postgres.url_for("api"), pool_size=1, pool_wait_s=0.05)
    yield create_app(engine=engine, temporal=api.temporal, config=config)
    await engine.dispose()


async def test_without_a_free_connection_the_answer_is_503(api: Api, narrow: FastAPI) -> None:
    async with api.engine.begin() as tx:
        key = await create_key(tx, "narrow", ["orders:read"])
    engine = narrow.state.context.engine
    async with caller(narrow, key.secret) as client:
        async with engine.connect():
            assert is_sent_away(await client.get("/orders"))
        assert (await client.get("/orders")).status_code == 200


def test_every_refusal_of_the_moment_says_when_to_ask_again() -> None:
    of_the_moment = {kind for kind in Kind if TABLE[kind][0] in (429, 503)}
    assert of_the_moment <= set(RETRY_AFTER_S)
    for kind in RETRY_AFTER_S:
        assert int(Problem(kind, "why").response().headers["retry-after"]) > 0
