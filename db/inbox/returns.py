"""Keeps a return that was asked for: its rows, and the document that brings its run about."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run
from db.inbox.content import canonical_json, content_sha256
from db.stores import exchanges, orders
from domain.naming import EXCHANGE_LINES_FROM, return_id


@dataclass(frozen=True)
class NewItem:
    fulfillment_id: str
    line_no: int
    sku: str
    quantity: int
    reason: str
    condition: str
    photos: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewLine:
    """Something that is to be sent instead."""

    sku: str
    quantity: int
    total_minor: int


@dataclass(frozen=True)
class NewReturn:
    order_id: str
    source: str
    resolution: str
    method: str
    advance: bool
    location: str
    state: str  # requested or approved
    review_reason: str | None
    payment_reference: str | None
    within_s: float  # until the next step should be done
    items: tuple[NewItem, ...]
    instead: tuple[NewLine, ...] = ()


async def commit_return(tx: AsyncConnection, new: NewReturn, actor: str) -> str:
    """Write the return and promise its units; the order's row is locked before.

    The units' counters have a CHECK: no unit is promised twice, whoever asks at the same time.
    """
    rma, number = await _next(tx, new.order_id)
    await run(
        tx,
        """
        INSERT INTO returns (rma, order_id, number, source, resolution, method, advance, location,
            state, review_reason, payment_reference, next_step, next_deadline, approved_at)
        VALUES (:rma, :order_id, :number, :source, :resolution, :method, :advance, :location,
            :state, :review_reason, :payment_reference, :step,
            now() + make_interval(secs => :within_s),
            CASE WHEN :state = 'approved' THEN now() END)
        """,
        rma=rma,
        number=number,
        step="review" if new.state == "requested" else "return label",
        order_id=new.order_id,
        source=new.source,
        resolution=new.resolution,
        method=new.method,
        advance=new.advance,
        location=new.location,
        state=new.state,
        review_reason=new.review_reason,
        payment_reference=new.payment_reference,
        within_s=new.within_s,
    )
    await _add_items(tx, rma, new.items)
    await _add_lines(tx, rma, new.order_id, new.instead)
    await _tell(tx, rma, new, actor)
    return rma


async def _next(tx: AsyncConnection, order_id: str) -> tuple[str, int]:
    found = await row(
        tx, "SELECT count(*) + 1 AS n FROM returns WHERE order_id = :order_id", order_id=order_id
    )
    assert found is not None
    return return_id(order_id, found.n), int(found.n)


async def _add_items(tx: AsyncConnection, rma: str, items: Sequence[NewItem]) -> None:
    for number, item in enumerate(items, start=1):
        await run(
            tx,
            """
            WITH promised AS (
                UPDATE fulfillment_lines SET in_return = in_return + :quantity
                WHERE fulfillment_id = :fulfillment_id AND line_no = :line_no
            )
            INSERT INTO return_items (rma, item_no, fulfillment_id, line_no, sku, requested,
                reason, condition, photos)
            VALUES (:rma, :number, :fulfillment_id, :line_no, :sku, :quantity, :reason,
                :condition, CAST(:photos AS text[]))
            """,
            rma=rma,
            number=number,
            fulfillment_id=item.fulfillment_id,
            line_no=item.line_no,
            sku=item.sku,
            quantity=item.quantity,
            reason=item.reason,
            condition=item.condition,
            photos=list(item.photos),
        )


async def _add_lines(
    tx: AsyncConnection, rma: str, order_id: str, lines: Sequence[NewLine]
) -> None:
    if not lines:
        return
    first = await exchanges.next_line(tx, order_id, EXCHANGE_LINES_FROM)
    for number, line in enumerate(lines, first):
        await run(
            tx,
            """
            INSERT INTO exchange_lines (rma, line_no, sku, quantity, total_minor)
            VALUES (:rma, :number, :sku, :quantity, :total_minor)
            """,
            rma=rma,
            number=number,
            sku=line.sku,
            quantity=line.quantity,
            total_minor=line.total_minor,
        )


async def _tell(tx: AsyncConnection, rma: str, new: NewReturn, actor: str) -> None:
    """The story, and the inbox row by which the worker starts the run, even much later."""
    data = {"rma": rma, "resolution": new.resolution}
    await orders.tell(tx, new.order_id, "ReturnRequested", actor=actor, data=data)
    if new.state == "approved":
        await orders.tell(tx, new.order_id, "ReturnApproved", actor="system", data=data)
    document = {"rma": rma, "order_id": new.order_id}
    channel, _, external_id = rma.partition("-")
    await run(
        tx,
        """
        INSERT INTO inbox (source, kind, external_id, content_sha256, document, state)
        VALUES (:channel, 'return', :external_id, :sha256, CAST(:document AS jsonb), 'new')
        """,
        channel=channel,
        external_id=external_id,
        sha256=content_sha256(document),
        document=canonical_json(document),
    )
