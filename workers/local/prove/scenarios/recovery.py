"""Temporal's file is deleted with orders open: each goes on, and nothing happens twice."""

from workers.local.prove.orders import EAST, WEST, an_order
from workers.local.prove.stage import Outcome, Stage


async def lost_temporal(stage: Stage) -> Outcome:
    orders = [an_order(f"lost-{n}", [(EAST, 1), (WEST, 1)]) for n in range(stage.size.lost)]
    for number, order in enumerate(orders):
        await stage.place(order)
        if number % 3 == 1:
            await stage.work(order, "picked")
    server = stage.stack.blueprint.temporal
    assert server is not None
    await stage.stack.kill("temporal", hold=True)
    for file in server.file.parent.glob(f"{server.file.name}*"):
        file.unlink()
    await stage.stack.restart("temporal")
    await stage.command("schedules", "apply")
    await stage.command("recover")
    return Outcome(len(orders), 1, await stage.follow(orders))
