"""Carries an operation out over nodes: selections, arguments, fragments, nothing the shop lacks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.shopify.language import (
    REQUIRED,
    Document,
    Operation,
    Selected,
    Selection,
    Spread,
    Variable,
)

Json = dict[str, Any]
LARGEST_PAGE: Final = 250


class QueryFault(ValueError):
    """A query this schema does not allow; `extensions` as Shopify labels it."""

    def __init__(self, message: str, code: str, **extensions: Any) -> None:
        super().__init__(message)
        self.extensions = {"code": code, **extensions}


@dataclass(frozen=True)
class Field:
    """A field that is computed, from the arguments it accepts."""

    read: Callable[[Mapping[str, Any]], Any]
    accepts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Node:
    """An object of the schema: its type, and each field it has."""

    type_name: str
    fields: Mapping[str, Any]


PAGING: Final = ("first", "last", "after", "before", "reverse")


def run(document: Document, name: str | None, given: Mapping[str, Any], roots: Json) -> Json:
    """The data of one operation. Raises: QueryFault."""
    operation = _chosen(document, name)
    variables = _variables(operation, given)
    root = Node("Mutation" if operation.kind == "mutation" else "QueryRoot", roots[operation.kind])
    return _Execution(document, variables).select(root, operation.selections)


def _chosen(document: Document, name: str | None) -> Operation:
    if name is None and len(document.operations) == 1:
        return document.operations[0]
    for operation in document.operations:
        if operation.name == name:
            return operation
    raise QueryFault(f"No operation named {name!r}", "missingOperation")


def _variables(operation: Operation, given: Mapping[str, Any]) -> Json:
    values = {}
    for name, type_name, default in operation.variables:
        value = given.get(name, default)
        if value is REQUIRED or (value is None and type_name.endswith("!")):
            raise QueryFault(
                f"Variable ${name} of type {type_name} was provided invalid value",
                "INVALID_VARIABLE",
                value=None,
                problems=[{"path": [], "explanation": "Expected value to not be null"}],
            )
        values[name] = value
    return values


class _Execution:
    def __init__(self, document: Document, variables: Json) -> None:
        self._fragments = document.fragments
        self._variables = variables

    def select(self, node: Node, selections: tuple[Selection, ...]) -> Json:
        data: Json = {}
        for selected in self._flat(node.type_name, selections):
            value = self._complete(self._read(node, selected), selected)
            known = data.get(selected.alias)
            if isinstance(known, dict) and isinstance(value, dict):
                value = {**known, **value}
            data[selected.alias] = value
        return data

    def _flat(self, type_name: str, selections: tuple[Selection, ...]) -> list[Selected]:
        """Fragments opened, skipped fields left out."""
        found: list[Selected] = []
        for selection in selections:
            if not self._wanted(selection):
                continue
            if isinstance(selection, Selected):
                found.append(selection)
                continue
            fragment = self._fragment(selection)
            if fragment.on in ("", type_name, "Node"):
                found += self._flat(type_name, fragment.selections)
        return found

    def _fragment(self, spread: Spread) -> Spread:
        if not spread.name:
            return spread
        if spread.name not in self._fragments:
            raise QueryFault(f"Fragment {spread.name} was used, but not defined", "useAndDefine")
        return self._fragments[spread.name]

    def _wanted(self, selection: Selection) -> bool:
        for directive in selection.directives:
            condition = bool(self._value(directive.arguments.get("if")))
            if condition == (directive.name == "skip"):
                return False
        return True

    def _read(self, node: Node, selected: Selected) -> Any:
        if selected.name == "__typename":
            return node.type_name
        if selected.name not in node.fields:
            raise QueryFault(
                f"Field '{selected.name}' doesn't exist on type '{node.type_name}'",
                "undefinedField",
                typeName=node.type_name,
                fieldName=selected.name,
            )
        source = node.fields[selected.name]
        accepts = source.accepts if isinstance(source, Field) else ()
        for argument in selected.arguments:
            if argument not in accepts:
                raise QueryFault(
                    f"Field '{selected.name}' doesn't accept argument '{argument}'",
                    "argumentNotAccepted",
                    name=selected.name,
                    typeName="Field",
                    argumentName=argument,
                )
        if not isinstance(source, Field):
            return source
        return source.read({name: self._value(v) for name, v in selected.arguments.items()})

    def _complete(self, value: Any, selected: Selected) -> Any:
        if isinstance(value, list):
            return [self._complete(item, selected) for item in value]
        if isinstance(value, Node):
            if not selected.selections:
                raise QueryFault(
                    f"Field must have selections (field '{selected.name}' returns"
                    f" {value.type_name} but has no selections. Did you mean"
                    f" '{selected.name} {{ ... }}'?)",
                    "selectionMismatch",
                    nodeName=f"field '{selected.name}'",
                    typeName=value.type_name,
                )
            return self.select(value, selected.selections)
        if selected.selections and value is not None:
            raise QueryFault(
                f"Selections can't be made on scalars (field '{selected.name}')",
                "selectionMismatch",
            )
        return value

    def _value(self, value: Any) -> Any:
        if isinstance(value, Variable):
            if value.name not in self._variables:
                raise QueryFault(f"Variable ${value.name} is used but not declared", "undeclared")
            return self._variables[value.name]
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, dict):
            return {name: self._value(item) for name, item in value.items()}
        return value


def page_size(arguments: Mapping[str, Any], type_name: str) -> int:
    """Raises: QueryFault."""
    first = arguments.get("first")
    if not isinstance(first, int) or isinstance(first, bool):
        raise QueryFault(
            f"you must provide one of first or last (this shop reads {type_name} forwards: first)",
            "BAD_REQUEST",
        )
    if not 0 <= first <= LARGEST_PAGE:
        raise QueryFault(f"first must be at most {LARGEST_PAGE}", "BAD_REQUEST")
    return first


def connection(type_name: str, nodes: list[Node], cursors: list[str], *, more: bool) -> Node:
    """A page of nodes, with its edges and where it ends."""
    info = {
        "hasNextPage": more,
        "hasPreviousPage": False,
        "startCursor": cursors[0] if cursors else None,
        "endCursor": cursors[-1] if cursors else None,
    }
    edges = [
        Node(f"{type_name}Edge", {"cursor": cursor, "node": node})
        for cursor, node in zip(cursors, nodes, strict=True)
    ]
    fields = {"nodes": nodes, "edges": edges, "pageInfo": Node("PageInfo", info)}
    return Node(f"{type_name}Connection", fields)


def listed(type_name: str, nodes: list[Node]) -> Field:
    """A whole list as a connection; cursors are its places."""

    def read(arguments: Mapping[str, Any]) -> Node:
        size = page_size(arguments, type_name)
        after = arguments.get("after")
        start = _place(after) + 1 if after else 0
        part = nodes[start : start + size]
        cursors = [f"c{place}" for place in range(start, start + len(part))]
        return connection(type_name, part, cursors, more=start + size < len(nodes))

    return Field(read, PAGING)


def _place(cursor: Any) -> int:
    try:
        return int(str(cursor).removeprefix("c"))
    except ValueError:
        raise QueryFault("Invalid cursor", "BAD_REQUEST") from None
