"""Holds of an order with the words that were said of them, and its fraud assessment."""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows

# One hold as a JSON document, of the row `h`.
HOLD: Final = """
    to_jsonb(h) || jsonb_build_object('overdue', h.state = 'open' AND h.deadline < now(),
        'reason', (SELECT text FROM remarks r
            WHERE r.subject = h.order_id AND r.about = 'hold:' || h.key),
        'release_reason', (SELECT text FROM remarks r
            WHERE r.subject = h.order_id AND r.about = 'released:' || h.number))
"""


async def list_holds(connection: AsyncConnection, order_id: str) -> list[dict[str, Any]]:
    """All holds of the order, ended ones too, in the order they were placed in."""
    found = await rows(
        connection,
        f"SELECT {HOLD} AS hold FROM holds h WHERE order_id = :order_id ORDER BY number",  # noqa: S608 - a fragment of this file
        order_id=order_id,
    )
    return [each.hold for each in found]


async def get_hold(
    connection: AsyncConnection, order_id: str, number: int
) -> dict[str, Any] | None:
    found = await row(
        connection,
        "SELECT * FROM holds WHERE order_id = :order_id AND number = :number",
        order_id=order_id,
        number=number,
    )
    return None if found is None else found._asdict()


async def is_admitted(connection: AsyncConnection, order_id: str) -> bool:
    found = await row(
        connection, "SELECT 1 FROM orders WHERE order_id = :order_id", order_id=order_id
    )
    return found is not None


async def assessment(connection: AsyncConnection, order_id: str) -> dict[str, Any] | None:
    found = await row(
        connection,
        """
        SELECT order_id, score, review_from, facts, scorer, assessed_at FROM fraud_assessments
        WHERE order_id = :order_id
        """,
        order_id=order_id,
    )
    return None if found is None else found._asdict()
