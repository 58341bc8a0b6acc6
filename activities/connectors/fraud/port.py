"""What an external fraud scorer must do: give an opinion on facts, quickly, or do without.

Its opinion is welcome and not needed: while it is away our own rules decide alone. It is asked
about counts and yes or no, never whose; one that needs more asks for it by the order's id, in an
account where the merchant has put it.
"""

from dataclasses import dataclass
from typing import Protocol

from domain.fraud import Facts


@dataclass(frozen=True, slots=True)
class Question:
    """Asked again about the same order, the answer may be the same: nothing is bought or kept."""

    order_id: str
    currency: str
    facts: Facts


class FraudScorer(Protocol):
    vendor: str

    async def score(self, question: Question) -> int:
        """Return 0 (harmless) to 100. Raises: ConnectorError."""
        ...
