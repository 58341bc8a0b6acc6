"""Every mail can be looked at before a customer gets it, under the brand of an import file."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.languages import LANGUAGES
from wording.kinds import KINDS
from workers import cli
from workers.errors import UserError
from workers.mail_preview import brand_in

CHANNELS = [
    {"channel": name, "name": name.title(), "kind": "api", "pool": "main", "currencies": ["EUR"]}
    for name in ("shop", "mall")
]


@pytest.fixture
def setup_file(tmp_path: Path) -> Path:
    brands = [
        {"channel": "shop", "language": "pt", "legal_lines": ["NIF 1"],
         "colors": {"accent": "#800020"}},
        {"channel": "mall", "name": "The Mall", "support": "help@mall.example"},
    ]  # fmt: skip
    file = tmp_path / "setup.json"
    file.write_text(json.dumps({"channels": CHANNELS, "brands": brands}))
    return file


def run(*arguments: str) -> str:
    done = CliRunner().invoke(cli.build(), ["mail", "preview", *arguments])
    if isinstance(done.exception, UserError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_every_kind_is_written_in_every_language(tmp_path: Path) -> None:
    run("--out", str(tmp_path / "new" / "mails"))
    names = {file.name for file in (tmp_path / "new" / "mails").iterdir()}
    assert names == {
        f"{kind}.{language}.{ending}"
        for kind in KINDS
        for language in LANGUAGES
        for ending in ("html", "txt")
    }


def test_one_kind_in_one_locale_under_a_brand(tmp_path: Path, setup_file: Path) -> None:
    said = run(
        "--kind", "shipped", "--language", "es-MX", "--language", "fr", "--setup", str(setup_file),
        "--channel", "shop", "--out", str(tmp_path),
    )  # fmt: skip
    assert len(said.splitlines()) == 4
    spanish = (tmp_path / "shipped.es-MX.html").read_text("utf-8")
    assert "Su pedido 1001 está en camino" in spanish
    assert "#800020" in spanish
    assert "NIF 1" in spanish
    french = (tmp_path / "shipped.fr.txt").read_text("utf-8")
    assert french.startswith("Subject: O seu pedido 1001 está a caminho\n\nOlá, ")


def test_a_locale_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    run("--kind", "shipped", "--language", "../../en", "--out", str(tmp_path / "mails"))
    assert len([*(tmp_path / "mails").iterdir()]) == 2


def test_what_there_is_not_is_one_line(tmp_path: Path, setup_file: Path) -> None:
    with pytest.raises(UserError, match="no mail is called 'shiped'; there are: order_confirmed"):
        run("--kind", "shiped", "--out", str(tmp_path))
    with pytest.raises(UserError, match="has 2 brands to choose from; --channel chooses one"):
        brand_in(setup_file, None)
    with pytest.raises(UserError, match="has 0 brands"):
        brand_in(setup_file, "bazaar")
    with pytest.raises(UserError, match="File exists"):
        run("--kind", "shipped", "--out", str(setup_file))


def test_a_brand_without_a_name_goes_by_its_channel_s(setup_file: Path) -> None:
    assert brand_in(setup_file, "shop").name == "Shop"
    assert brand_in(setup_file, "mall").name == "The Mall"
    assert brand_in(None, None).name == "Shop"
