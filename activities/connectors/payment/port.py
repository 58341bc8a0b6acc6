"""The verbs every payment vendor offers, and what they answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from activities.connectors.port import UnknownRule

# The codes a payment vendor's `Rejected` may carry.
RejectionCode = Literal[
    "payment_declined",
    "amount_invalid",
    "method_invalid",
    "already_captured",
    "already_refunded",
    "expired_authorization",
    "other",
]


class Capability(StrEnum):
    MULTICAPTURE = "multicapture"  # one authorization may be captured in several parts
    BANK_SLIP = "bank_slip"


class PaymentStatus(StrEnum):
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    PENDING = "pending"  # a slip not yet paid, a debit still on its way
    FAILED = "failed"  # not paid so far; a slip may still be paid late
    VOIDED = "voided"
    UNKNOWN = "unknown"


class RefundStatus(StrEnum):
    SUCCEEDED = "succeeded"
    PENDING = "pending"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AuthorizeCommand:
    """Hold `amount_minor`, to be captured later. `method` is the vendor's payment method id."""

    key: str
    amount_minor: int
    currency: str
    method: str
    order_id: str
    description: str


@dataclass(frozen=True, slots=True)
class ChargeCommand:
    """Take `amount_minor` at once (debit)."""

    key: str
    amount_minor: int
    currency: str
    method: str
    order_id: str
    description: str


@dataclass(frozen=True, slots=True)
class SlipCommand:
    """Issue a bank slip, to be paid within `expires_after_days`."""

    key: str
    amount_minor: int
    currency: str
    method: str
    order_id: str
    description: str
    expires_after_days: int


@dataclass(frozen=True, slots=True)
class PaymentState:
    """A payment as the vendor sees it now; `expires_at` is when a hold or a slip lapses (UTC)."""

    vendor_ref: str
    status: PaymentStatus
    amount_minor: int
    capturable_minor: int
    received_minor: int
    currency: str
    expires_at: datetime | None = None
    voucher_url: str | None = None


@dataclass(frozen=True, slots=True)
class RefundState:
    vendor_ref: str
    payment_ref: str
    status: RefundStatus
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class PaymentRecord:
    """One payment in the vendor's own books; `key` is the one it was begun with, if it was ours."""

    vendor_ref: str
    status: PaymentStatus
    amount_minor: int
    received_minor: int
    refunded_minor: int
    currency: str
    key: str | None


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """`next_cursor` is None on the last page."""

    payments: tuple[PaymentRecord, ...]
    next_cursor: str | None


NoticeKind = Literal["paid", "failed", "authorized", "voided", "refunded", "other"]


@dataclass(frozen=True, slots=True)
class PaymentNotice:
    """A vendor's webhook in our words; apply once by `event_id`, in any order.

    `failed` is not final for a slip: `paid` may follow it. `amount_minor` is what the kind speaks
    of: received, held, or refunded so far in all. `key` is the one the payment was begun with.
    """

    event_id: str
    kind: NoticeKind
    vendor_ref: str
    order_id: str | None
    amount_minor: int
    occurred_at: datetime
    currency: str | None = None
    key: str | None = None


class PaymentGateway(Protocol):
    """`key` makes a repeat harmless: the same key with the same arguments is the same act.

    Every verb raises the leaves of `ConnectorError` and nothing else. An answer about another
    payment, amount or currency than was asked is an `OutcomeUnknown`.
    """

    @property
    def vendor(self) -> str: ...

    @property
    def supports(self) -> frozenset[Capability]: ...

    @property
    def unknown_rules(self) -> Mapping[str, UnknownRule]: ...

    @property
    def key_window_s(self) -> float:
        """How long after its first use a key surely makes a repeat harmless."""
        ...

    async def authorize(self, command: AuthorizeCommand) -> PaymentState: ...

    async def charge(self, command: ChargeCommand) -> PaymentState: ...

    async def begin_slip(self, command: SlipCommand) -> PaymentState: ...

    async def capture(self, key: str, vendor_ref: str, amount_minor: int) -> PaymentState:
        """Take up to what is held; without MULTICAPTURE the rest is released."""
        ...

    async def void(self, key: str, vendor_ref: str) -> PaymentState:
        """Release a hold or cancel a slip; what is already void is answered, not refused."""
        ...

    async def refund(self, key: str, vendor_ref: str, amount_minor: int) -> RefundState: ...

    async def retrieve(self, vendor_ref: str) -> PaymentState: ...

    async def list_payments(self, since: datetime, cursor: str | None) -> PaymentPage:
        """Payments begun since then (inclusive), newest first."""
        ...

    async def find_payment(self, key: str, begun_at: datetime) -> PaymentState | None:
        """The payment that was begun with `key`, not before `begun_at`: for after the window.

        Never by an eventually consistent search.
        """
        ...

    async def find_refund(self, key: str, vendor_ref: str) -> RefundState | None:
        """The refund of this payment that was made with `key`: for after the window."""
        ...
