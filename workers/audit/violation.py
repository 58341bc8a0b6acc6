"""One thing the audit found."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Violation:
    """`rule` and `subject` name it; `detail` may change from one look to the next."""

    rule: str
    subject: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.rule}: {self.subject}: {self.detail}"
