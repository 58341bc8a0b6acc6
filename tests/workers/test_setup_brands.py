"""A brand that could not be read, sent or fetched is refused before any customer sees it."""

from typing import Any

import pytest

from workers.errors import UserError
from workers.setup_file import read_setup

BRAND = {
    "channel": "shop", "name": "Panadería São João", "sender_name": "Pedidos", "language": "es",
    "sender": "pedidos@panaderia.example", "support": "ayuda@panaderia.example",
    "logo_url": "https://cdn.example/logo.png?v=2", "logo_alt": "Panadería",
    "legal_lines": ["Panadería, S.L.", "NIF-IVA ESB12345674"],
    "colors": {"accent": "#F2C14E", "on_accent": "#2b1d0e"},
}  # fmt: skip


def test_a_brand_is_read_and_its_colours_are_written_alike() -> None:
    (brand,) = read_setup({"brands": [BRAND]}).brands
    assert brand.colors.accent == "#f2c14e"
    assert brand.colors.ink == "#1f2933"
    assert brand.legal_lines == ["Panadería, S.L.", "NIF-IVA ESB12345674"]


def test_a_channel_alone_is_a_brand() -> None:
    (brand,) = read_setup({"brands": [{"channel": "shop"}]}).brands
    assert (brand.name, brand.language, brand.legal_lines) == (None, "en", [])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"colors": {"accent": "red"}}, "brands[0].colors.accent: a colour is written #rrggbb"),
        ({"colors": {"ink": "#fff"}}, "brands[0].colors.ink: a colour is written #rrggbb"),
        ({"colors": {"ink": "#1f2933;x:y"}}, "brands[0].colors.ink: a colour is"),
        ({"colors": {"ink": "#\uff11f2933"}}, "brands[0].colors.ink: a colour is"),
        (
            {"colors": {"ink": "#cccccc"}},
            "brands[0].colors: ink on surface is 1.6:1; 4.5:1 is the least to be read",
        ),
        ({"colors": {"accent": "#ffff00"}}, "brands[0].colors: on_accent on accent is 1.1:1"),
        ({"colors": {"link": "#000000"}}, "brands[0].colors.link: Extra inputs"),
        (
            {"logo_url": "http://cdn.example/logo.png"},
            "brands[0].logo_url: the address of a picture is needed: https://host/path",
        ),
        ({"logo_url": "javascript:alert(1)"}, "brands[0].logo_url: the address"),
        ({"logo_url": "https:///logo.png"}, "brands[0].logo_url: the address"),
        ({"logo_url": "https://user:secret@cdn.example/l.png"}, "brands[0].logo_url: the address"),
        ({"logo_url": "https://[::1/l.png"}, "brands[0].logo_url: the address"),
        ({"logo_url": "https://cdn.example:99999/l.png"}, "brands[0].logo_url: the address"),
        ({"logo_url": "https://cdn.example/a b.png"}, "brands[0].logo_url: the address"),
        ({"logo_url": "https://cdn.example/" + "x" * 500}, "brands[0].logo_url: String should"),
        ({"sender": "nobody"}, "brands[0].sender: the e-mail address of one recipient"),
        ({"sender": "a..b@x.example"}, "brands[0].sender: the plain e-mail address"),
        ({"sender": "olá@panaderia.example"}, "brands[0].sender: the plain e-mail address"),
        ({"support": "a@x.example,b@x.example"}, "brands[0].support: the e-mail address of one"),
        ({"sender_name": "Shop\r\nBcc: all@x.example"}, "brands[0].sender_name: a single line"),
        ({"name": "Shop\u2028x"}, "brands[0].name: a single line"),
        ({"name": "  "}, "brands[0].name: String should have at least 1"),
        ({"legal_lines": ["a\nb"]}, "brands[0].legal_lines[0]: a single line"),
        ({"legal_lines": ["x"] * 11}, "brands[0].legal_lines: List should have at most 10"),
        ({"language": "de"}, "brands[0].language: must be 'en', 'es' or 'pt'"),
        ({"channel": "The Shop"}, "brands[0].channel: String should match"),
    ],
)
def test_a_fault_is_named_with_its_place(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(UserError) as refused:
        read_setup({"brands": [{**BRAND, **change}]})
    assert str(refused.value).startswith(fault)


def test_two_brands_of_one_channel_are_refused() -> None:
    with pytest.raises(UserError, match=r"brands\[1\]: the same as brands\[0\]"):
        read_setup({"brands": [BRAND, {"channel": "shop"}]})
