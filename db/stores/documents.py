"""Invoices and credit notes: asked for with what makes them due, written once with their number."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run
from db.stores import outbox
from domain.crediting import Credit, Invoiced, spread_credit

KIND: Final = "document"


@dataclass(frozen=True)
class Draft:
    """A document but for its number and its day, which the database gives."""

    key: str
    kind: str
    seller: str
    order_id: str
    fulfillment_id: str
    currency: str
    total_minor: int
    buyer: Mapping[str, Any]
    content: Mapping[str, Any]
    corrects: str | None = None


@dataclass(frozen=True)
class PartOf:
    """Of which return a credit is only a part; `has_freight`: the parts are for freight, too."""

    rma: str
    has_freight: bool = False


async def request_invoice(tx: AsyncConnection, part: Any) -> None:
    """Ask for the invoice of a parcel that was handed over; one that costs nothing has none.

    Nor has one that replaces a parcel, which was invoiced then; an exchange's is asked for when it
    has arrived.
    """
    if part.share_minor and part.rma is None and part.replaces is None:
        # Kept as it is now: should the parcel be replaced before the invoice is written, its share
        # will be the replacement's.
        about = {
            "kind": "invoice",
            "fulfillment_id": part.fulfillment_id,
            "share_minor": part.share_minor,
            "paid": [each._asdict() for each in await paid_by(tx, part.fulfillment_id)],
        }
        await outbox.post(tx, f"invoice:{part.fulfillment_id}", KIND, part.order_id, about)


async def request_exchange(
    tx: AsyncConnection, back: Any, part: Any, lines: Sequence[Any], units: Mapping[int, int]
) -> None:
    """Ask for the papers of an exchange that is complete: what came back is credited with what it
    paid of the parcel, which was invoiced when it arrived.

    `lines` is what was sent, `units` how many of which line came back for it.
    """
    paid_by_goods = min(back.exchange_minor, back.goods_minor)
    if paid_by_goods:
        key = f"{back.rma}:exchange"
        part_of = PartOf(back.rma) if paid_by_goods < back.goods_minor else None
        await credit_returned(tx, back.order_id, key, paid_by_goods, units, part_of)
    await request_exchange_invoice(tx, back, part, lines)


async def request_exchange_invoice(
    tx: AsyncConnection, back: Any, part: Any, lines: Sequence[Any]
) -> None:
    """Ask, once, for the invoice of a parcel that was sent in exchange, whole, and has arrived.

    It may be returned before its exchange is complete. What is held until the first goods are back
    has paid for nothing yet.
    """
    total_minor = sum(line.total_minor for line in lines)
    if not total_minor:
        return
    paid = [each._asdict() for each in await paid_by(tx, part.fulfillment_id)]
    paid_by_goods = min(back.exchange_minor, back.goods_minor)
    if paid_by_goods:
        paid.append({"kind": "goods", "amount_minor": paid_by_goods})
    about = {
        "kind": "invoice",
        "fulfillment_id": part.fulfillment_id,
        "share_minor": total_minor,
        "paid": paid,
    }
    await outbox.post(tx, f"invoice:{part.fulfillment_id}", KIND, back.order_id, about)


async def request_credit_note(
    tx: AsyncConnection,
    key: str,
    fulfillment_id: str,
    amount_minor: int,
    units: Mapping[int, int] | None = None,
    authorization_key: str | None = None,
) -> None:
    """Ask, once for each key, for a credit note about the invoice of a parcel.

    `units` says how many of which order line were given back, for instance returned; without them
    a portion of the whole is credited. `amount_minor` counts: more or less than the units were
    billed for stands on the note as an adjustment. Beyond the invoice, nothing is written and the
    request becomes a dead letter. `key` is that of the refund.
    """
    credit = Credit(fulfillment_id, amount_minor, units or {})
    await _ask_for_credit(tx, key, credit, {"authorization_key": authorization_key})


async def _ask_for_credit(
    tx: AsyncConnection, key: str, credit: Credit, more: Mapping[str, Any]
) -> None:
    about = {
        "kind": "credit_note",
        "fulfillment_id": credit.fulfillment_id,
        "amount_minor": credit.amount_minor,
        "units": sorted(credit.units.items()),
    }
    order_id = credit.fulfillment_id.rpartition("-f")[0]
    await outbox.post(
        tx, f"credit:{key}:{credit.fulfillment_id}", KIND, order_id, {**about, **more}
    )


async def credit_returned(
    tx: AsyncConnection,
    order_id: str,
    key: str,
    amount_minor: int,
    units: Mapping[int, int],
    part_of: PartOf | None = None,
) -> None:
    """Ask for credit notes about units of an order that came back, or were kept, and are refunded.

    Parcels that were handed over answer for them in their order. `key` is the refund's: asked again
    under it, nothing is added. With `part_of` the notes name no units; all credits that are part of
    one return are about the same ones. The order's row is locked before.
    """
    asked = "SELECT 1 FROM outbox WHERE order_id = :order_id AND starts_with(key, :start)"
    if await row(tx, asked, order_id=order_id, start=f"credit:{key}:"):
        return
    more: dict[str, Any] = {}
    if part_of is not None:
        more = {"part_of": part_of.rma, "has_freight": part_of.has_freight}
    invoiced = await _invoiced(tx, order_id, more.get("part_of"))
    for each in spread_credit(invoiced, amount_minor, units):
        await _ask_for_credit(tx, key, each, more)


async def _invoiced(tx: AsyncConnection, order_id: str, rma: str | None) -> list[Invoiced]:
    """What is left of each invoice; the other parts of `rma` have taken no units from it."""
    found = await rows(
        tx,
        """
        WITH billed AS (
            SELECT f.fulfillment_id, f.number, f.share_minor, l.line_no, l.quantity,
                l.quantity * (o.quantity * o.unit_price_minor + o.tax_minor - o.discount_minor)
                    / o.quantity AS value
            FROM fulfillments f JOIN fulfillment_lines l USING (fulfillment_id)
                JOIN order_lines o ON o.order_id = f.order_id AND o.line_no = l.line_no
            WHERE f.order_id = :order_id AND f.handed_over_at IS NOT NULL AND f.share_minor > 0
                AND f.rma IS NULL
            UNION ALL
            SELECT f.fulfillment_id, f.number,
                CAST(sum(x.total_minor) OVER (PARTITION BY f.fulfillment_id) AS bigint),
                l.line_no, l.quantity, x.total_minor
            FROM fulfillments f JOIN fulfillment_lines l USING (fulfillment_id)
                JOIN exchange_lines x ON x.rma = f.rma AND x.line_no = l.line_no
            WHERE f.order_id = :order_id AND EXISTS (
                SELECT FROM outbox w WHERE w.key = 'invoice:' || f.fulfillment_id)
        )
        SELECT b.fulfillment_id, b.share_minor, jsonb_object_agg(b.line_no, b.quantity) AS units,
            jsonb_object_agg(b.line_no, b.value) AS values,
            (SELECT coalesce(jsonb_agg(w.payload), '[]') FROM outbox w
                WHERE w.order_id = :order_id AND w.kind = 'document'
                    AND w.payload ->> 'kind' = 'credit_note'
                    AND w.payload ->> 'fulfillment_id' = b.fulfillment_id) AS asked
        FROM billed b GROUP BY b.fulfillment_id, b.number, b.share_minor ORDER BY b.number
        """,
        order_id=order_id,
    )
    return [_left_of(each, rma) for each in found]


def _left_of(parcel: Any, rma: str | None) -> Invoiced:
    units = {int(line_no): count for line_no, count in parcel.units.items()}
    values = {int(line_no): value for line_no, value in parcel.values.items()}
    left = parcel.share_minor - sum(note["amount_minor"] for note in parcel.asked)
    for credited in _credited(parcel.asked, rma):
        for line_no, count in credited.items():
            if line_no in units:
                before, units[line_no] = units[line_no], max(units[line_no] - count, 0)
                values[line_no] = values[line_no] * units[line_no] // max(before, 1)
    kept = {line_no: count for line_no, count in units.items() if count}
    return Invoiced(parcel.fulfillment_id, max(left, 0), kept, values)


def _credited(notes: Sequence[Mapping[str, Any]], rma: str | None) -> list[dict[int, int]]:
    """The units of all credits but the other parts of `rma`; those of one return count once."""
    found: dict[object, dict[int, int]] = {}
    for number, note in enumerate(notes):
        part_of = note.get("part_of")
        if part_of is None or part_of != rma:
            found.setdefault(part_of or number, {}).update(note["units"])
    return list(found.values())


async def credit_lost(tx: AsyncConnection, refund: Any) -> None:
    """Ask for credit notes about parcels that were invoiced, then lost, and are refunded now.

    The rest of a refund is for units that never left: they were never invoiced.
    """
    left = refund.amount_minor
    for parcel in await _lost(tx, refund.order_id, refund.authorization_key):
        amount = min(left, parcel.amount_minor)
        if amount > 0:
            await request_credit_note(
                tx,
                refund.key,
                parcel.fulfillment_id,
                amount,
                authorization_key=refund.authorization_key,
            )
            left -= amount


async def _lost(tx: AsyncConnection, order_id: str, authorization_key: str) -> Sequence[Any]:
    """Return what of each lost parcel was paid from here and is not credited yet."""
    return await rows(
        tx,
        """
        SELECT f.fulfillment_id, s.amount_minor - (
            SELECT CAST(coalesce(sum(CAST(o.payload ->> 'amount_minor' AS bigint)), 0) AS bigint)
            FROM outbox o WHERE o.order_id = f.order_id AND o.kind = 'document'
                AND o.payload ->> 'fulfillment_id' = f.fulfillment_id
                AND o.payload ->> 'authorization_key' = s.authorization_key
        ) AS amount_minor
        FROM fulfillments f JOIN fulfillment_shares s USING (fulfillment_id)
        WHERE f.order_id = :order_id AND f.state = 'lost' AND f.rma IS NULL
            AND s.authorization_key = :authorization_key
        ORDER BY f.number
        """,
        order_id=order_id,
        authorization_key=authorization_key,
    )


async def find(tx: AsyncConnection, key: str) -> Any | None:
    return await row(tx, "SELECT number FROM documents WHERE key = :key", key=key)


async def write(tx: AsyncConnection, draft: Draft) -> None:
    """Write it under the next number of its series, unless its key is there.

    The series stays locked until the transaction ends: nothing slow may follow.
    """
    await run(
        tx,
        """
        INSERT INTO documents (key, kind, seller, order_id, fulfillment_id, corrects, currency,
            total_minor, buyer, content)
        SELECT :key, :kind, :seller, :order_id, :fulfillment_id, :corrects, :currency,
            :total_minor, CAST(:buyer AS jsonb), CAST(:content AS jsonb)
        WHERE NOT EXISTS (SELECT 1 FROM documents WHERE key = :key)
        """,
        **vars(draft) | {"buyer": json.dumps(draft.buyer), "content": json.dumps(draft.content)},
    )


async def seller_of(tx: AsyncConnection, channel: str) -> Any | None:
    return await row(
        tx,
        "SELECT s.* FROM channels c JOIN sellers s USING (seller) WHERE c.channel = :channel",
        channel=channel,
    )


async def billed_units(tx: AsyncConnection, part: Any) -> Sequence[Any]:
    """Return the order's lines with their units in this parcel and in those invoiced before it."""
    return await rows(
        tx,
        """
        SELECT l.line_no, p.name, coalesce(h.quantity, 0) AS units, CAST((
            SELECT coalesce(sum(b.quantity), 0) FROM fulfillment_lines b
            JOIN fulfillments e USING (fulfillment_id)
            WHERE e.order_id = l.order_id AND b.line_no = l.line_no AND e.share_minor > 0
                AND (e.handed_over_at, e.number) < (:handed_over_at, :number)
        ) AS bigint) AS before
        FROM order_lines l JOIN products p USING (sku) LEFT JOIN fulfillment_lines h
            ON h.fulfillment_id = :fulfillment_id AND h.line_no = l.line_no
        WHERE l.order_id = :order_id ORDER BY l.line_no
        """,
        order_id=part.order_id,
        fulfillment_id=part.fulfillment_id,
        handed_over_at=part.handed_over_at,
        number=part.number,
    )


