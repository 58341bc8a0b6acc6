"""Token buckets: how often each may ask, kept in the memory of this process alone."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# A bucket that was used longest ago is full again, or nearly: forgetting it forgives little.
MOST_BUCKETS: Final = 10_000
# Sums of fractions are off by less than this; nobody waits for it.
_GRAIN_S: Final = 1e-6
# Whoever has one IPv6 address has its whole network.
_IPV6_NETWORK: Final = 64


@dataclass(frozen=True)
class Rate:
    """`per_s` tokens flow into a bucket, which holds at most `burst`."""

    per_s: float
    burst: int


class Buckets:
    """One bucket for each name, full at first."""

    def __init__(
        self, rate: Rate, now_s: Callable[[], float] = time.monotonic, most: int = MOST_BUCKETS
    ) -> None:
        self._token_s = 1 / rate.per_s
        self._bucket_s = rate.burst / rate.per_s
        self._now_s = now_s
        self._most = most
        # When each will be full again; what is not here is full. The last used is at the end.
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str) -> float:
        """Take a token: 0.0 when there was one, else the seconds until there will be."""
        now = self._now_s()
        full_at = max(self._full_at.pop(name, now), now)
        wait_s = full_at + self._token_s - self._bucket_s - now
        is_there = wait_s < _GRAIN_S
        self._full_at[name] = full_at + self._token_s if is_there else full_at
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return 0.0 if is_there else wait_s

    def give_back(self, name: str) -> None:
        """Return a token that was taken for what turned out not to count."""
        if name in self._full_at:
            self._full_at[name] -= self._token_s


def network_of(host: str | None) -> str:
    """Name whom an address stands for: itself, or for IPv6 its network."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), _IPV6_NETWORK), strict=False))
