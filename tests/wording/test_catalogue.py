"""No text is missing in a language, left over, or says less there than in the others."""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, get_args

import pytest
from jinja2 import nodes

from activities.closing import REFUSALS
from domain.axes import FulfillmentAxis
from domain.languages import LANGUAGES
from wording.catalogue import Purpose, words
from wording.environments import PLAIN
from wording.kinds import COMMON, KINDS, OPTIONAL

OTHERS = [language for language in LANGUAGES if language != "en"]
NOT_KINDS = {"common", "labels", "refusals"}


def texts(said: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a catalogue with its place."""
    if isinstance(said, Mapping):
        for name, inner in said.items():
            yield from texts(inner, f"{place}.{name}")
    elif isinstance(said, list):
        for number, inner in enumerate(said):
            yield from texts(inner, f"{place}[{number}]")
    else:
        assert isinstance(said, str), place
        yield place, said


def speaks_of(text: str) -> list[str]:
    """The facts of a text, as often as it names them."""
    return sorted(name.name for name in PLAIN.parse(text).find_all(nodes.Name))


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_each_text_is_there_in_each_language_and_speaks_of_the_same(
    language: str, purpose: Purpose
) -> None:
    english = {place: speaks_of(text) for place, text in texts(words("en", purpose))}
    found = {place: speaks_of(text) for place, text in texts(words(language, purpose))}
    assert found == english


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_no_text_is_empty_or_only_english(language: str, purpose: Purpose) -> None:
    said = dict(texts(words(language, purpose)))
    assert [place for place, text in said.items() if not text.strip() or text != text.strip()] == []
    if language != "en":
        english = dict(texts(words("en", purpose)))
        same = {place for place, text in said.items() if text == english[place]}
        assert len(same) < len(said) / 5, same
        assert not {place for place in same if len(said[place].split()) > 2}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_mail_is_written_and_none_is_left_over(language: str) -> None:
    said = words(language, "mail")
    assert said.keys() - NOT_KINDS == KINDS.keys()
    assert said["labels"].keys() == {label for kind in KINDS.values() for label in kind.rows}
    assert said["refusals"].keys() == REFUSALS
    assert KINDS.keys() >= OPTIONAL


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_speaks_of_its_facts_only_and_of_all_of_them(language: str, kind: str) -> None:
    said = words(language, "mail")[kind]
    subject, inside = (
        {name for _, text in texts(said[part]) for name in speaks_of(text)}
        for part in ("subject", "text")
    )
    # A subject is written always, so it speaks of nothing that may be lacking.
    assert subject <= COMMON | KINDS[kind].needs
    assert "order" in subject
    shown = inside | subject | {*KINDS[kind].rows.values()}
    assert shown - COMMON == KINDS[kind].needs | KINDS[kind].may_lack


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_a_word_for_every_stage(language: str) -> None:
    stages = words(language, "page")["stages"]
    assert stages.keys() == {*map(str, FulfillmentAxis)} | {"ready"}


def test_every_word_that_all_mails_share_is_used_and_there() -> None:
    templates = "".join(
        files("wording").joinpath("templates", name).read_text("utf-8")
        for name in ("mail.html", "mail.txt")
    )
    used = set(re.findall(r"words\.(\w+)", templates)) | {"greeting"}
    links = {f"open_{fact}" for fact in ("voucher", "label")}
    assert words("en", "mail")["common"].keys() == used | links


def test_no_template_is_left_over() -> None:
    names = {file.name for file in files("wording").joinpath("templates").iterdir()}
    assert names == {"mail.html", "mail.txt", "order_page.html"}
    folders = {folder.name for folder in files("wording").joinpath("catalogue").iterdir()}
    assert folders == {*LANGUAGES}
