"""The API process says in one line when it cannot listen, and when it is ready and when not."""

import signal
import socket
from pathlib import Path

import pytest

from tests.workers.worker_process import a_worker
from workers.errors import UserError
from workers.local.ports import any_free_port
from workers.local.temporal import TemporalServer
from workers.serving import serve_api
from workers.settings import Settings


async def test_a_port_in_use_is_one_line(
    database_url: str, temporal_server: TemporalServer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(
            database_url=database_url,
            temporal_address=temporal_server.address,
            api_port=taken.getsockname()[1],
        )
        with pytest.raises(UserError, match=f"cannot listen on 127.0.0.1:{settings.api_port}"):
            await serve_api(settings)


async def test_it_is_ready_until_it_is_told_to_end(
    database_url: str, temporal_server: TemporalServer, tmp_path: Path
) -> None:
    settings = Settings(
        database_url=database_url,
        temporal_address=temporal_server.address,
        api_port=any_free_port(),
    )
    with a_worker(tmp_path / "api", settings, "api") as api:
        await api.is_ready()
        assert await api.ends() in {0, -signal.SIGTERM}
        assert not api.ready_file.exists()
    assert "Finished server process" in api.said
