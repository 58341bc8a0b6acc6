"""Chooses the ports of the stack and keeps them from one start to the next."""

import secrets
import socket
from pathlib import Path

from workers.errors import UserError
from workers.local.files import read_json, write_json

LOOPBACK = "127.0.0.1"
# Linux hands out 32768 and above, others 49152 and above.
_FIRST, _LAST = 20_000, 32_000
_HIGHEST = 65_535
_TRIES = 200


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections of an earlier run that are still closing do not make a port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def any_free_port() -> int:
    """Drawn from below the ports that systems hand out for outgoing connections.

    One of those can be taken by any client between our look and the server's start, even by the
    very connection that asks whether the server is there yet.
    """
    for _ in range(_TRIES):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if is_free(port):
            return port
    raise UserError(f"no free port found between {_FIRST} and {_LAST}")


def read_ports(path: Path) -> dict[str, int]:
    """Raises: UserError for a file that holds anything but ports."""
    found = read_json(path)
    for name, port in found.items():
        if type(port) is not int or not 0 < port <= _HIGHEST:
            raise UserError(
                f"{path} is damaged: {name} is no port; without the file all are drawn anew"
            )
    return found


class PortBook:
    """The remembered ports of one data folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def choose(self, name: str, *, asked: int | None = None, preferred: int | None = None) -> int:
        """The port asked for, else the remembered one, else the preferred one, else any free one.

        Raises: UserError when a port somebody asked for is taken.
        """
        remembered = read_ports(self._path)
        if asked is not None:
            if not is_free(asked):
                raise UserError(f"port {asked} for {name} is already in use")
            return self._remember(remembered, name, asked)
        taken = {port for other, port in remembered.items() if other != name}
        for port in (remembered.get(name), preferred):
            if port is not None and port not in taken and is_free(port):
                return self._remember(remembered, name, port)
        port = any_free_port()
        while port in taken:
            port = any_free_port()
        return self._remember(remembered, name, port)

    def _remember(self, remembered: dict[str, int], name: str, port: int) -> int:
        if remembered.get(name) != port:
            write_json(self._path, remembered | {name: port})
        return port
