"""What the ledgers, ours and the vendors', say about an order after its end."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from db.engine import rows

Json = dict[str, Any]
# By order; each row a fact that a path may ask for.
READS: Final[Mapping[str, str]] = {
    "orders": "SELECT order_id, outcome, address_verified FROM orders",
    "holds": "SELECT order_id, kind, state FROM holds",
    "events": "SELECT DISTINCT order_id, event FROM order_events",
    "exceptions": "SELECT order_id, step, reason, state, resolution FROM exceptions",
    "parts": """
        SELECT order_id, fulfillment_id, state, location, rma, replaces,
            is_pickup, backordered_at IS NOT NULL AS waited, filled_at IS NOT NULL AS filled
        FROM fulfillments
        """,
    "plays": "SELECT order_id, play FROM parcel_plays JOIN fulfillments USING (fulfillment_id)",
    "claims": "SELECT order_id, cause FROM carrier_claims JOIN fulfillments USING (fulfillment_id)",
    "money": "SELECT order_id, event, amount_minor FROM payment_events",
    "returns": """
        SELECT order_id, source, resolution, method, advance, outcome, exchange_minor,
            refund_minor, credit_code IS NOT NULL AS has_credit, i.*,
            (SELECT coalesce(sum(total_minor), 0)::bigint FROM exchange_lines e
                WHERE e.rma = r.rma) AS instead_minor,
            (SELECT sum(l.quantity)::bigint FROM fulfillment_lines l
                JOIN fulfillments f USING (fulfillment_id)
                WHERE f.order_id = r.order_id AND f.rma IS NULL) AS shipped
        FROM returns r, LATERAL (
            SELECT sum(requested)::bigint AS requested, sum(received)::bigint AS received,
                sum(accepted)::bigint AS accepted, sum(rejected)::bigint AS rejected
            FROM return_items WHERE return_items.rma = r.rma) i
        """,
    "lines": "SELECT order_id, quantity, cancelled FROM order_lines",
    "changes": "SELECT order_id, state, refund_minor, charge_minor FROM order_changes",
    "goods": """
        SELECT r.order_id, g.state, g.resolution
        FROM unmatched_goods g JOIN returns r USING (rma)
        """,
}


@dataclass(frozen=True)
class Facts:
    """Of one order: rows of our database by their kind, and lines of the vendors' ledger."""

    ours: Mapping[str, Sequence[Json]]
    payments: Sequence[Json] = ()
    labels: Sequence[Json] = ()

    def all(self, kind: str, /, **wanted: object) -> list[Json]:
        found = self.ours.get(kind, ())
        return [row for row in found if all(row[name] == value for name, value in wanted.items())]

    def has(self, kind: str, /, **wanted: object) -> bool:
        return bool(self.all(kind, **wanted))

    def ended(self, outcome: str) -> bool:
        return self.has("orders", outcome=outcome)

    @property
    def captured_minor(self) -> int:
        return sum(line["captured_minor"] for line in self.payments)

    @property
    def refunded_minor(self) -> int:
        return sum(line["refunded_minor"] for line in self.payments)

    @property
    def is_paid_back(self) -> bool:
        """Something was taken, and nothing of it is kept."""
        return 0 < self.captured_minor == self.refunded_minor


async def read_facts(database_url: str, order_ids: Sequence[str], ledger: Json) -> dict[str, Facts]:
    """Read what became of the orders."""
    ours: dict[str, dict[str, list[Json]]] = defaultdict(dict)
    engine = create_async_engine(database_url, poolclass=NullPool)
    try:
        async with engine.connect() as tx:
            for kind, statement in READS.items():
                wanted = f"SELECT * FROM ({statement}) AS r WHERE order_id = ANY(:ids)"  # noqa: S608 - ours
                for row in await rows(tx, wanted, ids=list(order_ids)):
                    fact = row._asdict()
                    ours[fact["order_id"]].setdefault(kind, []).append(fact)
    finally:
        await engine.dispose()
    return {
        order_id: Facts(
            ours[order_id],
            [line for line in ledger["payments"] if line["order"] == order_id],
            [
                label
                for label in ledger["labels"]
                if str(label.get("reference")).partition(":")[0] == order_id
            ],
        )
        for order_id in order_ids
    }
