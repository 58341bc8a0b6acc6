"""What operators search by in the Temporal UI: coarse facts, never a person's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

STATUS: Final = SearchAttributeKey.for_keyword("OmsStatus")
CHANNEL: Final = SearchAttributeKey.for_keyword("OmsChannel")
LOCATION: Final = SearchAttributeKey.for_keyword_list("OmsLocation")
CARRIER: Final = SearchAttributeKey.for_keyword("OmsCarrier")
EXCEPTION: Final = SearchAttributeKey.for_keyword("OmsException")
NEEDS_HUMAN: Final = SearchAttributeKey.for_bool("OmsNeedsHuman")
PROMISE_BY: Final = SearchAttributeKey.for_datetime("OmsPromiseBy")
ALL: Final[tuple[SearchAttributeKey[Any], ...]] = (
    STATUS, CHANNEL, LOCATION, CARRIER, EXCEPTION, NEEDS_HUMAN, PROMISE_BY,
)  # fmt: skip


def at_start(channel: str, status: str, location: str | None = None) -> TypedSearchAttributes:
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(CHANNEL, channel),
        SearchAttributePair(STATUS, status),
    ]
    if location:
        pairs.append(SearchAttributePair(LOCATION, [location]))
    return TypedSearchAttributes(pairs)


def show_fulfilling(locations: Sequence[str], promise_by: datetime | None) -> None:
    changes: list[Any] = [STATUS.value_set("fulfilling"), LOCATION.value_set(list(locations))]
    if promise_by is not None:
        changes.append(PROMISE_BY.value_set(promise_by))
    workflow.upsert_search_attributes(changes)


def show_status(status: str) -> None:
    workflow.upsert_search_attributes([STATUS.value_set(status)])


def show_shipped(carrier: str) -> None:
    workflow.upsert_search_attributes([CARRIER.value_set(carrier), STATUS.value_set("shipped")])


def show_exception(reason: str | None) -> None:
    if reason is None:
        workflow.upsert_search_attributes([EXCEPTION.value_unset(), NEEDS_HUMAN.value_unset()])
    else:
        workflow.upsert_search_attributes(
            [EXCEPTION.value_set(reason), NEEDS_HUMAN.value_set(value=True)]
        )
