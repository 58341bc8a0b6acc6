"""Reads GraphQL documents: the part of the language that operations are written in.

Source: https://spec.graphql.org/October2021/#sec-Language
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

TOKEN: Final = re.compile(
    r"(?P<skip>[\s,\ufeff]+|\#[^\n]*)"
    r'|(?P<block>"""(?:[^"\\]|\\.|"(?!""))*""")'
    r'|(?P<string>"(?:\\.|[^"\\\n])*")'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[_A-Za-z]\w*)"
    r"|(?P<mark>\.\.\.|[!$&()\[\]{}:=@|])"
)
CONSTANTS: Final = {"true": True, "false": False, "null": None}


class SyntaxFault(ValueError):
    """A document that is not GraphQL."""


@dataclass(frozen=True)
class Variable:
    name: str


@dataclass(frozen=True)
class Directive:
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Selected:
    """A field as asked for; `alias` is the name it answers under."""

    name: str
    alias: str
    arguments: dict[str, Any] = field(default_factory=dict)
    directives: tuple[Directive, ...] = ()
    selections: tuple["Selection", ...] = ()


@dataclass(frozen=True)
class Spread:
    """A named fragment (`name`), or one written in place for `on`."""

    name: str = ""
    on: str = ""
    directives: tuple[Directive, ...] = ()
    selections: tuple["Selection", ...] = ()


Selection = Selected | Spread


@dataclass(frozen=True)
class Operation:
    """`variables` are name, type as written, default (or the marker REQUIRED)."""

    kind: str
    name: str
    variables: tuple[tuple[str, str, Any], ...]
    selections: tuple[Selection, ...]


@dataclass(frozen=True)
class Document:
    operations: tuple[Operation, ...]
    fragments: dict[str, Spread]


REQUIRED: Final = object()


def parse(text: str) -> Document:
    """Raises: SyntaxFault."""
    return _Parser(text).document()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def document(self) -> Document:
        operations, fragments = [], {}
        while self._kind() != "end":
            if self._peek() == "fragment":
                fragment = self._fragment()
                fragments[fragment.name] = fragment
            else:
                operations.append(self._operation())
        if not operations:
            raise SyntaxFault("A document must contain an operation")
        return Document(tuple(operations), fragments)

    def _operation(self) -> Operation:
        if self._peek() == "{":
            return Operation("query", "", (), self._selections())
        kind = self._name()
        if kind not in ("query", "mutation"):
            raise SyntaxFault(f"Parse error on {kind!r}")
        name = self._name() if self._kind() == "name" else ""
        variables = self._many("(", ")", self._variable) if self._peek() == "(" else []
        self._directives()
        return Operation(kind, name, tuple(variables), self._selections())

    def _variable(self) -> tuple[str, str, Any]:
        self._expect("$")
        name = self._name()
        self._expect(":")
        type_name = self._type()
        if self._peek() == "=":
            self._next()
            return name, type_name, self._value()
        return name, type_name, REQUIRED if type_name.endswith("!") else None

    def _type(self) -> str:
        if self._peek() == "[":
            self._next()
            inner = f"[{self._type()}]"
            self._expect("]")
        else:
            inner = self._name()
        if self._peek() == "!":
            self._next()
            inner += "!"
        return inner

    def _fragment(self) -> Spread:
        self._next()
        name = self._name()
        self._expect("on")
        return Spread(name, self._name(), self._directives(), self._selections())

    def _selections(self) -> tuple[Selection, ...]:
        return tuple(self._many("{", "}", self._selection))

    def _selection(self) -> Selection:
        if self._peek() == "...":
            return self._spread()
        name = alias = self._name()
        if self._peek() == ":":
            self._next()
            name = self._name()
        arguments = self._arguments()
        directives = self._directives()
        selections = self._selections() if self._peek() == "{" else ()
        return Selected(name, alias, arguments, directives, selections)

    def _spread(self) -> Spread:
        self._next()
        if self._kind() == "name" and self._peek() != "on":
            return Spread(name=self._name(), directives=self._directives())
        on = ""
        if self._peek() == "on":
            self._next()
            on = self._name()
        return Spread(on=on, directives=self._directives(), selections=self._selections())

    def _arguments(self) -> dict[str, Any]:
        return dict(self._many("(", ")", self._argument)) if self._peek() == "(" else {}

    def _argument(self) -> tuple[str, Any]:
        name = self._name()
        self._expect(":")
        return name, self._value()

    def _directives(self) -> tuple[Directive, ...]:
        found = []
        while self._peek() == "@":
            self._next()
            found.append(Directive(self._name(), self._arguments()))
        return tuple(found)

    def _value(self) -> Any:
        kind, text = self._kind(), self._peek()
        if text == "$":
            self._next()
            return Variable(self._name())
        if text == "[":
            return self._many("[", "]", self._value, least=0)
        if text == "{":
            return dict(self._many("{", "}", self._argument, least=0))
        self._next()
        return _scalar(kind, text)

    # -- tokens ---------------------------------------------------------------------------------
    def _many(self, first: str, last: str, read: Callable[[], Any], *, least: int = 1) -> list[Any]:
        self._expect(first)
        found = []
        while self._peek() != last:
            found.append(read())
        self._next()
        if len(found) < least:
            raise SyntaxFault(f"Parse error on {last!r}")
        return found

    def _kind(self) -> str:
        return self._tokens[self._at][0]

    def _peek(self) -> str:
        return self._tokens[self._at][1]

    def _next(self) -> str:
        kind, text = self._tokens[self._at]
        if kind == "end":
            raise SyntaxFault("Unexpected end of document")
        self._at += 1
        return text

    def _name(self) -> str:
        if self._kind() != "name":
            raise SyntaxFault(f"Parse error on {self._peek()!r}")
        return self._next()

    def _expect(self, text: str) -> None:
        if self._peek() != text or self._kind() in ("string", "block"):
            raise SyntaxFault(f"Parse error on {self._peek()!r}, expected {text!r}")
        self._next()


def _tokens(text: str) -> list[tuple[str, str]]:
    found = []
    place = 0
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise SyntaxFault(f"Parse error on {text[place]!r}")
        place = match.end()
        if match.lastgroup and match.lastgroup != "skip":
            found.append((match.lastgroup, match.group()))
    return [*found, ("end", "")]


def _scalar(kind: str, text: str) -> Any:
    """Enum values read as their names."""
    match kind:
        case "string":
            return json.loads(text)
        case "block":
            return text[3:-3].strip()
        case "number":
            return float(text) if re.search("[.eE]", text) else int(text)
        case "name":
            return CONSTANTS.get(text, text)
        case _:
            raise SyntaxFault(f"Parse error on {text!r}")
