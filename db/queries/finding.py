"""What a typed text may mean: orders by their ids, or words of their customers, cities and SKUs.

Each typed word is taken as it is if anything is called so; else as the beginning of longer words;
else as a misspelling of others. So a page never depends on what the other filters leave of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

MOST_WORDS: Final = 12
# Fewer letters begin so many words that the whole word is meant, or nothing yet.
SHORTEST_BEGINNING: Final = 3
# Of words that begin alike, the shortest: the list of each is begun.
MOST_LONGER: Final = 100
MOST_SIMILAR: Final = 50
_LAST_CHARACTER: Final = chr(0x10FFFF)

# Settings of this transaction: each search is planned for its own words, because a plan for any
# words reads all orders for a rare one; and compiling a plan takes longer than running it.
_AS_GIVEN: Final = """
    set_config('plan_cache_mode', 'force_custom_plan', true) AS planned,
    set_config('jit', 'off', true) AS compiled
"""
SETTLE: Final = sa.text(f"SELECT {_AS_GIVEN}")
# Lists are read in step, each in its order, and no further than the page: a plan expects next to
# nothing of two that are met by date and order, and would gather the whole of them for it.
IN_STEP: Final = sa.text("""
    SELECT set_config(name, 'off', true)
    FROM unnest(ARRAY['enable_hashjoin', 'enable_bitmapscan', 'enable_seqscan']) AS name
    UNION ALL SELECT set_config('max_parallel_workers_per_gather', '0', true)
""")
_LOOK_UP: Final = sa.text(f"""
    WITH typed AS MATERIALIZED (
      SELECT n, raw, search_fold(raw) AS whole
      FROM unnest(CAST(:typed AS text[])) WITH ORDINALITY AS t(raw, n)
    ), asked AS MATERIALIZED (
      SELECT n, 0 AS part, left(whole, 320) AS word FROM typed
      UNION ALL
      SELECT n, part, word FROM typed, unnest(search_words_of(raw)) WITH ORDINALITY AS w(word, part)
    )
    SELECT a.n, a.part, a.word, {_AS_GIVEN},
      CASE WHEN a.part = 0 THEN ARRAY(
        SELECT order_id FROM orders WHERE order_id = t.raw OR order_id = lower(t.raw)
        UNION SELECT order_id FROM orders
        WHERE channel = ANY(ARRAY(SELECT channel FROM channels)) AND external_id = t.raw
        UNION SELECT coalesce(f.order_id, r.order_id)
        FROM labels l LEFT JOIN fulfillments f USING (fulfillment_id)
          LEFT JOIN returns r ON r.rma = l.rma
        WHERE upper(l.tracking_number) = upper(t.raw)) END AS orders,
      CASE strpos(a.word, '@')
        WHEN 0 THEN EXISTS (SELECT FROM search_words k WHERE k.word = a.word COLLATE "C")
        WHEN 1 THEN false
        ELSE EXISTS (SELECT FROM orders WHERE lower(customer_email) = lower(t.raw)) END AS is_known,
      ARRAY(
        SELECT k.word FROM search_words k
        WHERE length(a.word) >= :shortest AND k.word > a.word COLLATE "C"
          AND k.word < (a.word || :last) COLLATE "C"
        ORDER BY length(k.word), k.word LIMIT :most) AS longer,
      CASE WHEN strpos(a.word, '@') > 1 THEN ARRAY(
        SELECT DISTINCT left(search_fold(e.email), 320) FROM (
          SELECT lower(customer_email) AS email FROM orders
          WHERE lower(customer_email) ~>~ lower(t.raw)
            AND lower(customer_email) ~<~ (lower(t.raw) || :last)
          LIMIT :most) AS e) END AS addresses
    FROM asked a JOIN typed t USING (n)
    ORDER BY a.n, a.part
""")  # noqa: S608 - a fragment of this file
_ARE_MANY: Final = sa.text("""
    SELECT count(*) > :most FROM (
      SELECT FROM word_orders WHERE word = ANY(CAST(:words AS text[])) LIMIT :most + 1) AS enough
