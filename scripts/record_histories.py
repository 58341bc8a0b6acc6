"""Records histories of a demo's runs for the replay test.

Two of each kind and end; and of a run with chaos the runs of one order of each path.
Usage: oms demo --data-dir DIR [--chaos-rates realistic] && python scripts/record_histories.py DIR
"""

import asyncio
import gzip
import json
import re
import sys
from collections import Counter
from pathlib import Path

from temporalio.client import Client, WorkflowExecution

from workers.local.demo.run import PATHS_FILE
from workers.local.temporal import TemporalServer
from workflows.messages import order_workflow_id

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "tests" / "replay" / "histories"
OF_EACH = 2
# Who ran it, and where, is of no matter, and names a machine.
IDENTITY = re.compile(r"\d+@[\w.-]+")


async def record(data_dir: Path) -> None:
    kept: Counter[str] = Counter()
    chosen = chosen_orders(data_dir)
    async with TemporalServer(data_dir) as server:
        client = await Client.connect(server.address)
        async for run in client.list_workflows("ExecutionStatus != 'Running'"):
            for kind, most in kinds_of(run, chosen):
                if kept[kind] < most:
                    kept[kind] += 1
                    await keep(client, run, f"{kind}-{kept[kind]}")


def chosen_orders(data_dir: Path) -> dict[str, str]:
    """The path of the first order that went it, by the id of the order's run."""
    file = data_dir / "demo" / PATHS_FILE
    gone = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {order_workflow_id(ids[0]): key for key, ids in gone.items() if ids}


def kinds_of(run: WorkflowExecution, chosen: dict[str, str]) -> list[tuple[str, int]]:
    """Under which names the run belongs to the corpus, and how many of each are enough."""
    status = run.search_attributes.get("OmsStatus", ["closed"])[0]
    kinds = [(f"{run.workflow_type}-{status}", OF_EACH)]
    if path := chosen.get(run.id.partition("/")[0]):
        kinds.append((f"path-{path}-{run.workflow_type}", sys.maxsize))
    return kinds


async def keep(client: Client, run: WorkflowExecution, name: str) -> None:
    """What was recorded before stays as it was: it is older code's story."""
    file = CORPUS / f"{name}.json.gz"
    if file.exists():
        return
    history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
    text = IDENTITY.sub("worker", history.to_json()).replace(f"{ROOT}/", "")
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    CORPUS.mkdir(parents=True, exist_ok=True)
    asyncio.run(record(Path(sys.argv[1])))
