"""Counts and times what is asked of vendors, verb by verb, and how it ended."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Final

from prometheus_client import Counter, Histogram

from activities.connectors.carrier.port import CarrierGateway
from activities.connectors.channel.port import ChannelGateway
from activities.connectors.errors import ConnectorError
from activities.connectors.payment.port import PaymentGateway
from workers.watch.tracing import Tracing
from workers.wiring import Gateways

# How a call may end: each is there before its first time, which is an increase only then.
ENDINGS: Final = (
    "ok", "not_sent", "throttled", "rejected", "misconfigured", "outcome_unknown", "abandoned",
    "failed",
)  # fmt: skip
# From a vendor on the same machine to the longest that a call may take.
BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0)
CALLS: Final = Counter(
    "oms_vendor_calls", "Calls to vendors, by how they ended.", ["vendor", "verb", "outcome"]
)
SECONDS: Final = Histogram(
    "oms_vendor_call_seconds", "How long vendors took.", ["vendor", "verb"], buckets=BUCKETS
)

Verb = Callable[..., Awaitable[Any]]


def watch_gateways(gateways: Gateways, tracing: Tracing | None = None) -> None:
    """From now on every verb of these gateways is counted, timed and, when asked for, traced."""
    watched: list[PaymentGateway | CarrierGateway | ChannelGateway]
    watched = [gateways.payment, gateways.carrier, *gateways.channels.values()]
    for gateway in watched:
        for verb in gateway.unknown_rules:  # it names them all
            asked = getattr(gateway, verb)
            setattr(gateway, verb, _watched(gateway.vendor, verb, asked, tracing))


def _watched(vendor: str, verb: str, asked: Verb, tracing: Tracing | None) -> Verb:
    for ending in ENDINGS:
        CALLS.labels(vendor, verb, ending)

    @wraps(asked)
    async def ask(*args: Any, **named: Any) -> Any:
        began, outcome = time.monotonic(), "ok"
        try:
            if tracing is None:
                return await asked(*args, **named)
            with tracing.span(f"{vendor} {verb}", is_call=True):
                return await asked(*args, **named)
        except BaseException as error:
            outcome = _outcome(error)
            raise
        finally:
            SECONDS.labels(vendor, verb).observe(time.monotonic() - began)
            CALLS.labels(vendor, verb, outcome).inc()

    return ask


def _outcome(error: BaseException) -> str:
    """One of ENDINGS: for a connector's error, the leaf's name."""
    if isinstance(error, ConnectorError):
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()
    return "abandoned" if isinstance(error, asyncio.CancelledError) else "failed"
