"""Money: the intent is written before the call, its result after it, and the ledger only grows.

Locks are always taken in the same order: the order's row, then authorizations, then intents.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run


@dataclass(frozen=True)
class Intent:
    """What we are about to ask of a payment vendor; `key` is its idempotency key."""

    key: str
    order_id: str
    tender_no: int
    verb: str
    amount_minor: int
    currency: str
    authorization_key: str | None = None
    fulfillment_id: str | None = None


@dataclass(frozen=True)
class Authorized:
    """What the vendor answered to authorize, charge or slip."""

    vendor: str
    vendor_ref: str
    captured_minor: int
    state: str  # pending, held or taken
    expires_at: datetime | None = None
    voucher_url: str | None = None


async def begin(tx: AsyncConnection, intent: Intent) -> Any:
    """Write the intent unless it is there; return its row as it stands."""
    made = await row(
        tx,
        """
        INSERT INTO payment_intents (key, order_id, tender_no, fulfillment_id, verb, amount_minor,
            currency, authorization_key, state)
        VALUES (:key, :order_id, :tender_no, :fulfillment_id, :verb, :amount_minor, :currency,
            :authorization_key, 'begun')
        ON CONFLICT (key) DO NOTHING RETURNING *, 0::float AS age_s
        """,
        key=intent.key,
        order_id=intent.order_id,
        tender_no=intent.tender_no,
        fulfillment_id=intent.fulfillment_id,
        verb=intent.verb,
        amount_minor=intent.amount_minor,
        currency=intent.currency,
        authorization_key=intent.authorization_key,
    )
    found = made or await intent_row(tx, intent.key)
    assert found is not None
    return found


async def intent_row(tx: AsyncConnection, key: str) -> Any | None:
    """Return the intent, locked, with its age in seconds."""
    return await row(
        tx,
        """
        SELECT *, extract(epoch FROM now() - begun_at)::float AS age_s
        FROM payment_intents WHERE key = :key FOR UPDATE
        """,
        key=key,
    )


async def count_ended(
    tx: AsyncConnection, authorization_key: str, verb: str, *states: str, prefix: str = ""
) -> int:
    """Say how many intents about an authorization ended so: the next one's number is one more.

    Each series of keys is counted by its `prefix`: a return's refunds are not the order's.
    """
    found = await row(
        tx,
        """
        SELECT count(*) AS n FROM payment_intents
        WHERE authorization_key = :key AND verb = :verb AND state = ANY(CAST(:states AS text[]))
            AND starts_with(payment_intents.key, :prefix)
        """,
        key=authorization_key,
        verb=verb,
        states=list(states),
        prefix=prefix,
    )
    return int(found.n) if found else 0


async def begun_capture(tx: AsyncConnection, authorization_key: str) -> Any | None:
    """Return the capture that was asked for and not answered, if there is one."""
    return await row(
        tx,
        """
        SELECT * FROM payment_intents
        WHERE authorization_key = :key AND verb = 'capture' AND state = 'begun' FOR UPDATE
        """,
        key=authorization_key,
    )


async def end(tx: AsyncConnection, key: str, state: str, code: str | None = None) -> bool:
    """End an intent once; False when another already ended it."""
    return bool(
        await run(
            tx,
            """
            UPDATE payment_intents SET state = :state, code = :code, ended_at = now()
            WHERE key = :key AND state = 'begun'
            """,
            key=key,
            state=state,
            code=code,
        )
    )


async def note(
    tx: AsyncConnection, intent: Any, event: str, amount_minor: int, key: str | None = None
) -> None:
    """Append to the ledger of payment events, once for each key."""
    await run(
        tx,
        """
        INSERT INTO payment_events (key, order_id, tender_no, authorization_key, event,
            amount_minor, currency)
        VALUES (:key, :order_id, :tender_no, :authorization_key, :event, :amount_minor, :currency)
        """,
        key=key or intent.key,
        order_id=intent.order_id,
        tender_no=intent.tender_no,
        authorization_key=intent.authorization_key or intent.key,
        event=event,
        amount_minor=amount_minor,
        currency=intent.currency,
    )


async def authorized(tx: AsyncConnection, intent: Any, answer: Authorized) -> bool:
    """End the intent with money held, taken, or a slip issued; False when it ended before."""
    names = {"pending": "slip_issued", "held": "authorized", "taken": "captured"}
    is_news = await run(
        tx,
        """
        WITH ended AS (
            UPDATE payment_intents SET state = 'done', ended_at = now()
            WHERE key = :key AND state = 'begun' RETURNING *
        ), made AS (
            INSERT INTO authorizations (authorization_key, order_id, tender_no, vendor, vendor_ref,
                amount_minor, currency, state, captured_minor, expires_at, voucher_url)
            SELECT key, order_id, tender_no, :vendor, :vendor_ref,
                amount_minor, currency, :state, :captured_minor, :expires_at, :voucher_url
            FROM ended
        )
        INSERT INTO payment_events (key, order_id, tender_no, authorization_key, event,
            amount_minor, currency)
        SELECT key, order_id, tender_no, key, :event, amount_minor, currency FROM ended
        """,
        key=intent.key,
        vendor=answer.vendor,
        vendor_ref=answer.vendor_ref,
        state=answer.state,
        captured_minor=answer.captured_minor,
        expires_at=answer.expires_at,
        voucher_url=answer.voucher_url,
        event=names[answer.state],
    )
    if is_news and intent.fulfillment_id:
        await run(
            tx,
            """
            UPDATE fulfillment_shares SET authorization_key = :key
            WHERE fulfillment_id = :fulfillment_id AND tender_no = :tender_no
            """,
            key=intent.key,
            fulfillment_id=intent.fulfillment_id,
            tender_no=intent.tender_no,
        )
    return bool(is_news)


async def authorization(tx: AsyncConnection, key: str, *, lock: bool = True) -> Any | None:
    locking = "FOR UPDATE" if lock else ""
    statement = f"SELECT * FROM authorizations WHERE authorization_key = :key {locking}"  # noqa: S608
    return await row(tx, statement, key=key)


async def captured(tx: AsyncConnection, intent: Any) -> bool:
    """End the intent with its capture; False when it ended before. The authorization is locked.

    The ledger's unique index refuses a second capture.
    """
    is_news = await run(
        tx,
        """
        WITH ended AS (
            UPDATE payment_intents SET state = 'done', ended_at = now()
            WHERE key = :key AND state = 'begun' RETURNING *
        ), taken AS (
            UPDATE authorizations a SET captured_minor = captured_minor + ended.amount_minor,
                state = 'taken'
            FROM ended WHERE a.authorization_key = ended.authorization_key
        )
        INSERT INTO payment_events (key, order_id, tender_no, authorization_key, event,
            amount_minor, currency)
        SELECT key, order_id, tender_no, authorization_key, 'captured', amount_minor, currency
        FROM ended
        """,
        key=intent.key,
    )
    return bool(is_news)


async def refunded(tx: AsyncConnection, intent: Any) -> None:
    await run(
        tx,
        """
        UPDATE authorizations SET refunded_minor = refunded_minor + :amount
        WHERE authorization_key = :key
        """,
        key=intent.authorization_key,
        amount=intent.amount_minor,
    )
    await note(tx, intent, "refunded", intent.amount_minor)


async def voided(tx: AsyncConnection, intent: Any) -> None:
    await run(
        tx,
        "UPDATE authorizations SET state = 'voided' WHERE authorization_key = :key",
        key=intent.authorization_key,
    )
    await note(tx, intent, "voided", intent.amount_minor)


async def settle_slip(tx: AsyncConnection, key: str, *, paid: bool) -> bool:
    """Record that a slip was paid (also after it expired) or that it expired; once."""
    found = await authorization(tx, key)
    if found is None or found.state == "taken" or (found.state == "expired" and not paid):
        return False
    state = "taken" if paid else "expired"
    await run(
        tx,
        """
        UPDATE authorizations SET state = :state,
            captured_minor = CASE WHEN :paid THEN amount_minor ELSE 0 END
        WHERE authorization_key = :key
        """,
        key=key,
        state=state,
        paid=paid,
    )
    intent = await intent_row(tx, key)
    event = "captured" if paid else "slip_expired"
    await note(tx, intent, event, found.amount_minor, key=f"{key}:{event}")
    return True


async def lapsing(tx: AsyncConnection, fulfillment_id: str, hold_s: float) -> list[Any]:
    """Return what is held for a fulfillment order for so long that it may lapse before it leaves.

    With each: how many authorizations of its share were tried before, and one more.
    """
    found = await rows(
        tx,
        """
        SELECT a.authorization_key, a.tender_no, a.amount_minor, 1 + (
            SELECT count(*) FROM payment_intents t
            WHERE t.fulfillment_id = s.fulfillment_id AND t.tender_no = s.tender_no
                AND t.verb = 'authorize' AND t.state <> 'begun') AS attempt
        FROM fulfillment_shares s JOIN authorizations a USING (authorization_key)
            JOIN payment_intents i ON i.key = a.authorization_key
        WHERE s.fulfillment_id = :fulfillment_id AND a.state = 'held'
            AND least(i.begun_at + make_interval(secs => :hold_s), a.expires_at) <= now()
        ORDER BY a.tender_no
        """,
        fulfillment_id=fulfillment_id,
        hold_s=hold_s,
    )
    return list(found)


async def is_relied_on(tx: AsyncConnection, authorization_key: str) -> bool:
    """Say whether a parcel's share is to be captured from it."""
    return (
        await row(
            tx,
            "SELECT 1 FROM fulfillment_shares WHERE authorization_key = :key LIMIT 1",
            key=authorization_key,
        )
        is not None
    )


