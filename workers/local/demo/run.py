"""Runs a plan through its own stack and judges what came of it."""

import asyncio
import contextlib
import hashlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from temporalio.client import Client

from domain.collection import collection_code
from workers.errors import UserError
from workers.local.blueprint import Plan as StackPlan
from workers.local.demo.chaos.facts import read_facts
from workers.local.demo.chaos.hand import Hand, Receive
from workers.local.demo.chaos.play import left_alone, play, travelled
from workers.local.demo.client import ApiClient
from workers.local.demo.course import Course
from workers.local.demo.driver import Driver
from workers.local.demo.histories import mean_cost
from workers.local.demo.judgement import Judgement, judge
from workers.local.demo.plan import DELIVERED, Plan
from workers.local.demo.progress import ProgressShow
from workers.local.demo.report import Measured, Report, make_report, summary
from workers.local.demo.tables import write_rejects
from workers.local.demo.vendors import Vendors
from workers.local.demo.warehouse import Warehouse
from workers.local.spelling import spell
from workers.local.stack import Stack

# Late slips are refunded and channels told after their orders have ended.
SETTLED_WITHIN_S = 60.0
SETTLE_LOOK_S = 1.0
MOST_LINES_SHOWN = 20
PATHS_FILE = "paths.json"


@dataclass(frozen=True)
class Wish:
    """What a person chose."""

    data_dir: Path
    time_factor: float
    report: Path | None = None
    keep: bool = False


async def run_demo(plan: Plan, wish: Wish, console: Console) -> bool:
    """True when every order ended as expected and nothing was violated."""
    stack = Stack(wish.data_dir, StackPlan(time_factor=wish.time_factor, report=console.print))
    console.print(f"starting the stack in {wish.data_dir}")
    try:
        async with stack:
            is_good = await run_inside(plan, wish, console, stack)
            if wish.keep:
                await _wait_for_ctrl_c(console, stack)
    finally:
        again = spell("up", "--data-dir", wish.data_dir)
        console.print(f"reopen this run with: {again}", markup=False)
    return is_good


async def _wait_for_ctrl_c(console: Console, stack: Stack) -> None:
    console.print(f"API {stack.api_url} · Temporal UI {stack.ui_url} · Ctrl-C stops")
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def run_inside(plan: Plan, wish: Wish, console: Console, stack: Stack) -> bool:
    folder = stack.data_dir / "demo"
    folder.mkdir(exist_ok=True)
    await _import(plan, folder, console, stack)
    course = Course(plan)
    async with (
        ApiClient(stack.api_url, stack.api_key) as api,
        Vendors(stack.sandbox_url) as vendors,
    ):
        began = time.monotonic()
        notes = await drive(course, console, api, vendors, stack)
        duration_s = time.monotonic() - began
        console.print("settling")
        judgement = await settle(course, vendors)
    findings = await find_violations(stack)
    events, actions = await _history(course, stack)
    gone, missed = await _paths(plan, folder, stack)
    measured = Measured(
        len(findings), events, actions, duration_s, {k: len(v) for k, v in gone.items()}
    )
    report = make_report(course, judgement, measured)
    for path in filter(None, (folder / "report.json", wish.report)):
        report.write(path)
    console.print(summary(plan, report))
    unexpected = [*course.unexpected(), *missed]
    _tell(console, "not as expected", [*unexpected, *course.notes, *notes])
    _tell(console, "violations", [*judgement.details, *findings])
    return not unexpected and is_clean(report)


def is_clean(report: Report) -> bool:
    return report.violations == 0 and report.open == 0


async def _import(plan: Plan, folder: Path, console: Console, stack: Stack) -> None:
    setup = folder / "setup.json"
    setup.write_text(plan.setup.to_json(), encoding="utf-8")
    status, said = await run_command(stack, "import", str(setup))
    if status:
        raise UserError(f"oms import: {said}")
    console.print(f"imported {said}")
    if plan.rejects:
        write_rejects(plan.rejects, folder / "rejects.jsonl")
        console.print(f"{len(plan.rejects)} bad rows, named in {folder / 'rejects.jsonl'}")


def _people(
    stack: Stack, api: ApiClient, vendors: Vendors, untouched: set[str], course: Course
) -> Hand:
    secret = stack.folder.link_secret()
    receive = _receiver(stack.data_dir / "demo", stack)
    return Hand(
        api, vendors, receive, untouched, course.ends, lambda part: collection_code(part, secret)
    )