async def paid_by(tx: AsyncConnection, fulfillment_id: str) -> Sequence[Any]:
    return await rows(
        tx,
        """
        SELECT t.kind, s.amount_minor FROM fulfillment_shares s
        JOIN fulfillments f USING (fulfillment_id)
        JOIN tenders t ON t.order_id = f.order_id AND t.tender_no = s.tender_no
        WHERE s.fulfillment_id = :fulfillment_id ORDER BY s.tender_no
        """,
        fulfillment_id=fulfillment_id,
    )


async def invoice_of(tx: AsyncConnection, fulfillment_id: str) -> Any | None:
    """Return the invoice of a parcel, or of the one that it replaces."""
    return await row(
        tx,
        """
        WITH RECURSIVE parcels AS (
            SELECT fulfillment_id, replaces FROM fulfillments
            WHERE fulfillment_id = :fulfillment_id
            UNION ALL
            SELECT f.fulfillment_id, f.replaces
            FROM parcels p JOIN fulfillments f ON f.fulfillment_id = p.replaces
        )
        SELECT d.* FROM documents d JOIN parcels USING (fulfillment_id) WHERE d.kind = 'invoice'
        """,
        fulfillment_id=fulfillment_id,
    )


async def corrections_of(tx: AsyncConnection, number: str) -> Sequence[Any]:
    return await rows(
        tx, "SELECT * FROM documents WHERE corrects = :number ORDER BY sequence", number=number
    )


async def release_waiting(tx: AsyncConnection) -> int:
    """Let the documents that wait as dead letters be tried again where there is a seller now."""
    return await run(
        tx,
        """
        UPDATE outbox SET dead_at = NULL, attempts = 0, next_attempt_at = now()
        FROM orders o JOIN channels c USING (channel)
        WHERE outbox.kind = 'document' AND outbox.dead_at IS NOT NULL
            AND o.order_id = outbox.order_id AND c.seller IS NOT NULL
        """,
    )
