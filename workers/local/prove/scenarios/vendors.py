"""Vendors misbehave: lost answers, refusals for now, nonsense, and an outage of one alone."""

import asyncio
from typing import Any, Final

from workers.local.prove.orders import a_mix
from workers.local.prove.stage import Outcome, Stage

KINDS: Final = (
    "cut_after_effect", "cut_before_effect", "garbled_after_effect", "http_429", "http_500",
    "delay",
)  # fmt: skip
# Every verb that moves money or buys, by the beginning of its path.
VERBS: Final = (
    ("stripe", "/v1/payment_intents"),
    ("stripe", "/v1/refunds"),
    ("easypost", "/v2/addresses"),
    ("easypost", "/v2/shipments"),
    ("easypost", "/v2/shipments/"),
)
ENDLESS: Final = 1_000_000


async def failing_vendors(stage: Stage) -> Outcome:
    outcome = Outcome()
    faults: list[dict[str, Any]] = [
        {"kind": kind, "vendor": vendor, "path_prefix": path, "method": "POST",
         "skip": stage.dice.randint(0, 3), "seconds": stage.size.delay_s}
        for vendor, path in VERBS
        for kind in KINDS
    ]  # fmt: skip
    stage.dice.shuffle(faults)
    for fault in faults:
        await stage.fault(**fault)
    first = a_mix("vendor", stage.size.mix, stage.dice)
    outcome.violations += await stage.drive(first)
    outcome.faults = len(faults) - await stage.open_faults()
    await stage.clear_faults()

    second = a_mix("outage", stage.size.mix, stage.dice)
    await stage.fault("http_500", vendor="easypost", times=ENDLESS)
    driving = asyncio.create_task(stage.drive(second))
    await asyncio.sleep(stage.size.outage_s)
    outcome.faults += ENDLESS - await stage.open_faults()
    await stage.clear_faults()
    # None is refused for an outage: all end as if there had been none.
    outcome.violations += await driving
    outcome.orders = len(first) + len(second)
    return outcome
