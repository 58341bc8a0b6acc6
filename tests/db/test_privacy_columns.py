"""Every column that holds words is known to be a customer's or not, and none is both."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.privacy.holdings import HOLDINGS, KEPT_BY_LAW, NOT_PERSONAL
from db.tables import metadata

WORDS = (sa.Text, sa.String, JSONB, sa.JSON, ARRAY)
PERSONAL = {(holding.table, column) for holding in HOLDINGS for column in holding.erased}
OTHER = {(table, column) for table, columns in NOT_PERSONAL.items() for column in columns}
KEPT = {(table, column) for table, columns in KEPT_BY_LAW.items() for column in columns}

LEDGERS = {"stock_movements", "payment_events", "order_events", "audit_log", "documents"}


def columns_with_words() -> Iterator[tuple[str, str]]:
    for table in metadata.tables.values():
        yield from ((table.name, c.name) for c in table.columns if isinstance(c.type, WORDS))


def test_every_column_with_words_is_classified() -> None:
    known = PERSONAL | OTHER | KEPT | {("outbox", "delivered_at")}
    new = sorted(set(columns_with_words()) - known)
    assert new == [], "say in db/privacy/holdings.py whether these are a customer's"


def test_nothing_is_classified_that_is_not_there() -> None:
    there = {(table.name, c.name) for table in metadata.tables.values() for c in table.columns}
    assert sorted((PERSONAL | OTHER | KEPT) - there) == []


def test_no_column_is_both() -> None:
    assert sorted((PERSONAL & OTHER) | (PERSONAL & KEPT) | (OTHER & KEPT)) == []


@pytest.mark.parametrize("holding", HOLDINGS, ids=lambda holding: holding.table)
def test_a_ledger_that_only_grows_has_nothing_to_erase(holding) -> None:
    if holding.table in LEDGERS:
        assert holding.erased == {}
