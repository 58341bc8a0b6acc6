"""The figures of the database, read when they are asked for, and not more often than they may be.

They have one connection of their own, so that they are seen when all others are taken, and are
kept for a while: however many ask, and however often, the database is asked little.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import sqlalchemy as sa
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from db.engine import NOTICES_SILENCE
from db.queries import figures

KEPT_S: Final = 10.0
# A look that took long is kept so many times as long: they never take more than a twentieth of
# the time of one connection.
KEPT_TIMES: Final = 20
# One query that takes longer is given up: a figure is not worth more.
MOST_S: Final = 5
log = logging.getLogger(__name__)

LABELS: Final[dict[str, tuple[str, list[str]]]] = {
    "orders_open": ("Open orders, by the part that is furthest back, and age.", ["state", "age"]),
    "overdue": ("What is open and past its deadline.", ["what"]),
    "exceptions_open": ("Exceptions that wait for a person.", ["kind", "owner"]),
    "exceptions_overdue": ("Exceptions that wait past their deadline.", ["owner"]),
    "holds_open": ("Holds that block an order's steps.", ["kind"]),
    "returns_open": ("Returns under way.", ["state"]),
    "reconciliation_tasks_open": ("Differences between our books and others'.", ["scope"]),
    "outbox_waiting": ("Messages that are not delivered yet.", ["lane"]),
    "outbox_oldest_due_seconds": ("How long the oldest message that is due waits.", ["lane"]),
    "outbox_dead_letters": ("Messages that were given up.", ["lane"]),
    "inbox_waiting": ("Documents that nothing was done about yet.", ["kind"]),
    "inbox_oldest_seconds": ("How long the oldest of these documents waits.", ["kind"]),
}


def watching_engine(database_url: str) -> sa.Engine:
    """One connection, and no query that lasts."""
    return sa.create_engine(
        database_url,
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        connect_args={
            **NOTICES_SILENCE,
            "connect_timeout": MOST_S,
            "options": f"-c statement_timeout={MOST_S * 1000} -c default_transaction_read_only=on",
        },
    )


class Books(Collector):
    def __init__(self, engine: sa.Engine, now_s: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._now_s = now_s
        self._lock = threading.Lock()  # one looks, the others wait for what it finds
        self._kept: list[Metric] = []
        self._kept_until = float("-inf")

    def describe(self) -> Iterator[Metric]:
        """The names, without asking the database."""
        yield from (_family(name) for name in figures.QUERIES)

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            if self._now_s() >= self._kept_until:
                began = self._now_s()
                self._kept = self._look(began)
                took_s = self._now_s() - began
                self._kept_until = began + took_s + max(KEPT_S, took_s * KEPT_TIMES)
            kept = self._kept
        yield from kept

    def _look(self, began: float) -> list[Metric]:
        """Without the database there are no figures but that it is away: old ones would deceive."""
        found: list[Metric] = []
        answers = 1.0
        try:
            with self._engine.connect() as connection:
                for name, query in figures.QUERIES.items():
                    family = _family(name)
                    for *labels, value in connection.execute(sa.text(query)):
                        family.add_metric([str(label) for label in labels], float(value))
                    found.append(family)
        except SQLAlchemyError as error:
            log.warning("no figures from the database: %s", type(error).__name__)
            found, answers = [], 0.0
        took_s = self._now_s() - began
        up = _single("oms_figures_up", "Whether the database gave its figures.", answers)
        return [*found, up, _single("oms_figures_seconds", "How long it took to look.", took_s)]


def _family(name: str) -> Any:
    text, labels = LABELS[name]
    return GaugeMetricFamily(f"oms_{name}", text, labels=labels)


def _single(name: str, text: str, value: float) -> Any:
    return GaugeMetricFamily(name, text, value=value)