async def redeem_credit(tx: AsyncConnection, code: str, amount_minor: int, currency: str) -> bool:
    """Take store credit, or put it back with a negative amount; False when there is not enough."""
    return bool(
        await run(
            tx,
            """
            UPDATE store_credits SET balance_minor = balance_minor - :amount
            WHERE code = :code AND currency = :currency AND balance_minor >= :amount
            """,
            code=code,
            currency=currency,
            amount=amount_minor,
        )
    )


async def pays_for(tx: AsyncConnection, order_id: str, tender_no: int) -> str | None:
    """Return the return whose exchange the tender pays for; None for one of the order's own."""
    tender = await row(
        tx,
        "SELECT rma FROM tenders WHERE order_id = :order_id AND tender_no = :tender_no",
        order_id=order_id,
        tender_no=tender_no,
    )
    return tender.rma if tender else None


async def pays_open_return(tx: AsyncConnection, rma: str | None) -> bool:
    """Whether the tender of a return may still be taken: orders close long before exchanges."""
    query = "SELECT 1 FROM returns WHERE rma = :rma AND state <> 'closed'"
    return rma is not None and await row(tx, query, rma=rma) is not None


async def due(tx: AsyncConnection, order_id: str, rma: str | None = None) -> list[Any]:
    """Say what money must still move now that no parcel will leave any more.

    `finish`: an intent whose outcome nobody knows; `void`: held and not needed; `refund`: taken for
    units that never left. Shares of parcels that left are kept. Tenders that pay for an exchange
    are their return's (`rma`); what returns refund is theirs too, and no reason to refund it again.
    """
    found = await rows(
        tx,
        """
        WITH mine AS (
            SELECT tender_no FROM tenders
            WHERE order_id = :order_id AND rma IS NOT DISTINCT FROM CAST(:rma AS text))
        SELECT 'finish' AS operation, key AS subject, tender_no, amount_minor
        FROM payment_intents JOIN mine USING (tender_no)
        WHERE order_id = :order_id AND state = 'begun' AND verb IN ('authorize', 'charge', 'slip')
        UNION ALL
        SELECT 'void', authorization_key, tender_no, amount_minor
        FROM authorizations JOIN mine USING (tender_no)
        WHERE order_id = :order_id AND state = 'held'
        UNION ALL
        SELECT 'refund', a.authorization_key, a.tender_no, back.amount
        FROM authorizations a JOIN mine USING (tender_no) LEFT JOIN (
            SELECT s.authorization_key, sum(s.amount_minor)::bigint AS amount
            FROM fulfillment_shares s JOIN fulfillments f USING (fulfillment_id)
            WHERE f.order_id = :order_id AND f.handed_over_at IS NOT NULL AND f.state <> 'lost'
            GROUP BY 1
        ) kept USING (authorization_key)
        LEFT JOIN (
            -- What was given for units of a parcel lost since is no part of what others keep.
            SELECT authorization_key, sum(amount_minor) FILTER (WHERE made_at IS NOT NULL
                    AND EXISTS (SELECT FROM return_items i
                        JOIN fulfillments f USING (fulfillment_id)
                        WHERE i.rma = b.rma AND f.state <> 'lost')) AS made,
                sum(amount_minor) FILTER (WHERE made_at IS NULL) AS pending
            FROM return_refunds b WHERE given_up_at IS NULL GROUP BY 1
        ) returned USING (authorization_key)
        CROSS JOIN LATERAL (SELECT a.captured_minor - a.refunded_minor AS kept) now_kept
        CROSS JOIN LATERAL (SELECT least(now_kept.kept - coalesce(returned.pending, 0),
            now_kept.kept + coalesce(returned.made, 0) - coalesce(kept.amount, 0))::bigint AS amount
        ) back
        WHERE a.order_id = :order_id AND a.state = 'taken' AND back.amount > 0
        ORDER BY 1, 2
        """,
        order_id=order_id,
        rma=rma,
    )
    return list(found)
