"""Records histories of a demo's runs, two of each kind and end, for the replay test.

Usage: oms demo --data-dir DIR && python scripts/record_histories.py DIR
"""

import asyncio
import gzip
import re
import sys
from collections import Counter
from pathlib import Path

from temporalio.client import Client

from workers.local.temporal import TemporalServer

CORPUS = Path(__file__).parents[1] / "tests" / "replay" / "histories"
OF_EACH = 2
# Who ran it is of no matter, and names a machine.
IDENTITY = re.compile(r"\d+@[\w.-]+")


async def record(data_dir: Path) -> None:
    kept: Counter[str] = Counter()
    async with TemporalServer(data_dir) as server:
        client = await Client.connect(server.address)
        async for run in client.list_workflows("ExecutionStatus != 'Running'"):
            status = run.search_attributes.get("OmsStatus", ["closed"])[0]
            kind = f"{run.workflow_type}-{status}"
            if kept[kind] == OF_EACH:
                continue
            kept[kind] += 1
            history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
            text = IDENTITY.sub("worker", history.to_json())
            packed = gzip.compress(text.encode(), mtime=0)
            (CORPUS / f"{kind}-{kept[kind]}.json.gz").write_bytes(packed)


if __name__ == "__main__":
    CORPUS.mkdir(parents=True, exist_ok=True)
    asyncio.run(record(Path(sys.argv[1])))
