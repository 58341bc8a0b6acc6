"""Labels: the row is there before the vendor is asked, so that a crash can never buy a second."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run


async def current(tx: AsyncConnection, fulfillment_id: str) -> Any | None:
    """Return the one label that is not voided; `buying_s`: seconds since it was last asked for."""
    return await row(
        tx,
        """
        SELECT *, extract(epoch FROM now() - buying_at)::float AS buying_s
        FROM labels WHERE fulfillment_id = :fulfillment_id AND state <> 'voided' FOR UPDATE
        """,
        fulfillment_id=fulfillment_id,
    )


async def begin(tx: AsyncConnection, fulfillment_id: str, part: str, vendor: str) -> Any:
    """Return the unvoided label, making it when there is none; numbers rise after a void only.

    The fulfillment order's row is locked before.
    """
    made = await row(
        tx,
        """
        INSERT INTO labels (label_key, fulfillment_id, vendor, state)
        SELECT :part || ':label:' || (count(*) + 1), :fulfillment_id, :vendor, 'begun'
        FROM labels WHERE fulfillment_id = :fulfillment_id
        HAVING count(*) FILTER (WHERE state <> 'voided') = 0
        RETURNING *, NULL::float AS buying_s
        """,
        fulfillment_id=fulfillment_id,
        part=part,
        vendor=vendor,
    )
    found = made or await current(tx, fulfillment_id)
    assert found is not None
    return found


async def created(
    tx: AsyncConnection, label_key: str, vendor_shipment_id: str, rate_id: str
) -> None:
    """Save the vendor's id before anything is bought: it is what a lookup goes by."""
    await run(
        tx,
        """
        UPDATE labels SET state = 'created', vendor_shipment_id = :vendor_shipment_id,
            rate_id = :rate_id
        WHERE label_key = :label_key AND state = 'begun'
        """,
        label_key=label_key,
        vendor_shipment_id=vendor_shipment_id,
        rate_id=rate_id,
    )


async def buying(tx: AsyncConnection, label_key: str) -> None:
    """Say that the vendor is about to be asked: whoever comes next must look first."""
    await run(
        tx,
        """
        UPDATE labels SET state = 'buying', buying_at = now()
        WHERE label_key = :label_key AND state IN ('created', 'buying')
        """,
        label_key=label_key,
    )


async def bought(tx: AsyncConnection, label_key: str, label: Any) -> bool:
    return await _write_down(tx, label_key, label, "bought")


async def voided(tx: AsyncConnection, label_key: str, found: Any | None = None) -> bool:
    """`found`: what the vendor shows of a label whose purchase nobody had recorded."""
    if found is not None and await _write_down(tx, label_key, found, "voided"):
        return True
    return bool(
        await run(
            tx,
            "UPDATE labels SET state = 'voided' WHERE label_key = :key AND state <> 'voided'",
            key=label_key,
        )
    )


async def _write_down(tx: AsyncConnection, label_key: str, label: Any, state: str) -> bool:
    """Keep what was bought: the carrier will speak of it by its tracker."""
    return bool(
        await run(
            tx,
            """
            UPDATE labels SET state = :state, carrier = :carrier, service = :service,
                tracking_number = :tracking_number, tracker_id = :tracker_id,
                label_url = :label_url, cost_minor = :cost_minor, cost_currency = :cost_currency
            WHERE label_key = :label_key AND state IN ('created', 'buying')
            """,
            label_key=label_key,
            state=state,
            carrier=label.carrier,
            service=label.service,
            tracking_number=label.tracking_number,
            tracker_id=label.tracker_id,
            label_url=label.label_url,
            cost_minor=label.amount_minor,
            cost_currency=label.currency,
        )
    )


async def current_return(tx: AsyncConnection, rma: str) -> Any | None:
    """Return the unvoided label of a parcel that comes back."""
    return await row(
        tx,
        """
        SELECT *, extract(epoch FROM now() - buying_at)::float AS buying_s
        FROM labels WHERE rma = :rma AND state <> 'voided' FOR UPDATE
        """,
        rma=rma,
    )


async def begin_return(tx: AsyncConnection, rma: str, part: str, vendor: str) -> Any:
    """Return the unvoided label of a return, making it when there is none."""
    await run(
        tx,
        """
        INSERT INTO labels (label_key, rma, vendor, state)
        SELECT :part || ':label:' || (count(*) + 1), :rma, :vendor, 'begun'
        FROM labels WHERE rma = :rma
        HAVING count(*) FILTER (WHERE state <> 'voided') = 0
        """,
        rma=rma,
        part=part,
        vendor=vendor,
    )
    found = await current_return(tx, rma)
    assert found is not None
    return found


async def return_of(tx: AsyncConnection, tracker_id: str) -> str | None:
    """Return the return whose parcel a tracker follows."""
    label = await row(
        tx,
        "SELECT rma FROM labels WHERE tracker_id = :tracker_id AND rma IS NOT NULL",
        tracker_id=tracker_id,
    )
    return label.rma if label else None
