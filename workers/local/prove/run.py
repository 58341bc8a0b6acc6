"""Runs the scenarios on one stack after the other's end, and tells what they found."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from rich.console import Console

from workers.errors import UserError
from workers.local.blueprint import Plan as StackPlan
from workers.local.demo.shipped_set import plan_shipped
from workers.local.prove import boundaries, failpoints
from workers.local.prove.boundaries import BEFORE_RECORD, Boundary
from workers.local.prove.orders import extended
from workers.local.prove.report import Line, Proof
from workers.local.prove.scenarios import BOUNDARIES, SCENARIOS
from workers.local.prove.stage import Outcome, Size, Stage
from workers.local.stack import Stack

# The sandbox's carrier then leaves a cancelled parcel some five seconds before it collects it.
TIME_FACTOR: Final = 20_000.0
# Who is killed at every boundary is no broken part that somebody should be spared.
LAST_BACKOFF_S: Final = 1.0
# Nobody at a checkout waits longer to be told. A quick run shares its machine with whoever tests.
TOLD_WITHIN_S: Final = 2.0
QUICK: Final = Size(
    shipped=40,
    mix=12,
    buyers=200,
    hot_units=10,
    hot_buyers=40,
    lost=12,
    outage_s=5.0,
    delay_s=2.0,
    told_within_s=5.0,
    kills=1,
)
FULL: Final = Size(
    shipped=60,
    mix=120,
    buyers=200,
    hot_units=100,
    hot_buyers=2_000,
    lost=100,
    outage_s=120.0,
    delay_s=31.0,  # longer than the connectors wait for an answer
    told_within_s=TOLD_WITHIN_S,
    kills=6,
    workers=4,  # one is killed every few seconds, and what it had in hand waits for a timeout
)
# A quick run kills its worker at so many boundaries of our own database, and lets attempts fail at
# the others: a vendor's step is begun again only after 45 s. A full run kills at each.
QUICK_KILLS: Final = 8


@dataclass(frozen=True)
class Wish:
    """What a person chose; the last three are for tests of the harness itself.

    `worker` is the module run as a worker, `spoil` is done to the stack before anything else.
    """

    folder: Path
    seed: int
    is_full: bool = False
    scenarios: Sequence[str] = ()  # all, when none is named
    size: Size | None = None
    worker: str = "workers.local.prove.worker"
    spoil: Callable[[Stage], Awaitable[None]] | None = None


async def run_proof(wish: Wish, console: Console) -> Proof:
    """One stack, all wished scenarios one after the other. Raises: UserError for an unknown one."""
    names = wish.scenarios or tuple(SCENARIOS)
    if unknown := set(names) - set(SCENARIOS):
        raise UserError(
            f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}"
        )
    size = wish.size or (FULL if wish.is_full else QUICK)
    known = await boundaries.boundaries()
    points = wish.folder.absolute() / "points"
    # Without their scenario the boundaries would only delay the others.
    armed = known if BOUNDARIES in names else ()
    failpoints.lay_out(points, plan_faults(armed, wish.seed, is_full=wish.is_full))
    worker = (wish.worker, str(points))
    plan = StackPlan(
        time_factor=TIME_FACTOR, workers=size.workers, worker=worker, last_backoff_s=LAST_BACKOFF_S
    )
    stack = Stack(wish.folder / "stack", plan)
    async with stack:
        setup = extended(plan_shipped().setup, size.hot_units)
        async with Stage(stack, setup, size, wish.seed, points) as stage:
            if wish.spoil is not None:
                await wish.spoil(stage)
            lines = tuple([await _play(name, stage, console) for name in names])
    return Proof(
        seed=wish.seed,
        boundaries_total=len(known),
        boundaries_hit=len(failpoints.struck(points)),
        lines=lines,
    )


def plan_faults(known: Sequence[Boundary], seed: int, *, is_full: bool) -> Mapping[Boundary, str]:
    dice = Random(seed)  # noqa: S311 - repeatable, not secret
    ours = [each for each in known if each.moment == BEFORE_RECORD]
    kills = set(known) if is_full else set(dice.sample(ours, min(QUICK_KILLS, len(ours))))
    return {each: failpoints.KILL if each in kills else failpoints.FAIL for each in known}


async def _play(name: str, stage: Stage, console: Console) -> Line:
    began = time.monotonic()
    outcome = Outcome()
    try:
        outcome = await SCENARIOS[name](stage)
        outcome.violations += await stage.judge()
    except (TimeoutError, UserError) as stuck:
        outcome.violations.append(f"{name} could not be played to its end: {stuck}")
    for each in outcome.violations:
        console.print(f"  {each}", markup=False)
    took_s = time.monotonic() - began
    console.print(f"{name}: {outcome.orders} orders, {outcome.faults} faults, {took_s:.0f} s")
    return Line(name, outcome.orders, outcome.faults, tuple(outcome.violations))
