"""Whether an answer is about what was asked: one about anything else leaves the act open."""

from typing import Any, TypeVar

from activities.connectors.errors import OutcomeUnknown

AnswerT = TypeVar("AnswerT")


def as_asked(vendor: str, answer: AnswerT, **asked: Any) -> AnswerT:
    """`answer`, when it says of each named field what was asked.

    Raises: OutcomeUnknown, naming the fields that differ and not their values.
    """
    other = [name for name, value in asked.items() if getattr(answer, name) != value]
    if other:
        raise OutcomeUnknown(vendor, f"the answer has another {', '.join(other)} than was asked")
    return answer