""")
_SIMILAR: Final = sa.text("""
    SELECT w.word, ARRAY(
      SELECT k.word FROM search_words k WHERE k.forms && search_forms(w.word)
      ORDER BY abs(length(k.word) - length(w.word)), k.word LIMIT :most) AS words
    FROM unnest(CAST(:words AS text[])) AS w(word)
""")


class Match(StrEnum):
    """How a text was taken, loosest word first."""

    NOTHING = "nothing"  # of one of its words nothing is known
    SIMILAR = "similar"
    BEGINNING = "beginning"
    WHOLE = "whole"


@dataclass(frozen=True)
class Term:
    """One typed word: the order has one of these ids, or one of these words."""

    orders: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    match: Match = Match.WHOLE


@dataclass(frozen=True)
class Search:
    terms: tuple[Term, ...]
    match: Match

    @property
    def finds_nothing(self) -> bool:
        return self.match is Match.NOTHING


NOTHING: Final = Search((), Match.NOTHING)


async def look_up(connection: AsyncConnection, typed: str) -> Search:
    """At most two statements; those that follow in this transaction are planned as they are."""
    words = _split(typed)
    if not words:
        return NOTHING
    found = await connection.execute(
        _LOOK_UP,
        {
            "typed": words,
            "shortest": SHORTEST_BEGINNING,
            "last": _LAST_CHARACTER,
            "most": MOST_LONGER,
        },
    )
    by_word: dict[int, list[Any]] = {}
    for each in found:
        by_word.setdefault(each.n, []).append(each)
    *single, joined = by_word.values() if len(words) > 1 else (*by_word.values(), [])
    # A number that is written in groups: 9400 1000 0000.
    if joined and joined[0].orders:
        return Search((Term(orders=tuple(joined[0].orders)),), Match.WHOLE)
    return await _similar(
        connection, [forms for forms in single if len(forms) > 1 or _is_id(forms)]
    )


async def are_many(connection: AsyncConnection, words: Sequence[str], most: int) -> bool:
    """Whether more orders than so many have one of the words."""
    found = await connection.execute(_ARE_MANY, {"words": list(words), "most": most})
    return bool(found.scalar_one())


def _split(typed: str) -> list[str]:
    """The typed words, and behind several all of them as one."""
    words = [word.removeprefix("#") or word for word in typed.split()]
    return [*words, "".join(words)] if len(words) > 1 else words


def _is_id(forms: Sequence[Any]) -> bool:
    """Punctuation alone says nothing, unless something is called so."""
    return bool(forms[0].orders or forms[0].is_known)


async def _similar(connection: AsyncConnection, typed: Sequence[Sequence[Any]]) -> Search:
    """Take what is unknown for a misspelling; of the text, all words must be found."""
    terms = [_term(forms) for forms in typed]
    unknown = {
        part.word: None
        for forms, term in zip(typed, terms, strict=True)
        if term is None
        for part in forms[1:]
        if not _part(part)
    }
    similar: dict[str, tuple[str, ...]] = {}
    if unknown:
        values = {"words": list(unknown), "most": MOST_SIMILAR}
        found = await connection.execute(_SIMILAR, values)
        similar = {each.word: tuple(each.words) for each in found}
    taken: list[Term] = []
    for forms, term in zip(typed, terms, strict=True):
        taken += [term] if term else [_part(part) or _guess(part, similar) for part in forms[1:]]
    return Search(tuple(taken), _loosest(term.match for term in taken)) if taken else NOTHING


def _term(forms: Sequence[Any]) -> Term | None:
    """The whole typed word, when anything is called so or begins so; else its parts tell."""
    whole = forms[0]
    if whole.orders or whole.is_known:
        return Term(tuple(whole.orders), (whole.word,) if whole.is_known else ())
    longer = (*whole.longer, *(whole.addresses or ()))
    return Term(words=longer, match=Match.BEGINNING) if longer else None


def _part(part: Any) -> Term | None:
    if part.is_known:
        return Term(words=(part.word,))
    return Term(words=tuple(part.longer), match=Match.BEGINNING) if part.longer else None


def _guess(part: Any, similar: dict[str, tuple[str, ...]]) -> Term:
    words = similar.get(part.word, ())
    return Term(words=words, match=Match.SIMILAR if words else Match.NOTHING)


def _loosest(matches: Iterable[Match]) -> Match:
    return min(matches, key=list(Match).index)
