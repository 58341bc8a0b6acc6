"""One thing that is not as it should be, with both sides where there are two."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Violation:
    """`rule` and `subject` name it; `detail` may change from one look to the next.

    `ours` and `theirs` are the two sides, None where a side knows nothing. Never personal data.
    """

    rule: str
    subject: str
    detail: str
    ours: Mapping[str, Any] | None = None
    theirs: Mapping[str, Any] | None = None

    def between(
        self, ours: Mapping[str, Any] | None, theirs: Mapping[str, Any] | None
    ) -> "Violation":
        return replace(self, ours=ours, theirs=theirs)

    def as_dict(self) -> dict[str, str]:
        return {"rule": self.rule, "subject": self.subject, "detail": self.detail}

    def __str__(self) -> str:
        return f"{self.rule}: {self.subject}: {self.detail}"
