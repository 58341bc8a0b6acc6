"""Which addresses a merchant's host has at the moment of sending, and whether we may go there."""

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from domain.subscriptions import is_public

# Their own: a name server that does not answer must not hold up anybody else's look-ups.
RESOLVING_THREADS: Final = 8
# Tried one after the other, as long as the time for the whole delivery lasts.
MOST_ADDRESSES: Final = 3


class Forbidden(Exception):
    """The host does not exist, or leads into our own network."""


class Addresses:
    """Whoever connects must use an address from here and not ask again: answers can change."""

    def __init__(self, *, allow_private: bool) -> None:
        self.allow_private = allow_private
        self._threads = ThreadPoolExecutor(RESOLVING_THREADS, thread_name_prefix="resolve")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def of(self, host: str) -> list[str]:
        """Raises: Forbidden."""
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._threads, socket.getaddrinfo, host, None, 0, socket.SOCK_STREAM
            )
        except (OSError, UnicodeError):
            raise Forbidden("the host is not found") from None
        addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
        # One private address among public ones is reason enough: we could be sent there next time.
        if not self.allow_private and not all(map(_is_public, addresses)):
            raise Forbidden("the host is not at a public address")
        return addresses[:MOST_ADDRESSES]


def _is_public(address: str) -> bool:
    return is_public(ipaddress.ip_address(address))
