"""Personal data stays in the database: not in Temporal, not in logs, whatever happens."""

from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from db.engine import run
from tests.workers.conftest import a_world, working
from tests.workers.marked import MARK, api_of, everything_in, marked
from tests.workers.own_log import logging_as_a_process
from tests.workers.served import served
from tests.workflows.conftest import World
from workers.local.postgres import PostgresServer

ECHO = "echoplease"


def an_echoing_vendor(sandbox: dict[str, str]) -> Starlette:
    """Stands before the sandbox and repeats in its refusals what it was sent."""

    async def answer(request: Request) -> Response:
        body = await request.body()
        if ECHO.encode() in body and request.method == "POST":
            said = f"Unable to use {body.decode()}"
            return JSONResponse({"error": {"code": "ECHO.FAILED", "message": said}}, 422)
        kept = {"content-type", "authorization"}
        headers = {name: value for name, value in request.headers.items() if name in kept}
        async with httpx.AsyncClient(base_url=sandbox["url"], headers=headers) as client:
            given = await client.request(
                request.method, request.url.path, content=body, params=request.query_params
            )
        return Response(given.content, given.status_code, media_type="application/json")

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])


class Stories:
    """Each runs one order of the marked customer's through the API and to an end."""

    def __init__(self, world: World, api: httpx.AsyncClient) -> None:
        self.world = world
        self.api = api

    async def place(self, sku: str, status: int = 201, **given: Any) -> Any:
        changes = given.pop("changes", {})
        document = marked(self.world.document((sku, 2), **changes), **given)
        key = {"Idempotency-Key": document["external_id"]}
        answer = await self.api.post("/orders", json=document, headers=key)
        assert answer.status_code == status, answer.text
        return document, answer

    async def ended(self, document: Any, outcome: str) -> None:
        async def closed() -> bool:
            order = await self.world.order(document)
            return bool(order and order.outcome == outcome)

        await self.world.until(closed)

    async def delivered(self, sku: str) -> None:
        document, _ = await self.place(sku)
        await self.world.work(document)
        await self.ended(document, "delivered")

    async def refused(self, sku: str) -> None:
        document, _ = await self.place(sku, 422, line1=f"1 UNDELIVERABLE {MARK} Road")
        await self.ended(document, "refused_address")
        card = {"kind": "card", "amount_minor": 2_500, "reference": "pm_card_chargeDeclined"}
        document, _ = await self.place(sku, 402, changes={"tenders": [card]})
        await self.ended(document, "refused_payment")

    async def cancelled(self, sku: str) -> None:
        document, answer = await self.place(sku)
        order_id = answer.json()["order_id"]
        await self.world.parts(order_id)
        body = {"reason": f"Ada {MARK} called from +1 {MARK}"}
        said = await self.api.post(f"/orders/{order_id}/cancel", json=body)
        assert said.status_code == 200, said.text
        await self.ended(document, "cancelled")
        assert MARK in (await self.world.order(document)).outcome_reason

    async def slip(self, sku: str) -> None:
        slip = {"kind": "bank_slip", "amount_minor": 2_500, "reference": "pm_boleto_paid"}
        document, _ = await self.place(sku, changes={"currency": "BRL", "tenders": [slip]})
        await self.world.work(document)
        await self.ended(document, "delivered")

    async def exception(self, sku: str) -> None:
        """A vendor repeats the address in its refusals, and people write names into notes."""
        document, _ = await self.place(sku, 202, line1=f"{ECHO} {MARK}")
        order_id = f"shop-{document['external_id']}"
        await self.decide(order_id, "verify address", "skip")
        await self.world.work(document)
        await self.decide(order_id, "create shipment", "compensate")
        await self.ended(document, "cancelled")

    async def decide(self, order_id: str, step: str, resolution: str) -> None:
        async def raised() -> Any:
            return await self.world.row(
                "SELECT * FROM exceptions WHERE order_id = :o AND step = :s AND state = 'open'",
                o=order_id,
                s=step,
            )

        found = await self.world.until(raised)
        assert MARK in found.detail, "the operator reads what the vendor said"
        body = {"resolution": resolution, "note": f"Ada {MARK} is sure"}
        said = await self.api.post(f"/exceptions/{found.exception_id}/resolve", json=body)
        assert said.status_code == 200, said.text
        note = await self.world.row(
            "SELECT note FROM exceptions WHERE exception_id = :x", x=found.exception_id
        )
        assert MARK in note.note

    async def unreadable(self, sku: str) -> None:
        """A document that did not come through our API is refused by the run itself."""
        document = marked(self.world.document((sku, 1), currency=f"{MARK}"))
        document["customer"]["email"] = f"{MARK} at home"
        document["ship_to"]["country"] = MARK
        handle = await self.world.place(document)
        assert (await handle.result()).outcome == "rejected_input"
        document = marked(self.world.document((f"{MARK} for Ada", 1)))
        assert (await (await self.world.place(document)).result()).outcome == "rejected_input"

    async def broken_row(self, sku: str) -> None:
        """The database repeats the row it refuses."""
        await self.sql("ALTER TABLE orders ADD CONSTRAINT odd CHECK (locale <> 'odd')")
        document = marked(self.world.document((sku, 2), locale="odd"))
        handle = await self.world.place(document)

        async def complained() -> Any:
            return await self.world.row("SELECT text FROM remarks WHERE subject = :w", w=handle.id)

        assert "CheckViolation" in (await self.world.until(complained)).text
        await self.sql("ALTER TABLE orders DROP CONSTRAINT odd")
        await self.world.work(document)
        await self.ended(document, "delivered")

    async def sql(self, statement: str) -> None:
        async with self.world.engine.begin() as tx:
            await run(tx, statement)


async def test_no_story_takes_personal_data_out_of_the_database(
    postgres: PostgresServer, template_database: str, tmp_path: Path
) -> None:
    sandbox: dict[str, str] = {}
    async with (
        served(an_echoing_vendor(sandbox)) as vendor,
        a_world(
            postgres,
            template_database,
            tmp_path,
            easypost_url=f"{vendor}/easypost",
            log_level="debug",
        ) as (world, settings),
    ):
        sandbox["url"] = str(world.sandbox.base_url)
        with logging_as_a_process(settings) as log:
            async with working(settings, world.temporal), api_of(world, settings) as api:
                await tell_all(Stories(world, api))
        held = await everything_in(world.temporal)
    assert len(held) >= 12
    assert [name for name, content in held.items() if MARK.encode() in content.lower()] == []
    written = log.getvalue()
    assert "Completing activity as failed" in written, "nothing was captured"
    for server in (postgres.log, tmp_path / "logs" / "temporal.log"):
        written += server.read_text(errors="replace")
    assert 'violates check constraint "odd"' in written
    assert [line for line in written.splitlines() if MARK in line.lower()] == []


async def tell_all(stories: Stories) -> None:
    for story in (
        stories.delivered, stories.refused, stories.cancelled, stories.slip, stories.exception,
        stories.unreadable, stories.broken_row,
    ):  # fmt: skip
        await story(await stories.world.sku(west=9))
