"""What the fakes are told to do wrong: an instruction in a value they are given, obeyed once.

An instruction is `fake:<verb>:<trouble>`, anywhere in the value; without one all goes well. It
is obeyed on the verb's first call about a subject (`burst`: the first three, `unauthorized` and
`declined`: on each), and the repeat finds what the trouble left.

| trouble                              | done? | answer                               |
| ------------------------------------ | ----- | ------------------------------------ |
| `refused`                            | no    | NotSent                              |
| `throttled`                          | no    | Throttled, `RETRY_AFTER_S`           |
| `unauthorized`                       | no    | Misconfigured                        |
| `declined`                           | no    | Rejected, with the code of the verb  |
| `burst`                              | no    | OutcomeUnknown, three times          |
| `fault_after`, `cut`, `timed_out`    | yes   | OutcomeUnknown                       |
| `no_json`, `incomplete`              | yes   | OutcomeUnknown                       |
| `other_id`, `_amount`, `_currency`   | yes   | OutcomeUnknown                       |
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from activities.connectors.errors import (
    ConnectorError,
    Misconfigured,
    NotSent,
    OutcomeUnknown,
    Rejected,
    Throttled,
)

VENDOR: Final = "fake"
RETRY_AFTER_S: Final = 2.0
BURST: Final = 3
DONE: Final = frozenset(
    {
        "fault_after",
        "cut",
        "timed_out",
        "no_json",
        "incomplete",
        "other_id",
        "other_amount",
        "other_currency",
    }
)
_INSTRUCTION: Final = re.compile(r"fake:(\w+):(\w+)")

AnswerT = TypeVar("AnswerT")


class Obedience:
    """`codes`: what `declined` answers, by verb."""

    def __init__(self, codes: Mapping[str, str]) -> None:
        self._codes = codes
        self._calls: Counter[tuple[str, str]] = Counter()

    def do(self, verb: str, subject: str, told: str, act: Callable[[], AnswerT]) -> AnswerT:
        """Do `act` as `told`; `subject` tells first calls from repeats."""
        match = _INSTRUCTION.search(told)
        trouble = match[2] if match and match[1] == verb else ""
        self._calls[verb, subject] += 1
        call = self._calls[verb, subject]
        failure = self._before(verb, trouble, call)
        if failure is not None:
            raise failure
        answer = act()
        if trouble in DONE and call == 1:
            raise OutcomeUnknown(VENDOR, trouble)
        return answer

    def _before(self, verb: str, trouble: str, call: int) -> ConnectorError | None:
        if trouble == "unauthorized":
            return Misconfigured(VENDOR, "the credentials are refused")
        if trouble == "declined":
            return Rejected(VENDOR, "as you wished", self._codes.get(verb, "other"))
        if trouble == "burst" and call <= BURST:
            return OutcomeUnknown(VENDOR, "500 from the vendor")
        if trouble == "refused" and call == 1:
            return NotSent(VENDOR, "the connection was refused")
        if trouble == "throttled" and call == 1:
            return Throttled(VENDOR, "429", retry_after_s=RETRY_AFTER_S)
        return None
