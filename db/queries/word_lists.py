"""A text as lists of orders: those of each of its words, as tables that a statement reads from."""

from collections.abc import Sequence
from typing import Any, Final

from db.queries.finding import Term

_BY_ID: Final = """
    SELECT placed_at, order_id FROM orders WHERE order_id = ANY(CAST(:{ids} AS text[]))
"""
_OF_WORD: Final = "SELECT placed_at, order_id FROM word_orders WHERE word = :{word}"
OF_ANY: Final = """
    SELECT DISTINCT placed_at, order_id FROM word_orders
    WHERE word = ANY(CAST(:{words} AS text[]))
"""
# Asked behind the other conditions, thus of two tables; and one by one.
_HAS: Final = """
    EXISTS (SELECT FROM order_search t, unnest(t.words) AS w(word)
        WHERE t.order_id = {first}.order_id AND t.placed_at = {last}.placed_at
            AND w.word = ANY(CAST(:{words} AS text[])) OFFSET 0)
"""


def of(term: Term, number: int, values: dict[str, Any], of_any: str) -> str:
    """The orders that have an id or a word of the term; which these are is added to the values."""
    parts = []
    if term.orders:
        values[f"ids_{number}"] = list(term.orders)
        parts.append(_BY_ID.format(ids=f"ids_{number}"))
    if len(term.words) == 1:
        values[f"word_{number}"] = term.words[0]
        parts.append(_OF_WORD.format(word=f"word_{number}"))
    elif term.words:
        values[f"words_{number}"] = list(term.words)
        parts.append(of_any.format(words=f"words_{number}"))
    return " UNION ".join(parts)


def newest(dates: Sequence[str], direction: str) -> str:
    """Of each of many words no more orders than fill the page, however many there are."""
    begun = " AND ".join(["l.word = w.word", *(date.format(of="l") for date in dates)])
    return f"""
        SELECT DISTINCT l.placed_at, l.order_id
        FROM unnest(CAST(:{{words}} AS text[])) AS w(word) CROSS JOIN LATERAL (
          SELECT l.placed_at, l.order_id FROM word_orders l WHERE {begun}
          ORDER BY l.placed_at{direction}, l.order_id{direction} LIMIT :limit) AS l
    """  # noqa: S608 - fragments of this file


def has(term: Term, number: int, values: dict[str, Any], tables: Sequence[str]) -> str:
    """A condition in the place of a list."""
    values[f"words_{number}"] = list(term.words)
    return _HAS.format(first=tables[0], last=tables[-1], words=f"words_{number}")
