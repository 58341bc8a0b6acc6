"""Reads Stripe's form bodies: `metadata[order]=7` and `payment_method_types[]=card` as a tree."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from sandbox.stripe.errors import invalid

Tree = dict[str, Any]
DEFAULT_PAGE: Final = 10
LARGEST_PAGE: Final = 100
PART: Final = re.compile(r"\[([^\[\]]*)\]")


def read_form(body: bytes) -> Tree:
    """Raises: Refused."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True)
    except UnicodeDecodeError:
        raise invalid("Invalid request body encoding.") from None
    return nested(pairs)


def nested(pairs: list[tuple[str, str]]) -> Tree:
    tree: Tree = {}
    for name, value in pairs:
        head, _, _ = name.partition("[")
        _place(tree, [head, *PART.findall(name)], value)
    return {key: _lists(value) for key, value in tree.items()}


def _place(tree: Tree, parts: list[str], value: str) -> None:
    *branch, leaf = parts
    for part in branch:
        step = tree.setdefault(part, {})
        if not isinstance(step, dict):
            raise invalid("Invalid hash", param=parts[0])
        tree = step
    tree[leaf or str(len(tree))] = value


def _lists(value: Any) -> Any:
    """`{"0": a, "1": b}` is how an array looks in a form."""
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(item) for key, item in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


def known(form: Tree, names: frozenset[str]) -> None:
    """Raises: Refused for a parameter this endpoint does not have."""
    for name in form:
        if name not in names:
            raise invalid(
                f"Received unknown parameter: {name}", code="parameter_unknown", param=name
            )


def integer(form: Mapping[str, Any], name: str) -> int | None:
    """A whole number of at least 1. Raises: Refused."""
    text = form.get(name)
    if text is None:
        return None
    if not isinstance(text, str) or not re.fullmatch(r"-?\d{1,15}", text):
        raise invalid(f"Invalid integer: {text}", code="parameter_invalid_integer", param=name)
    if int(text) < 1:
        raise invalid(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param=name,
        )
    return int(text)


def page_size(query: Mapping[str, Any]) -> int:
    """Raises: Refused."""
    return min(integer(query, "limit") or DEFAULT_PAGE, LARGEST_PAGE)


def required(form: Mapping[str, Any], name: str) -> str:
    """Raises: Refused."""
    value = form.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
    return value


def choice(form: Mapping[str, Any], name: str, allowed: tuple[str, ...], default: str) -> str:
    """One of `allowed`. Raises: Refused."""
    value = form.get(name, default)
    if value not in allowed:
        listed = ", ".join(allowed)
        raise invalid(f"Invalid {name}: must be one of {listed}", param=name)
    return str(value)


def metadata(form: Mapping[str, Any]) -> dict[str, str]:
    """Raises: Refused."""
    given = form.get("metadata") or {}
    if not isinstance(given, dict) or not all(isinstance(item, str) for item in given.values()):
        raise invalid("Invalid metadata: must be a hash of strings", param="metadata")
    return {key: value for key, value in given.items() if value}
