"""A mail is whole in text and in HTML, in every language, and nobody's words become markup."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from jinja2 import UndefinedError

from domain.brand import Brand, Colors
from domain.languages import LANGUAGES
from wording.catalogue import words
from wording.kinds import KINDS, OPTIONAL
from wording.mail import Letter, write
from wording.samples import sample

PAGE = "https://shop.example/o/shop-1001~proof"
SHOP = Brand("Cauce")
FULL = Brand(
    "Cauce & Co", logo_url="https://cdn.example/logo.png?a=1&b=2", logo_alt='The "river"',
    support="help@cauce.example", legal_lines=("Cauce Café, S.L.", "NIF <ESB12345674>"),
    language="es",
)  # fmt: skip
EVERY = [(kind, locale) for kind in KINDS for locale in LANGUAGES]


def letter(kind: str, locale: str = "en", brand: Brand = SHOP, **changed: Any) -> Letter:
    facts = {**sample(kind), **changed}
    given = {name: value for name, value in facts.items() if value is not None}
    return write(kind, given, brand, locale, PAGE)


class Reader(HTMLParser):
    """Reads what is shown, where links lead, and whether every element is closed."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.shown: list[str] = []
        self.outside: list[str] = []
        self.language = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.outside += [
            str(found[name]) for name in ("href", "src", "background") if name in found
        ]
        self.language = found.get("lang") or self.language
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.shown.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.shown).split())


def words_of(text: str) -> set[str]:
    return {word.strip(":") for word in text.split()} - {"", "--", "·"}


@pytest.mark.parametrize(("kind", "locale"), EVERY)
def test_text_and_html_say_the_same(kind: str, locale: str) -> None:
    made, common = letter(kind, locale, FULL), words(locale, "mail")["common"]
    html = Reader(made.html)
    links = {PAGE} | {value for value in sample(kind).values() if str(value).startswith("https:")}
    assert html.language == locale
    assert links <= words_of(made.text) & {*html.outside}
    # In HTML a link has words of its own instead of its address; the title is the subject.
    named = words_of(common["open_voucher"] + " " + common["open_label"])
    assert words_of(made.text) - links <= words_of(html.text)
    assert words_of(html.text) - words_of(made.subject) - named <= words_of(made.text)


@pytest.mark.parametrize(("kind", "locale"), EVERY)
def test_every_mail_names_order_customer_and_brand_and_loads_nothing_but_the_logo(
    kind: str, locale: str
) -> None:
    made = letter(kind, locale, FULL, order="N-77", name="Zoë")
    html = Reader(made.html)
    assert "N-77" in made.subject
    for text in (made.text, html.text):
        for said in ("Zoë", "Cauce & Co", "help@cauce.example", "NIF <ESB12345674>"):
            assert said in text
        assert not re.search(r"[{}]|None|Undefined", text)
    pictures = re.findall(r'<img[^>]*src="([^"]*)"|url\(|@import|<link|<script', made.html)
    assert pictures == ["https://cdn.example/logo.png?a=1&amp;b=2"]
    assert 'alt="The &#34;river&#34;"' in made.html
    assert max(map(len, made.text.splitlines())) <= 80


@pytest.mark.parametrize(("kind", "locale"), EVERY)
def test_without_what_may_lack_a_mail_is_still_whole(kind: str, locale: str) -> None:
    bare = letter(kind, locale, **dict.fromkeys(KINDS[kind].may_lack))
    full = letter(kind, locale)
    assert len(bare.text) <= len(full.text)
    assert not re.search(r"[{}]|None|: *$|\s[.,]|\(\)", bare.text.replace("\n-- \n", "\n"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_fact_that_has_to_be_there_is_missed(kind: str) -> None:
    for fact in KINDS[kind].facts - KINDS[kind].may_lack - {*KINDS[kind].rows.values()}:
        lacking = {fact: None, "outcome": None} if fact == "reason" else {fact: None}
        with pytest.raises(UndefinedError, match=fact):
            letter(kind, **lacking)


def test_nobodys_words_become_markup_or_are_escaped_twice() -> None:
    evil = '<b>"x"</b> & {{ 7 * 7 }} {% raw %} $order'
    made = letter("return_refused", reason=evil, name=evil, brand=Brand(evil, support=evil))
    assert evil in made.text
    assert evil in Reader(made.html).text
    assert "<b>" not in made.html
    assert "&lt;b&gt;" in made.html
    assert "&amp;lt;" not in made.html


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "see the desk"])
def test_what_a_vendor_calls_an_address_is_a_link_only_when_it_is_one(address: str) -> None:
    html = Reader(letter("slip_issued", voucher=address).html)
    assert address not in html.outside
    assert address in html.text


