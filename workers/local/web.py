"""Asks a part of the stack one question over HTTP, without a proxy and without a heavy client."""

import asyncio
import http.client
import json
from typing import Any

from workers.local.ports import LOOPBACK

_TIMEOUT_S = 5.0


async def succeeds(port: int, path: str) -> bool:
    """Whether the answer is one of the 200s; no answer is no success."""
    return await asyncio.to_thread(_ask, port, path, None) is not None


async def ask_json(port: int, path: str, content: Any = None) -> dict[str, Any] | None:
    """GET, or POST when there is content; None without a good answer."""
    answer = await asyncio.to_thread(_ask, port, path, content)
    found = None if answer is None else json.loads(answer)
    return found if isinstance(found, dict) else None


def _ask(port: int, path: str, content: Any) -> bytes | None:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT_S)
    try:
        if content is None:
            connection.request("GET", path)
        else:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(content), headers)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return None
    else:
        return body if response.status < http.HTTPStatus.MULTIPLE_CHOICES else None
    finally:
        connection.close()
