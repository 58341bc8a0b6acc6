"""A connector's failures, each an answer to one question: did it happen?"""


class ConnectorError(Exception):
    """`detail` is redacted text for a person; `code` is ours, for a program."""

    def __init__(self, vendor: str, detail: str, code: str | None = None) -> None:
        super().__init__(f"{vendor}: {detail}" if code is None else f"{vendor}: {code}: {detail}")
        self.vendor = vendor
        self.detail = detail
        self.code = code


class NotSent(ConnectorError):
    """No: the request never reached the vendor, or was one that changes nothing."""


class Throttled(ConnectorError):
    """No: ask again, not before `retry_after_s`."""

    def __init__(
        self, vendor: str, detail: str, code: str | None = None, *, retry_after_s: float
    ) -> None:
        super().__init__(vendor, detail, code)
        self.retry_after_s = retry_after_s


class Rejected(ConnectorError):
    """No, and asking again will not help: `code` says why, in our words."""

    code: str

    def __init__(self, vendor: str, detail: str, code: str) -> None:
        super().__init__(vendor, detail, code)


class Misconfigured(ConnectorError):
    """No: credentials, version or request are wrong; a person has to look."""


class OutcomeUnknown(ConnectorError):
    """Maybe: the verb's declared rule (`UnknownRule`) says how to find out."""


class InvalidSignature(Exception):
    """A webhook that its vendor did not sign, or signed too long ago."""
