"""Every kind of process is killed at random moments while orders are under way."""

import asyncio
from typing import Final

from workers.local.prove.orders import a_mix
from workers.local.prove.stage import Outcome, Stage

KINDS: Final = ("worker", "api", "sandbox", "temporal", "postgres")
# Between two kills the stack comes back to its feet.
PAUSE_S: Final = (1.0, 4.0)


async def killed_processes(stage: Stage) -> Outcome:
    orders = [order.delayed() for order in a_mix("crash", stage.size.mix, stage.dice)]
    driving = asyncio.create_task(stage.drive(orders))
    kills = [kind for kind in KINDS for _ in range(stage.size.kills)]
    stage.dice.shuffle(kills)
    try:
        for kind in kills:
            await asyncio.sleep(stage.dice.uniform(*PAUSE_S))
            await stage.stack.kill(kind)
        return Outcome(len(orders), len(kills), await driving)
    finally:
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)
