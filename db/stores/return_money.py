"""Money of returns: what is to go back is decided once, then given back, each part once."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run


async def decide(tx: AsyncConnection, rma: str, parts: Sequence[tuple[str, int, int]]) -> None:
    """Write what goes back: authorization, tender and amount of each part."""
    last = await row(tx, "SELECT count(*) AS n FROM return_refunds WHERE rma = :rma", rma=rma)
    assert last is not None
    for number, (authorization_key, tender_no, amount_minor) in enumerate(parts, last.n + 1):
        await run(
            tx,
            """
            INSERT INTO return_refunds (rma, refund_no, authorization_key, tender_no, amount_minor)
            VALUES (:rma, :number, :authorization_key, :tender_no, :amount_minor)
            """,
            rma=rma,
            number=number,
            authorization_key=authorization_key,
            tender_no=tender_no,
            amount_minor=amount_minor,
        )


async def add_refund(tx: AsyncConnection, rma: str, amount_minor: int) -> None:
    await run(
        tx,
        "UPDATE returns SET refund_minor = refund_minor + :amount_minor WHERE rma = :rma",
        rma=rma,
        amount_minor=amount_minor,
    )


async def open_refunds(tx: AsyncConnection, rma: str) -> list[Any]:
    return list(
        await rows(
            tx,
            """
            SELECT * FROM return_refunds
            WHERE rma = :rma AND made_at IS NULL AND given_up_at IS NULL ORDER BY refund_no
            """,
            rma=rma,
        )
    )


async def get(tx: AsyncConnection, rma: str, refund_no: int) -> Any:
    found = await row(
        tx,
        "SELECT * FROM return_refunds WHERE rma = :rma AND refund_no = :no FOR UPDATE",
        rma=rma,
        no=refund_no,
    )
    assert found is not None
    return found


async def begun(tx: AsyncConnection, rma: str, refund_no: int, intent_key: str) -> None:
    await run(
        tx,
        "UPDATE return_refunds SET intent_key = :key WHERE rma = :rma AND refund_no = :no",
        rma=rma,
        no=refund_no,
        key=intent_key,
    )


async def made(tx: AsyncConnection, intent_key: str) -> None:
    """Follow the intent: what the vendor gave back is given back."""
    await run(
        tx,
        """
        UPDATE return_refunds SET made_at = now()
        WHERE intent_key = :key AND made_at IS NULL AND EXISTS (
            SELECT FROM payment_intents WHERE key = :key AND state = 'done')
        """,
        key=intent_key,
    )


async def standing_of(tx: AsyncConnection, intent_key: str) -> Any:
    """Return the return of a refund, and whether the refund is all that is given for its units.

    It is not when it is one of several, nor when other goods are sent for them: then it is the rest
    of their worth.
    """
    found = await row(
        tx,
        """
        SELECT r.rma, b.freight_minor > 0 AS has_freight, b.resolution = 'refund' AND NOT EXISTS (
            SELECT 1 FROM return_refunds o WHERE o.rma = r.rma AND o.refund_no <> r.refund_no
        ) AS is_whole
        FROM return_refunds r JOIN returns b USING (rma) WHERE r.intent_key = :key
        """,
        key=intent_key,
    )
    assert found is not None
    return found


async def give_up(tx: AsyncConnection, rma: str) -> int:
    """A person skipped what could not be given back: the money stays where it is."""
    return await run(
        tx,
        """
        UPDATE return_refunds SET given_up_at = now()
        WHERE rma = :rma AND made_at IS NULL AND given_up_at IS NULL
        """,
        rma=rma,
    )


async def paid_back_before(tx: AsyncConnection, order_id: str, rma: str) -> int:
    """What the order's other returns were worth, exactly: rounding goes on where they left off."""
    found = await row(
        tx,
        """
        SELECT coalesce(sum(goods_minor + freight_minor - fee_minor - return_freight_minor), 0)
            ::bigint AS amount
        FROM returns WHERE order_id = :order_id AND rma <> :rma AND settled_at IS NOT NULL
        """,
        order_id=order_id,
        rma=rma,
    )
    return int(found.amount) if found else 0


async def issue_credit(tx: AsyncConnection, rma: str, amount_minor: int, currency: str) -> str:
    """Make a store credit for the return, once; its code is money, so nobody can guess it."""
    code = await row(tx, "SELECT 'RC-' || upper(replace(gen_random_uuid()::text, '-', '')) AS code")
    assert code is not None
    await run(
        tx,
        """
        INSERT INTO store_credits (code, currency, balance_minor)
        VALUES (:code, :currency, :amount_minor)
        """,
        code=code.code,
        currency=currency,
        amount_minor=amount_minor,
    )
    await run(
        tx,
        "UPDATE returns SET credit_code = :code WHERE rma = :rma AND credit_code IS NULL",
        rma=rma,
        code=code.code,
    )
    return str(code.code)
