"""One way to write a JSON document down, to hash it, and to make it storable."""

import hashlib
import json
from typing import Any, Final

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def canonical_json(document: Any) -> str:
    """Write a document so that the same content is the same text, whatever the order of keys."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_sha256(document: Any) -> str:
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()


def storable(value: Any) -> Any:
    """Replace the characters PostgreSQL refuses in JSON: NUL and lone surrogates.

    For documents we may not turn away, such as a vendor's signed webhook.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", REPLACEMENT)
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(name): storable(item) for name, item in value.items()}
    return value
