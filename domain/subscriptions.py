"""What a merchant may subscribe to, and which addresses we are willing to send to."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult, urlsplit

from domain.events import EVENT_NAMES

EVERY_EVENT: Final = "*"
LONGEST_URL: Final = 2_000
_HOST_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Public by their numbers for the standard library, and yet the inside of a cloud, or a way into it.
_INSIDE: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        # Azure: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
        "168.63.129.16/32",
        # For protocols, not for hosts; Oracle's metadata among them, and older Pythons miss them.
        "192.0.0.0/24",
        # NAT64, 6to4 and Teredo carry an IPv4 address inside, to which a gateway may lead.
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
    )
)


def fault_of_events(events: Iterable[str]) -> str | None:
    """Say what is wrong with an event filter: `*` alone, or names of the list."""
    wanted = list(events)
    if not wanted:
        return "name at least one event, or *"
    if EVERY_EVENT in wanted:
        return None if wanted == [EVERY_EVENT] else "* stands alone"
    unknown = sorted(set(wanted) - set(EVENT_NAMES))
    return f"unknown events: {', '.join(unknown)}" if unknown else None


def fault_of_url(url: str, *, allow_private: bool) -> str | None:
    """Say why nothing may be sent to this address, as far as its text tells."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "this is no URL"
    fault = _fault_of_text(url, parts)
    if fault or not host:
        return fault or "the URL names no host"
    return _fault_of_host(parts.scheme, host, allow_private=allow_private)


def _fault_of_text(url: str, parts: SplitResult) -> str | None:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return f"a URL is at most {LONGEST_URL} printable ASCII characters without spaces"
    if parts.scheme not in ("https", "http"):
        return "the URL must begin with https://"
    if "@" in parts.netloc or parts.fragment:
        return "a URL carries no user, password or fragment"
    return None


def _fault_of_host(scheme: str, host: str, *, allow_private: bool) -> str | None:
    address = _literal(host)
    is_loopback = host == "localhost" or (address is not None and address.is_loopback)
    if scheme == "http" and not (allow_private and is_loopback):
        return "the URL must begin with https://"
    if address is None and _HOST_NAME.fullmatch(host) is None:
        return "the host's name is not one"
    if allow_private:
        return None
    if is_loopback or (address is not None and not is_public(address)):
        return "the host is not a public address"
    return None


def is_public(address: Address) -> bool:
    """Whether this leads out of our own network: never loopback, private, link-local, metadata."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address.is_multicast or any(address in network for network in _INSIDE):
        return False
    return address.is_global


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
