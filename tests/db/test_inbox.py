"""What comes in is kept once, whoever sends it at the same time; keys and answers are safe."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.pruning import PruningActivities
from db.inbox import audit, idempotency, imports
from db.inbox.catalog import By, Fault
from db.inbox.content import canonical_json, content_sha256, storable
from db.inbox.idempotency import KeyReused, StillInProgress, StoredAnswer
from db.inbox.keys import KeyRing, NewKey, create_key, list_keys, revoke_key
from db.inbox.orders import Committed, ContentDiffers, commit_order, commit_rejected_order
from db.inbox.webhooks import commit_webhook

AT_ONCE = 12
PATIENCE_S = 30.0
DOCUMENT = {"lines": [{"sku": "A-1", "quantity": 2}], "note": "é"}


async def commit(tx: AsyncConnection, external_id: str, **changes: Any) -> Committed:
    given = {"channel": "shop", "external_id": external_id, "deferred": False} | changes
    document = given.pop("document", DOCUMENT)
    return await commit_order(tx, document, **given)


async def at_once(engine: AsyncEngine, act: Any) -> list[Any]:
    """Run `act` in transactions that all stand open before any goes on."""
    barrier = asyncio.Barrier(AT_ONCE)

    async def one(number: int) -> Any:
        async with engine.begin() as tx:
            await tx.execute(sa.text("SELECT 1"))
            await barrier.wait()
            return await act(tx, number)

    return await asyncio.gather(*(one(n) for n in range(AT_ONCE)), return_exceptions=True)


# -- orders


async def test_an_order_is_kept_once_and_a_repeat_finds_it(engine: AsyncEngine) -> None:
    async with engine.begin() as tx:
        first = await commit(tx, "kept-1")
        # The order of keys is not content.
        second = await commit(tx, "kept-1", document=dict(reversed(DOCUMENT.items())))
    assert first.is_new
    assert second == Committed(first.inbox_id, is_new=False)


async def test_only_what_is_left_to_the_workers_wakes_them(
    engine: AsyncEngine, database_url: str
) -> None:
    dsn = database_url.replace("postgresql+psycopg", "postgresql")
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as listener:
        await listener.execute("LISTEN inbox")
        async with engine.begin() as tx:
            await commit(tx, "wakes-nobody")
        assert [notice async for notice in listener.notifies(timeout=0.2)] == []
        async with engine.begin() as tx:
            await commit(tx, "wakes", deferred=True)
        assert [n async for n in listener.notifies(timeout=PATIENCE_S, stop_after=1)] != []


async def test_other_content_under_the_same_id_is_refused(engine: AsyncEngine) -> None:
    async with engine.begin() as tx:
        first = await commit(tx, "kept-2")
        with pytest.raises(ContentDiffers) as refused:
            await commit(tx, "kept-2", document={"lines": []})
    assert refused.value.inbox_id == first.inbox_id


async def test_the_same_order_sent_many_times_at_once_is_one(engine: AsyncEngine) -> None:
    found = await at_once(engine, lambda tx, _: commit(tx, "kept-3"))
    assert len({each.inbox_id for each in found}) == 1
    assert sorted(each.is_new for each in found)[-2:] == [False, True]


async def test_of_different_contents_at_once_one_stands(engine: AsyncEngine) -> None:
    found = await at_once(engine, lambda tx, n: commit(tx, "kept-4", document={"n": n}))
    assert sum(isinstance(each, Committed) for each in found) == 1
    assert sum(isinstance(each, ContentDiffers) for each in found) == AT_ONCE - 1


async def test_the_loop_waits_for_an_order_that_is_started_at_once(engine: AsyncEngine) -> None:
    now = datetime(2026, 11, 22, 10, tzinfo=UTC)
    async with engine.begin() as tx:
        started = await commit(tx, "kept-5", now=now)
        deferred = await commit(tx, "kept-6", deferred=True, now=now)
        due = sa.text("SELECT next_attempt_at FROM inbox WHERE inbox_id = :id")
        later = (await tx.execute(due, {"id": started.inbox_id})).scalar_one()
        at_once = (await tx.execute(due, {"id": deferred.inbox_id})).scalar_one()
    assert ((later - now).total_seconds(), at_once) == (10, now)


async def test_a_rejected_document_is_kept_with_its_reason(engine: AsyncEngine) -> None:
    async with engine.begin() as tx:
        kept = await commit_rejected_order(
            tx, {"raw": 1}, channel="shop", external_id="kept-7", reason="no lines"
        )
        row = (
            await tx.execute(
                sa.text("SELECT state, note, handled_at FROM inbox WHERE inbox_id = :id"),
                {"id": kept.inbox_id},
            )
        ).one()
    assert (row.state, row.note) == ("rejected", "no lines")
    assert row.handled_at is not None


# -- webhooks


async def test_an_event_is_kept_once(engine: AsyncEngine) -> None:
    found = await at_once(engine, lambda tx, n: commit_webhook(tx, "stripe", "evt_once", {"n": n}))
    assert sorted(found) == [False] * (AT_ONCE - 1) + [True]


async def test_vendors_may_use_the_same_event_id(engine: AsyncEngine) -> None:
    async with engine.begin() as tx:
        assert await commit_webhook(tx, "stripe", "evt_same", {})
        assert await commit_webhook(tx, "easypost", "evt_same", {})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(_JSON)
def test_what_is_made_storable_holds_nothing_the_database_refuses(value: Any) -> None:
    text = canonical_json(storable(value))
    assert "\\u0000" not in text.replace("\\\\", "")
    assert storable(storable(value)) == storable(value)


@given(_JSON)
def test_the_same_content_has_the_same_hash(value: Any) -> None:
    assert content_sha256({"a": value, "b": 1}) == content_sha256({"b": 1, "a": value})


def test_nul_and_lone_surrogates_are_replaced() -> None:
    replaced = "\N{REPLACEMENT CHARACTER}"
    assert storable({"a\0": ["b\0", "\ud800"]}) == {f"a{replaced}": [f"b{replaced}", "?"]}


# -- keys


@pytest.fixture
async def key(engine: AsyncEngine) -> NewKey:
    async with engine.begin() as tx:
        return await create_key(tx, "test", ["orders:read"])


async def test_a_key_is_kept_as_a_hash_only(engine: AsyncEngine, key: NewKey) -> None:
    async with engine.begin() as tx:
        found = await tx.execute(
            sa.text("SELECT to_jsonb(k)::text FROM api_keys k WHERE key_id = :id"),
            {"id": key.key_id},
        )
    assert key.secret.rpartition("_")[2] not in found.scalar_one()
    assert key.secret.startswith(f"oms_{key.key_id}_")


async def test_a_key_authenticates_until_it_is_revoked(engine: AsyncEngine, key: NewKey) -> None:
    caller = await KeyRing(engine).authenticate(key.secret)
    assert caller is not None
    assert (caller.key_id, caller.actor) == (key.key_id, f"key:{key.key_id}")
    assert caller.may("orders:read")
    assert not caller.may("orders:write")
    async with engine.begin() as tx:
        assert await revoke_key(tx, key.key_id)
        assert not await revoke_key(tx, key.key_id)
        listed = {each.key_id: each for each in await list_keys(tx)}
    assert listed[key.key_id].revoked_at is not None
    assert await KeyRing(engine).authenticate(key.secret) is None


async def test_a_known_caller_spares_the_database_and_many_at_once_ask_it_once(
    engine: AsyncEngine, key: NewKey
) -> None:
    ring = KeyRing(engine)
    statements: list[str] = []

    def note(*args: Any) -> None:
        statements.append(args[2])

    sa.event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        callers = await asyncio.gather(*(ring.authenticate(key.secret) for _ in range(AT_ONCE)))
        assert {await ring.authenticate(key.secret), *callers} == {callers[0]}
    finally:
        sa.event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert len(statements) == 1


async def test_a_wrong_secret_of_a_known_key_is_refused(engine: AsyncEngine, key: NewKey) -> None:
    ring = KeyRing(engine)
    wrong = f"oms_{key.key_id}_{'0' * 64}"
    for secret in (wrong, key.secret + "\n", key.secret.upper(), "", "oms__"):
        assert await ring.authenticate(secret) is None


@pytest.mark.parametrize(
    ("name", "scopes"), [("x", []), ("x", ["orders:read", "sky"]), (" ", ["admin"])]
)
async def test_a_key_needs_a_name_and_known_scopes(
    engine: AsyncEngine, name: str, scopes: list[str]
) -> None:
    async with engine.begin() as tx:
        with pytest.raises(ValueError, match=r"key|scope"):
            await create_key(tx, name, scopes)


async def test_admin_may_do_everything(engine: AsyncEngine) -> None:
    async with engine.begin() as tx:
        made = await create_key(tx, "admin", ["admin"])
    caller = await KeyRing(engine).authenticate(made.secret)
    assert caller is not None
    assert caller.may("orders:write")


# -- idempotency keys


async def test_an_answer_is_stored_and_repeated(engine: AsyncEngine, key: NewKey) -> None:
    async with engine.begin() as tx:
        assert await idempotency.begin(tx, key.key_id, "k1", "hash") is None
        with pytest.raises(StillInProgress):
            await idempotency.begin(tx, key.key_id, "k1", "hash")
        with pytest.raises(KeyReused):
            await idempotency.begin(tx, key.key_id, "k1", "other")
        answer = StoredAnswer(201, {"order_id": "shop-1"})
        await idempotency.finish(tx, key.key_id, "k1", answer)
        assert await idempotency.begin(tx, key.key_id, "k1", "hash") == answer
        with pytest.raises(KeyReused):
            await idempotency.begin(tx, key.key_id, "k1", "other")


async def test_a_released_key_may_be_begun_again_by_the_same_request_only(
    engine: AsyncEngine, key: NewKey
) -> None:
    async with engine.begin() as tx:
        await idempotency.begin(tx, key.key_id, "k2", "hash")
        await idempotency.release(tx, key.key_id, "k2")
        with pytest.raises(KeyReused):
            await idempotency.begin(tx, key.key_id, "k2", "other")
        assert await idempotency.begin(tx, key.key_id, "k2", "hash") is None
        with pytest.raises(StillInProgress):
            await idempotency.begin(tx, key.key_id, "k2", "hash")


async def test_a_repeat_of_what_was_taken_is_told_what_was_noted_of_it(
    engine: AsyncEngine, key: NewKey
) -> None:
    async with engine.begin() as tx:
        await idempotency.begin(tx, key.key_id, "k5", "hash")
        await idempotency.note(tx, key.key_id, "k5", {"number": 1})
        await idempotency.release(tx, key.key_id, "k5")
        await idempotency.forget_old(tx)
    async with engine.begin() as tx:
        taken = idempotency.Taken({"number": 1})
        assert await idempotency.begin(tx, key.key_id, "k5", "hash") == taken
        await idempotency.note(tx, key.key_id, "k5", None)
        await idempotency.release(tx, key.key_id, "k5")
        assert await idempotency.begin(tx, key.key_id, "k5", "hash") is None


async def test_a_request_that_died_gives_its_place_to_a_repeat(
    engine: AsyncEngine, key: NewKey
) -> None:
    async with engine.begin() as tx:
        await idempotency.begin(tx, key.key_id, "k3", "hash")
        await tx.execute(
            sa.text(
                "UPDATE idempotency_keys SET created_at = now() - interval '2 minutes' "
                "WHERE idempotency_key = 'k3'"
            )
        )
        assert await idempotency.begin(tx, key.key_id, "k3", "hash") is None


async def test_of_simultaneous_requests_one_is_begun(engine: AsyncEngine, key: NewKey) -> None:
    found = await at_once(engine, lambda tx, _: idempotency.begin(tx, key.key_id, "k4", "hash"))
    assert found.count(None) == 1
    assert sum(isinstance(each, StillInProgress) for each in found) == AT_ONCE - 1


async def test_old_keys_are_forgotten(
    engine: AsyncEngine, key: NewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "FORGOTTEN_AT_ONCE", 2)
    async with engine.begin() as tx:
        for number in range(5):
            await idempotency.begin(tx, key.key_id, f"old-{number}", "hash")
        await tx.execute(
            sa.text(
                "UPDATE idempotency_keys SET created_at = now() - interval '4 days' "
                "WHERE idempotency_key LIKE 'old-%'"
            )
        )
        await idempotency.begin(tx, key.key_id, "young", "hash")
    assert await PruningActivities(engine).forget_answers() >= 5
    assert await PruningActivities(engine).forget_answers() == 0
    async with engine.begin() as tx:
        assert await idempotency.begin(tx, key.key_id, "old-1", "other") is None
        with pytest.raises(KeyReused):
            await idempotency.begin(tx, key.key_id, "young", "other")


# -- audit


@pytest.mark.parametrize("change", ["UPDATE audit_log SET actor = 'y'", "DELETE FROM audit_log"])
async def test_the_audit_log_is_written_and_cannot_be_changed(
    engine: AsyncEngine, change: str
) -> None:
    async with engine.begin() as tx:
        await audit.record(tx, "key:x", "OrderReceived", "shop-audited")
    async with engine.connect() as tx:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            await tx.execute(sa.text(change))


async def test_old_imports_are_forgotten_with_their_rejects(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "FORGOTTEN_AT_ONCE", 2)
    rejected = [imports.Rejected(row, {}, (Fault("", "no"),)) for row in range(5)]
    async with engine.begin() as tx:
        wish = imports.Wish("products", "csv")
        old, young = [await imports.begin(tx, wish, By("cli:tests")) for _ in range(2)]
        for import_id in (old, young):
            await imports.reject(tx, import_id, rejected)
        await tx.execute(
            sa.text(
                "UPDATE imports SET started_at = now() - interval '91 days' WHERE import_id = :i"
            ),
            {"i": old},
        )
        await imports.begin(tx, wish, By("cli:tests"))
    assert await PruningActivities(engine).forget_answers() >= 5 + 1
    async with engine.begin() as tx:
        kept = (await tx.execute(sa.text("SELECT import_id FROM imports"))).scalars().all()
        left = (await tx.execute(sa.text("SELECT import_id FROM import_rejects"))).scalars().all()
    assert young in kept
    assert old not in kept
    assert left.count(young) == 5
    assert old not in left


async def test_an_import_whose_process_died_is_ended_and_says_why(engine: AsyncEngine) -> None:
    async with engine.begin() as tx:
        wish = imports.Wish("products", "csv")
        lost, young, done = [await imports.begin(tx, wish, By("cli:tests")) for _ in range(3)]
        await imports.count(tx, lost, imports.Counts(created=3))
        await imports.end(tx, done, By("cli:tests"), imports.Counts())
        await tx.execute(
            sa.text(
                "UPDATE imports SET started_at = now() - interval '7 hours' WHERE import_id <> :i"
            ),
            {"i": young},
        )
    for _ in range(2):
        await PruningActivities(engine).forget_answers()
    async with engine.connect() as tx:
        states = dict((await tx.execute(sa.text("SELECT import_id, state FROM imports"))).all())
        said = await tx.execute(
            sa.text(
                "SELECT actor, after FROM audit_log"
                " WHERE subject = :i AND action = 'CatalogueImported'"
            ),
            {"i": lost},
        )
        ends = said.all()
    assert [states[each] for each in (lost, young, done)] == ["failed", "running", "done"]
    assert [(end.actor, end.after["state"], end.after["created"]) for end in ends] == [
        ("system", "failed", 3)
    ]