def test_only_what_is_optional_says_how_to_stop_it() -> None:
    stop = "stop notes about the day of delivery"
    for kind in KINDS:
        made = letter(kind)
        assert (stop in " ".join(made.text.split())) == (kind in OPTIONAL)
        assert (stop in made.html) == (kind in OPTIONAL)


def test_without_a_page_nothing_leads_there() -> None:
    made = write("delivered", sample("delivered"), SHOP, "en")
    assert "stop" not in made.text + made.html
    assert "Your order:" not in made.text
    assert "href" not in made.html


@pytest.mark.parametrize(
    ("locale", "language", "subject"),
    [
        ("es-MX", "pt", "Su pedido 1001 está en camino"),
        ("fr-FR", "pt", "O seu pedido 1001 está a caminho"),
        ("und", "es", "Su pedido 1001 está en camino"),
        ("fr", "en", "Your order 1001 is on its way"),
    ],
)
def test_the_order_s_language_comes_first_then_the_channel_s(
    locale: str, language: Any, subject: str
) -> None:
    assert letter("shipped", locale, Brand("Shop", language=language)).subject == subject


def test_days_money_and_places_are_the_reader_s() -> None:
    made = letter("pickup_ready", "pt-BR").text
    assert "até terça-feira, 1 de\ndezembro de 2026." in made
    assert "Onde:\n  Corner Store\n  Calle del Río 12\n  41001 Sevilla\n  Espanha\n" in made
    assert (
        "R$\N{NO-BREAK SPACE}1.249,90" in letter("pickup_confirmed", "pt", total="1249.90 BRL").text
    )
    assert "BHD\N{NO-BREAK SPACE}1.500" in letter("refund_issued", amount="1.500 BHD").subject
    assert "¥1,500" in letter("refund_issued", amount="1500 JPY").subject


def test_a_refusal_is_told_in_the_reader_s_words() -> None:
    assert "están\nagotados." in letter("order_refused", "es").text
    old = letter("order_refused", "es", outcome=None, reason="the goods are sold out")
    assert "the goods are sold out" in old.text, "as an earlier version posted it"


def test_a_return_comes_with_a_label_or_a_code() -> None:
    label = letter("return_approved")
    code = letter("return_approved", label=None, code="DROP-1")
    assert "print the label" in label.text
    assert "drop-off" not in label.text.lower()
    assert "Drop-off code: DROP-1\n" in code.text
    assert "label" not in code.text


@pytest.mark.parametrize("carrier", ["", "USPS"])
def test_a_carrier_without_a_name_leaves_no_hole(carrier: str) -> None:
    for kind in ("shipped", "out_for_delivery"):
        for locale in LANGUAGES:
            text = letter(kind, locale, carrier=carrier).text
            assert ("USPS" in text) == bool(carrier)
            assert "  " not in text.split("\n\n")[1]


def test_a_dark_brand_stays_as_it_was_chosen() -> None:
    dark = Brand("Night", colors=Colors("#f2c14e", "#2b1d0e", "#101820", "#f2f2f2"))
    made = letter("shipped", brand=dark).html
    assert "prefers-color-scheme: dark" not in made
    assert "#101820" in made
    assert "prefers-color-scheme: dark" in letter("shipped").html
