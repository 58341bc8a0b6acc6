"""Takes out of a text what nobody may read there: secrets, e-mail addresses, a database's rows."""

import re
from collections.abc import Iterable
from typing import Final

# Every length has an end: on a long word without one, the search would take its square.
# Source: https://www.rfc-editor.org/rfc/rfc5322#section-3.4.1; a domain may be one name.
_EMAIL: Final = re.compile(r"[\w+][\w.!#$%&*+/=?^`{|}~'-]{0,63}@\w[\w.-]{0,253}")
_KEY_LIKE: Final = re.compile(
    r"\b(?:(?:sk|rk|pk|whsec|shpat|shpss|oms)_|EZ[AT]K)[A-Za-z0-9*_]{4,}|"
    r"(?:Bearer|Basic) +[A-Za-z0-9+/=._-]+"
)
_PASSWORD_IN_URL: Final = re.compile(r"(?<=://)[^/\s@:]{0,64}:[^/\s@]{0,200}(?=@)")
# PostgreSQL repeats the row it refuses; what follows is ours again.
_ROW: Final = re.compile(
    r"\b(?:DETAIL|CONTEXT): .*?(?=\n\[SQL|\n\n(?:The above|During)|\Z)", re.DOTALL
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without any of the given secrets, and without what looks like one."""
    for secret in secrets:
        text = text.replace(secret, "[secret]")
    text = _KEY_LIKE.sub("[secret]", _PASSWORD_IN_URL.sub("[secret]", text))
    return _ROW.sub("[row]", _EMAIL.sub("[e-mail]", text))
