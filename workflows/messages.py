"""What workflows are told: inputs, updates, signals. Ids and small facts, never personal data."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.naming import fulfillment_workflow_id as fulfillment_workflow_id  # noqa: PLC0414 - told on
from domain.naming import order_workflow_id as order_workflow_id  # noqa: PLC0414 - told on
from domain.timings import Timings

CORE_QUEUE = "core"
# How Temporal names the failure of an update whose run closed before it was done.
RUN_CLOSED = "AcceptedUpdateCompletedWorkflow"


# -- OrderWorkflow


@dataclass(frozen=True)
class OrderInput:
    order_id: str
    inbox_id: int
    channel: str
    timings: Timings = field(default_factory=Timings)


@dataclass(frozen=True)
class OrderResult:
    order_id: str
    outcome: str
    reason: str | None = None


@dataclass(frozen=True)
class Admission:
    """Answer of the update "admission": what became of the placement.

    status: "admitted" (paid or authorized), "awaiting_payment" (a bank slip was issued) or
    "refused"; a refused one names its outcome (refused_stock, refused_payment, …).
    """

    order_id: str
    status: str
    outcome: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class CancelOrder:
    """The caller's own words stay in our database, as a remark."""

    actor: str
    reason: str = ""


@dataclass(frozen=True)
class CancelResult:
    """cancelled: everything; partly: something was already handed over; too_late: all of it was."""

    result: str


@dataclass(frozen=True)
class ChangeOrder:
    """Update "change": the wishes are in our database, under this number."""

    number: int


@dataclass(frozen=True)
class ChangeResult:
    """state: applied, refused (`code` says why) or dropped, when the order ended first."""

    state: str
    code: str | None = None


@dataclass(frozen=True)
class InterceptOrder:
    """Update "intercept": have the carrier bring back what has left."""

    actor: str


@dataclass(frozen=True)
class AskedBack:
    """The parcels that the carrier is asked to bring back."""

    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class SlipNotice:
    """Signal "slip_settled": the payment vendor says whether a bank slip was paid."""

    event_id: str
    tender_no: int
    paid: bool


@dataclass(frozen=True)
class PlaceHold:
    """`key` is the request's own: asked twice, it is one hold. `until` moves its expiry."""

    actor: str
    kind: str
    key: str
    until: datetime | None = None


@dataclass(frozen=True)
class HoldPlaced:
    number: int


@dataclass(frozen=True)
class ReleaseHold:
    actor: str
    number: int


@dataclass(frozen=True)
class CorrectAddress:
    """The address itself waits in our database."""

    actor: str


@dataclass(frozen=True)
class AddressCorrected:
    """When it cannot be delivered to either, an order on hold stays so; others keep theirs.

    `is_late`: a parcel has a label with the address before. `is_unheard`: the carrier did not
    answer, so nobody knows.
    """

    deliverable: bool
    is_late: bool = False
    is_unheard: bool = False


# -- FulfillmentWorkflow


@dataclass(frozen=True)
class FulfillmentInput:
    order_id: str
    number: int
    fulfillment_id: str
    channel: str
    location: str
    lines: tuple[tuple[int, int], ...]  # (line_no, quantity)
    cards: tuple[int, ...]  # the tenders to be captured at hand-over
    state: str = "open"  # where a run started anew goes on
    timings: Timings = field(default_factory=Timings)
    blocked: tuple[str, ...] = ()  # what the order's holds forbid it at its start
    unauthorized: tuple[int, ...] = ()  # the cards whose share must be held before it is picked
    by_the_book: bool = False  # older runs ask a person about every trouble on the road
    pickup: bool = False  # collected where it lies
    due_s: float | None = None  # until the warehouse's next report; None: as timings say


@dataclass(frozen=True)
class FulfillmentResult:
    fulfillment_id: str
    state: str  # delivered, cancelled or lost


@dataclass(frozen=True)
class LinesDone:
    """Updates "picked" and "packed": what the warehouse says it did.

    Fewer units than wanted need a reason, and only "picked" takes one.
    """

    actor: str
    lines: tuple[tuple[int, int], ...]  # (line_no, quantity)
    reason: str | None = None


@dataclass(frozen=True)
class Rejection:
    """Update "rejected": the location ships nothing of this, and why."""

    actor: str
    reason: str


@dataclass(frozen=True)
class Collected:
    """Update "collected": the customer is at the counter, with the right code."""

    actor: str


@dataclass(frozen=True)
class TrackingNews:
    """Signal "tracking": a carrier's status, already recorded."""

    event_id: str
    status: str


@dataclass(frozen=True)
class HoldNews:
    """Signal "hold": which transitions the order's holds forbid its parcels now."""

    blocked: tuple[str, ...] = ()


# -- both


@dataclass(frozen=True)
class ResolveException:
    """Update "resolve_exception". What the person wrote stays in our database, as a remark."""

    exception_id: str
    resolution: str  # retry, skip, compensate, override or reship
    actor: str
    note: str = ""


# -- LatePaymentWorkflow: news for an order whose run has closed


@dataclass(frozen=True)
class AftermathInput:
    order_id: str
    tender_no: int
    timings: Timings = field(default_factory=Timings)


@dataclass(frozen=True)
class LateParcel:
    """A parcel that was written off, replaced or refunded, and has turned up."""

    order_id: str
    fulfillment_id: str
    timings: Timings = field(default_factory=Timings)


# -- ReconciliationWorkflow


@dataclass(frozen=True)
class LookedSoFar:
    """Where a run continued as new goes on reading."""

    number: int
    since: datetime
    until: datetime
    cursor: str | None = None


@dataclass(frozen=True)
class Reconcile:
    """`scope`: payments, labels, runs, or orders:CHANNEL. `pause_s` lies between two looks."""

    scope: str
    pause_s: float = 60.0
    grace_s: float = 900.0  # how long a thing may be late
    so_far: LookedSoFar | None = None
