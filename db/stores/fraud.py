"""Fraud assessments: what was counted when an order was admitted, and the score it got."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run
from domain.fraud import WINDOW_HOURS


@dataclass(frozen=True)
class Keys:
    """Hashes by which orders of the same customer, and to the same address, are found."""

    customer: str
    address: str


@dataclass(frozen=True)
class Assessment:
    score: int
    review_from: int
    facts: Mapping[str, Any]


async def velocity(tx: AsyncConnection, keys: Keys) -> Any:
    """Count the assessed orders within the window; whether the customer ever had one."""
    return await row(
        tx,
        """
        SELECT (SELECT count(*) FROM fraud_assessments WHERE customer_key = :customer
                AND assessed_at > now() - make_interval(hours => :hours)) AS of_customer,
            (SELECT count(*) FROM fraud_assessments WHERE address_key = :address
                AND assessed_at > now() - make_interval(hours => :hours)) AS to_address,
            NOT EXISTS (SELECT FROM fraud_assessments WHERE customer_key = :customer) AS is_first
        """,
        customer=keys.customer,
        address=keys.address,
        hours=WINDOW_HOURS,
    )


async def insert(tx: AsyncConnection, order_id: str, keys: Keys, found: Assessment) -> None:
    await run(
        tx,
        """
        INSERT INTO fraud_assessments (order_id, score, review_from, facts, customer_key,
            address_key)
        VALUES (:order_id, :score, :review_from, CAST(:facts AS jsonb), :customer, :address)
        """,
        order_id=order_id,
        score=found.score,
        review_from=found.review_from,
        facts=json.dumps(found.facts),
        customer=keys.customer,
        address=keys.address,
    )


async def get(tx: AsyncConnection, order_id: str) -> Any | None:
    return await row(
        tx, "SELECT * FROM fraud_assessments WHERE order_id = :order_id", order_id=order_id
    )


async def add_opinion(tx: AsyncConnection, order_id: str, scorer: str, found: Assessment) -> None:
    """Write down what an external scorer said; its first word stands."""
    await run(
        tx,
        """
        UPDATE fraud_assessments SET scorer = :scorer, score = :score, facts = CAST(:facts AS jsonb)
        WHERE order_id = :order_id AND scorer IS NULL
        """,
        order_id=order_id,
        scorer=scorer,
        score=found.score,
        facts=json.dumps(found.facts),
    )
