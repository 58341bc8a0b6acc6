"""Faults on demand: which request or webhook goes wrong next, how, and how many times."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from sandbox.store import Store

REQUEST_KINDS: Final = frozenset(
    {
        "delay", "http_401", "http_429", "http_500", "cut_before_effect", "cut_after_effect",
        "garbled_after_effect", "refused",
    }
)  # fmt: skip
WEBHOOK_KINDS: Final = frozenset({"webhook_duplicate", "webhook_delay"})
LONGEST_S: Final = 3600.0


class BadFault(ValueError):
    """A fault nobody could carry out."""


@dataclass(frozen=True)
class Fault:
    """`path_prefix` is a path below the vendor's mount, or for webhooks the topic's beginning.

    `about` is text that the request's body must hold: an order's number aims at that order alone.
    `skip` lets so many matching requests pass first; seconds are real.
    """

    id: int
    vendor: str
    kind: str
    method: str = ""
    path_prefix: str = ""
    times: int = 1
    skip: int = 0
    seconds: float = 1.0
    retry_after: int = 1
    about: str = ""

    def hits(self, vendor: str, method: str, path: str, body: bytes = b"") -> bool:
        prefix = self.path_prefix.removeprefix(f"/{vendor}")
        return (
            self.vendor in ("", "*", vendor)
            and self.method.upper() in ("", "*", method)
            and path.startswith(prefix)
            and self.about.encode() in body
        )


class Faults:
    """The faults still to come; written through to the store, since a kill is itself a fault."""

    def __init__(self, store: Store) -> None:
        self._store = store
        rows = store.rows("SELECT id, doc FROM faults ORDER BY id")
        self._open = [Fault(**{**json.loads(row["doc"]), "id": row["id"]}) for row in rows]

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._open]

    def add(self, document: dict[str, Any]) -> Fault:
        """Raises: BadFault."""
        fault = _checked(document)
        with self._store.transaction() as tx:
            cursor = tx.db.execute("INSERT INTO faults (doc) VALUES (?)", (_doc(fault),))
        fault = replace(fault, id=int(cursor.lastrowid or 0))
        self._open.append(fault)
        return fault

    def clear(self) -> None:
        with self._store.transaction() as tx:
            tx.db.execute("DELETE FROM faults")
        self._open.clear()

    def take(self, vendor: str, method: str, path: str, body: bytes = b"") -> Fault | None:
        """The first open fault for this request, counted down."""
        return self._take(REQUEST_KINDS, vendor, method, path, body)

    def take_webhook(self, vendor: str, topic: str) -> Fault | None:
        return self._take(WEBHOOK_KINDS, vendor, "", topic)

    def _take(
        self, kinds: frozenset[str], vendor: str, method: str, path: str, body: bytes = b""
    ) -> Fault | None:
        for fault in self._open:
            if fault.kind in kinds and fault.hits(vendor, method, path, body):
                self._count_down(fault)
                if fault.skip == 0:
                    return fault
        return None

    def _count_down(self, fault: Fault) -> None:
        left = (
            replace(fault, skip=fault.skip - 1)
            if fault.skip
            else replace(fault, times=fault.times - 1)
        )
        place = self._open.index(fault)
        with self._store.transaction() as tx:
            if left.times:
                tx.db.execute("UPDATE faults SET doc=? WHERE id=?", (_doc(left), left.id))
            else:
                tx.db.execute("DELETE FROM faults WHERE id=?", (left.id,))
        self._open[place : place + 1] = [left] if left.times else []


def _doc(fault: Fault) -> str:
    return json.dumps({key: value for key, value in asdict(fault).items() if key != "id"})


def _checked(document: dict[str, Any]) -> Fault:
    try:
        fault = Fault(**{"vendor": "", **document, "id": 0})
    except TypeError as error:
        raise BadFault(str(error).removeprefix("Fault.__init__() ")) from None
    if fault.kind not in REQUEST_KINDS | WEBHOOK_KINDS:
        raise BadFault(f"unknown kind {fault.kind!r}")
    if fault.times < 1 or fault.skip < 0:
        raise BadFault("times is at least 1, skip at least 0")
    if not 0 <= fault.seconds <= LONGEST_S:
        raise BadFault(f"seconds lies between 0 and {LONGEST_S:.0f}")
    return fault