async def drive(
    course: Course, console: Console, api: ApiClient, vendors: Vendors, stack: Stack
) -> list[str]:
    """Place, pick, pack and follow until the end; the warehouse's complaints are returned."""
    plan = course.plan
    untouched = left_alone(plan)
    untouched |= {order.order_id for order in plan.orders if order.to_be_cancelled}
    warehouse = Warehouse(api, untouched)
    hand = _people(stack, api, vendors, untouched, course)
    working = asyncio.create_task(warehouse.work())
    driving = asyncio.create_task(_until_all_is_done(Driver(course, api, vendors), course, hand))
    try:
        async with ProgressShow(console, lambda: course.standing, len(course.to_deliver)):
            done, _ = await asyncio.wait({driving, working}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in (driving, working):
            task.cancel()
        await asyncio.gather(driving, working, return_exceptions=True)
    return warehouse.notes


async def _until_all_is_done(driver: Driver, course: Course, hand: Hand) -> None:
    """Goods come back after their order has ended."""
    await asyncio.gather(driver.run(), play(course, hand))


def _receiver(folder: Path, stack: Stack) -> Receive:
    """Units that come in, by the command that takes in stock."""

    async def receive(location: str, sku: str, units: int) -> None:
        file = folder / f"receipt-{hashlib.sha256(sku.encode()).hexdigest()[:12]}.json"
        level = {"location": location, "sku": sku, "on_hand": units, "safety_stock": 0}
        file.write_text(json.dumps({"stock": [level]}), encoding="utf-8")
        status, said = await run_command(stack, "import", str(file))
        if status:
            raise UserError(f"oms import: {said}")

    return receive


async def _paths(plan: Plan, folder: Path, stack: Stack) -> tuple[dict[str, list[str]], list[str]]:
    """Which orders went which path; written down for who looks into their histories."""
    sent = [order.order_id for order in plan.orders if order.path]
    if not sent:
        return {}, []
    async with Vendors(stack.sandbox_url) as vendors:
        ledger = await vendors.ledger()
    gone, missed = travelled(plan, await read_facts(stack.database_url, sent, ledger))
    (folder / PATHS_FILE).write_text(json.dumps(gone, indent=1) + "\n", encoding="utf-8")
    return gone, missed


async def settle(course: Course, vendors: Vendors) -> Judgement:
    """Judge once the money has come to rest and the shop knows every parcel, or time is up."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while True:
        ledger = await vendors.ledger()
        judgement = judge(course.plan, course.ends, ledger)
        is_settled = not judgement.money_mismatch_minor and not _untold(course, ledger)
        if is_settled or time.monotonic() > deadline:
            return judgement
        await asyncio.sleep(SETTLE_LOOK_S)


def _untold(course: Course, ledger: dict[str, Any]) -> set[str]:
    """Tracking codes of parcels that the shop sold and has not heard of."""
    sold = {order.order_id for order in course.plan.orders if order.way == "shopify"}
    told = {str(each.get("tracking_number")) for each in ledger["fulfillments"]}
    return {
        label["tracking_code"]
        for label in ledger["labels"]
        if not label["voided"] and str(label["reference"]).partition(":")[0] in sold
    } - told


async def find_violations(stack: Stack) -> list[str]:
    """The violations that `oms audit` finds. Raises: UserError when it cannot tell."""
    status, said = await run_command(stack, "audit", "--json")
    try:
        found = json.loads(said)
    except ValueError:
        raise UserError(f"oms audit: {said[-500:]}") from None
    if status and not found:
        raise UserError(f"oms audit ended with {status}")
    return [json.dumps(each) for each in found]


async def run_command(stack: Stack, *words: str) -> tuple[int, str]:
    """Run a command of ours with the stack's settings; its status and what it said."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "workers",
        *words,
        env=stack.env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    return child.returncode or 0, (out or err).decode(errors="replace").strip()


async def _history(course: Course, stack: Stack) -> tuple[float, float]:
    client = await Client.connect(stack.temporal_address)
    delivered = [order_id for order_id, end in course.ends.items() if end == DELIVERED]
    return await mean_cost(client, delivered)


def _tell(console: Console, title: str, lines: list[str]) -> None:
    if lines:
        console.print(f"{title} ({len(lines)}):")
    for line in lines[:MOST_LINES_SHOWN]:
        console.print(f"  {line}", markup=False)
