"""The API process says in one line when it cannot listen."""

import socket

import pytest

from workers.errors import UserError
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
