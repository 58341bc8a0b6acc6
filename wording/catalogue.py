"""Everything a customer reads, in each language: one folder a language, one file a purpose."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Purpose = Literal["mail", "page", "paper"]


@cache
def words(language: str, purpose: Purpose) -> Mapping[str, Any]:
    """`language` is one of ours: see `domain.languages`."""
    file = files("wording").joinpath("catalogue", language, f"{purpose}.toml")
    return tomllib.loads(file.read_text("utf-8"))
