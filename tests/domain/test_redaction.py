"""What nobody may read is taken out of a text, and the rest stays readable."""

import time

import pytest

from domain.redaction import redact

# As the vendors' references and their live answers word it.
TRANSCRIPTS = {
    "stripe, a wrong key": (
        '{"error": {"message": "Invalid API Key provided: sk_test_4eC39HqLyjWDarjtT1zdp7dc"}}',
        "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    ),
    "stripe, a customer": (
        '{"id": "cus_NffrFeUfNV2Hib", "email": "jennyrosen@example.com", "name": "Jenny Rosen"}',
        "jennyrosen@example.com",
    ),
    "easypost, its key in a header": (
        "authorization: Basic RVpBSzEyMzQ1Njc4OTA6 content-type: application/json",
        "RVpBSzEyMzQ1Njc4OTA6",
    ),
    "easypost, an address": (
        '{"error": {"code": "ADDRESS.INVALID", "message": "bad email john.o+x@mail.example.com"}}',
        "john.o+x@mail.example.com",
    ),
    "shopify, a token": (
        '{"errors": "[API] Invalid access token shpat_a1b2c3d4e5f6 (unrecognized login)"}',
        "shpat_a1b2c3d4e5f6",
    ),
    "our own key": (f"Authorization: Bearer oms_{'a' * 12}_{'b' * 64}", "b" * 64),
    "an apostrophe and a machine's own domain": (
        "refused: <sean.o'casey&sons@localhost> is unknown",
        "casey&sons@localhost",
    ),
    "a database's address": (
        "cannot connect to postgresql+psycopg://oms:hunter2hunter2@db:5432/oms",
        "hunter2hunter2",
    ),
}


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_what_vendors_really_say_shows_no_secret_and_no_address(name: str) -> None:
    text, hidden = TRANSCRIPTS[name]
    shown = redact(text)
    assert hidden not in shown
    assert "[secret]" in shown or "[e-mail]" in shown
    first = text.split()[0]
    assert shown.startswith(first), "what is harmless stays"


def test_a_configured_secret_is_hidden_whatever_it_looks_like() -> None:
    assert redact("the word is open sesame.", ["open sesame"]) == "the word is [secret]."


def test_the_row_that_a_database_refuses_is_left_out() -> None:
    text = (
        '(psycopg.errors.CheckViolation) new row violates check constraint "odd"\n'
        "DETAIL:  Failing row contains (shop-1, Ada\n\nLovelace, 1 Main St).\n"
        "[SQL: INSERT INTO orders VALUES (%(name)s)]\n"
    )
    shown = redact(text)
    assert "Ada" not in shown
    assert "Lovelace" not in shown
    assert 'constraint "odd"' in shown
    assert "[SQL: INSERT INTO orders" in shown


def test_an_ordinary_line_is_left_as_it_is() -> None:
    line = "2026-01-02 INFO order shop-n1: 3 parcels at 10:00, DETAIL none"
    assert redact(line) == line


@pytest.mark.parametrize("text", ["a" * 100_000, "://" + "a:" * 50_000, "DETAIL: \n\n" * 10_000])
def test_a_long_line_takes_no_longer_than_its_length(text: str) -> None:
    began = time.monotonic()
    redact(text)
    assert time.monotonic() - began < 5, "its square would be minutes"
