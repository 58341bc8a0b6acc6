"""Writes every kind of mail into files, so that it can be looked at before a customer gets it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from domain.brand import Brand, Colors
from domain.languages import LANGUAGES
from wording.kinds import KINDS
from wording.mail import Letter, write
from wording.samples import sample
from workers.errors import UserError
from workers.setup_file import read_file

_PAGE: Final = "https://shop.example/o/shop-1001~signature"


def preview(
    folder: Path, kinds: Sequence[str], locales: Sequence[str], brand: Brand
) -> Iterator[Path]:
    """Write an HTML and a text file for each kind and locale; none given is all of them.

    Raises: UserError for a kind that there is not.
    """
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise UserError(f"no mail is called {unknown[0]!r}; there are: {', '.join(KINDS)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}") from None
    for kind in kinds or KINDS:
        for locale in locales or LANGUAGES:
            letter = write(kind, sample(kind), brand, locale, _PAGE)
            yield from _keep(folder, f"{kind}.{_plain(locale)}", letter)


def brand_in(file: Path | None, channel: str | None) -> Brand:
    """The brand of a channel in a set-up file, or its only one; without a file, none.

    Raises: UserError
    """
    if file is None:
        return Brand("Shop")
    setup = read_file(file)
    found = [each for each in setup.brands if channel in (None, each.channel)]
    if len(found) != 1:
        raise UserError(f"{file} has {len(found)} brands to choose from; --channel chooses one")
    given = found[0].model_dump()
    names = {each.channel: each.name for each in setup.channels}
    channel, colors = given.pop("channel"), Colors(**given.pop("colors"))
    legal_lines = tuple(given.pop("legal_lines"))
    name = given.pop("name") or names.get(channel, channel)
    return Brand(name=name, colors=colors, legal_lines=legal_lines, **given)


def _plain(locale: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in locale)


def _keep(folder: Path, name: str, letter: Letter) -> Iterator[Path]:
    text = f"Subject: {letter.subject}\n\n{letter.text}"
    for ending, content in (("html", letter.html), ("txt", text)):
        path = folder / f"{name}.{ending}"
        path.write_text(content, "utf-8")
        yield path
