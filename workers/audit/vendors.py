"""The vendors' own books: read whole where a vendor shows its ledger, else asked line by line."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import httpx

from activities.connectors.carrier.port import CarrierGateway
from activities.connectors.errors import ConnectorError, Throttled
from activities.connectors.payment.port import PaymentGateway
from activities.reconciling.lines import STATUS, LabelLine, PaymentLine, PushLine
from workers.errors import UserError
from workers.settings import Settings
from workers.wiring import Gateways

AT_ONCE: Final = 16
# A throttled question is put again this often before the audit gives up on it.
MOST_QUESTIONS: Final = 5
LEDGER_TIMEOUT_S: Final = 60.0

T = TypeVar("T")


@dataclass(frozen=True)
class Books:
    """`is_whole`: a line that is not there does not exist at the vendor, known or unknown to us."""

    payments: dict[str, PaymentLine]
    labels: dict[str, LabelLine]
    pushes: list[PushLine] | None
    silent: dict[str, str]  # subject and what was said instead of an answer
    payments_whole: bool
    labels_whole: bool


class Ledger(Protocol):
    async def read(self, money: Sequence[Any], labels: Sequence[Any]) -> Books: ...


def ledger_of(settings: Settings, gateways: Gateways) -> Ledger:
    """Where the vendors are the sandbox, its ledger says all; else each account is asked."""
    return MixedLedger(
        gateways,
        payments_url=_sandbox(settings.stripe_url, "/stripe"),
        labels_url=_sandbox(settings.easypost_url, "/easypost"),
        pushes_url=_sandbox(settings.shopify_url or "", "/shopify"),
    )


def _sandbox(url: str, part: str) -> str | None:
    url = url.rstrip("/")
    return url.removesuffix(part) if url.endswith(part) else None


class MixedLedger:
    """Each vendor by itself: the sandbox's ledger, or the vendor's own API."""

    def __init__(
        self,
        gateways: Gateways,
        *,
        payments_url: str | None,
        labels_url: str | None,
        pushes_url: str | None,
    ) -> None:
        self._gateways = gateways
        self._payments_url = payments_url
        self._labels_url = labels_url
        self._pushes_url = pushes_url

    async def read(self, money: Sequence[Any], labels: Sequence[Any]) -> Books:
        urls = {self._payments_url, self._labels_url, self._pushes_url} - {None}
        ledgers = {url: await _sandbox_ledger(url) for url in urls if url}
        asking = Asking(self._gateways)
        if self._payments_url:
            payments = [_payment_line(line) for line in ledgers[self._payments_url]["payments"]]
        else:
            payments = await asking.payments(money)
        if self._labels_url:
            lines = [_label_line(line) for line in ledgers[self._labels_url]["labels"]]
        else:
            lines = await asking.labels(labels)
        pushes = ledgers[self._pushes_url]["fulfillments"] if self._pushes_url else None
        return Books(
            payments={line.ref: line for line in payments},
            labels={line.shipment: line for line in lines},
            pushes=None if pushes is None else [_push_line(line) for line in pushes],
            silent=asking.silent,
            payments_whole=self._payments_url is not None,
            labels_whole=self._labels_url is not None,
        )


async def _sandbox_ledger(url: str) -> dict[str, Any]:
    """Raises: UserError when the sandbox does not answer."""
    try:
        async with httpx.AsyncClient(
            base_url=url, timeout=LEDGER_TIMEOUT_S, trust_env=False
        ) as http:
            found: dict[str, Any] = (await http.get("/_/ledger")).raise_for_status().json()
            return found
    except (httpx.HTTPError, ValueError) as error:
        raise UserError(f"the sandbox's ledger at {url} cannot be read: {error}") from None


def _payment_line(line: dict[str, Any]) -> PaymentLine:
    if line["canceled"]:
        status = "voided"
    elif line["captured_minor"]:
        status = "taken"
    else:
        status = "held" if line["authorized_minor"] else "none"
    return PaymentLine(
        ref=line["intent"],
        status=status,
        authorized_minor=line["authorized_minor"],
        captured_minor=line["captured_minor"],
        refunded_minor=line["refunded_minor"],
        currency=line["currency"],
        captures=line["captures"],
        key=line["metadata"].get("key"),
    )


def _label_line(line: dict[str, Any]) -> LabelLine:
    return LabelLine(
        shipment=line["shipment"],
        tracking_number=line["tracking_code"],
        voided=line["voided"],
        bought=line["bought"],
        reference=line["reference"],
    )


def _push_line(line: dict[str, Any]) -> PushLine:
    return PushLine(line["order"], line["tracking_number"])


class Asking:
    """Asks a vendor's API about each thing we know; what it does not know we cannot learn."""

    def __init__(self, gateways: Gateways) -> None:
        self._payment: PaymentGateway = gateways.payment
        self._carrier: CarrierGateway = gateways.carrier
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.silent: dict[str, str] = {}

    async def payments(self, money: Iterable[Any]) -> list[PaymentLine]:
        asked = (self._payment_line(row) for row in money if row.is_recent)
        return [line for line in await asyncio.gather(*asked) if line is not None]

    async def labels(self, labels: Iterable[Any]) -> list[LabelLine]:
        asked = (self._label_line(row) for row in labels if row.is_recent)
        return [line for line in await asyncio.gather(*asked) if line is not None]

    async def _payment_line(self, row: Any) -> PaymentLine | None:
        state = await self._ask(row.vendor_ref, lambda: self._payment.retrieve(row.vendor_ref))
        if state is None:
            return None
        return PaymentLine(
            ref=row.vendor_ref,
            status=STATUS.get(state.status, "none"),
            authorized_minor=state.amount_minor,
            captured_minor=state.received_minor,
            refunded_minor=None,
            currency=state.currency,
        )

    async def _label_line(self, row: Any) -> LabelLine | None:
        shipment = row.vendor_shipment_id
        label = await self._ask(shipment, lambda: self._carrier.find_label(shipment))
        if label is None:
            return None
        return LabelLine(shipment, label.tracking_number, label.voided)

    async def _ask(self, subject: str, question: Callable[[], Awaitable[T]]) -> T | None:
        async with self._slots:
            for _ in range(MOST_QUESTIONS):
                try:
                    return await question()
                except Throttled as slow:
                    self.silent[subject] = str(slow)
                    await asyncio.sleep(slow.retry_after_s)
                    self.silent.pop(subject, None)
                except ConnectorError as error:
                    self.silent[subject] = str(error)
                    return None
            self.silent[subject] = "throttled"
            return None
