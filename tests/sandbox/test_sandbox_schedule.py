"""What happens later: in order, once, and one mishap does not hold up the rest."""

import pytest

from sandbox.clock import Clock
from sandbox.store import Store
from tests.sandbox.stripe.forms import hold
from tests.sandbox.world import until


def test_one_factor_divides_vendor_time():
    assert Clock(86_400).real_s(86_400) == 1.0
    with pytest.raises(ValueError, match="above zero"):
        Clock(0)


def test_times_are_written_as_the_vendors_write_them():
    at = 1_795_341_600.5
    assert Clock().iso(at) == "2026-11-22T10:00:00Z"
    assert Clock().iso(at, offset=True) == "2026-11-22T10:00:00+00:00"
    assert Clock().iso(at, millis=True) == "2026-11-22T10:00:00.500Z"


async def test_an_effect_that_fails_is_dropped_alone(fast_world, caplog):
    held = (await fast_world.stripe.post("/payment_intents", data=hold())).json()
    with fast_world.sandbox.store.transaction() as tx:
        tx.schedule("easypost.void_granted", "shp_nothing", after_s=0)
        tx.schedule("stripe.slip_paid", held["id"], after_s=0)
    fast_world.sandbox._schedule.wake()
    await until(lambda: not fast_world.sandbox.store.rows("SELECT 1 FROM due"))
    assert "easypost.void_granted" in caplog.text


def write_and_fail(tx, key):
    tx.put("k", {"id": key})
    raise RuntimeError


def test_a_transaction_that_fails_leaves_nothing_and_the_next_one_works(tmp_path):
    store = Store(tmp_path / "s.sqlite3", Clock())
    with pytest.raises(RuntimeError), store.transaction() as tx:
        write_and_fail(tx, "1")
    with store.transaction() as tx:
        assert tx.get("k", "1") is None
        with pytest.raises(RuntimeError), tx.undone_on(RuntimeError):
            write_and_fail(tx, "2")
        tx.put("k", {"id": "3"})
    with store.transaction() as tx:
        assert [doc["id"] for doc in tx.newest("k")] == ["3"]
    store.close()
