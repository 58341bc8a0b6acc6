"""An application of this process on a real port, for the length of a `with`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from api.heads import BoundedHead
from workers.local.ports import any_free_port


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    port = any_free_port()
    config = uvicorn.Config(app, port=port, http=BoundedHead, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(20):
            while not server.started:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running
