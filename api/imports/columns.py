"""The columns of a CSV file: the fields of an entry, written flat, and the value of each cell."""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

# Between the values of a cell that holds several.
BETWEEN: Final = "|"
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"[-+]?[0-9]{1,9}(\.[0-9]{1,18})?")
_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Columns:
    """`address.city` is the field `city` of the object `address`."""

    def __init__(self, model: type[BaseModel], keys: Sequence[str]) -> None:
        self._kinds = dict(_flat(model, ""))
        self._keys = tuple(keys)

    def known_among(self, names: Sequence[str]) -> int:
        return sum(name.strip() in self._kinds for name in names)

    def fault_of_header(self, names: Sequence[str]) -> str | None:
        """Say what is wrong with the first row, and what it could be."""
        could = f"; columns are {', '.join(self._kinds)}"
        if not self.known_among(names):
            return f"the first row names no column{could}"
        if strangers := [name for name in names if name not in self._kinds]:
            return f"unknown columns: {', '.join(map(repr, strangers))}{could}"
        if twice := sorted({name for name in names if names.count(name) > 1}):
            return f"named twice: {', '.join(twice)}"
        if missing := [key for key in self._keys if key not in names]:
            return f"the column {missing[0]} is missing"
        return None

    def entry_of(self, cells: Mapping[str, str]) -> dict[str, Any]:
        """What the cells say; an empty one says nothing. What cannot be read stays a text."""
        entry: dict[str, Any] = {}
        for name, cell in cells.items():
            if text := cell.strip():
                *path, field = name.split(".")
                place = entry
                for step in path:
                    place = place.setdefault(step, {})
                place[field] = _value(self._kinds[name], text)
        return entry


def _flat(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, type]]:
    for name, info in model.model_fields.items():
        kind = _kind(info.annotation)
        if issubclass(kind, BaseModel):
            yield from _flat(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", kind


def _kind(annotation: Any) -> type:
    """The plain type below optional, annotated and literal ones."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return _kind(next(each for each in get_args(annotation) if each is not NoneType))
    found = origin or annotation
    return found if isinstance(found, type) else str


def _value(kind: type, text: str) -> Any:
    if kind is list:
        return [part.strip() for part in text.split(BETWEEN) if part.strip()]
    if kind is int and _INTEGER.fullmatch(text):
        return int(text)
    if kind is float and _DECIMAL.fullmatch(text):
        return float(text)
    if kind is bool:
        return _FLAGS.get(text.lower(), text)
    return text
