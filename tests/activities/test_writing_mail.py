"""What is sent: both ways of writing a mail in one message, its headers, and one id a message."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from jinja2 import UndefinedError

from activities.composing import FOR_STAFF, Manner, OrderPages, compose
from domain.brand import Brand
from domain.collection import collection_code
from wording.kinds import KINDS, OPTIONAL
from wording.samples import sample

SENDER = "Shop <shop@example.com>"
AT = datetime(2026, 11, 24, 23, 2, tzinfo=UTC)
PAGE = "https://shop.example/o/shop-1001~proof"


def written(
    kind: str,
    page: str | None = None,
    *,
    brand: Brand | None = None,
    locale: str = "en",
    **changed: str | None,
) -> EmailMessage:
    """As its reader's program takes it apart."""
    facts = {**sample(kind), "name": "Ζωή $name", **changed}
    given = {name: value for name, value in facts.items() if value is not None}
    payload = {"to": "ada@example.com", "template": kind, "facts": given}
    manner = Manner(brand or Brand("Shop"), locale, page)
    message = compose(f"shop-1001:{kind}", payload, SENDER, AT, manner)
    return message_from_bytes(message.as_bytes(policy=policy.SMTP), policy=policy.default)


def text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_a_confirmation_says_when_it_comes_and_what_it_costs() -> None:
    assert text(written("order_confirmed", total="25.00 USD")) == (
        "Hello Ζωή $name,\n\n"
        "Thank you. Your order 1001 is confirmed and should reach you between\n"
        "Friday, November 27, 2026 and Tuesday, December 1, 2026.\n\n"
        "We will write again when it ships.\n\n"
        "Total: $25.00\n\n"
        "-- \nShop\n"
    )


def test_a_bank_slip_says_how_much_and_until_when() -> None:
    said = text(written("slip_issued", amount="10.00 USD"))
    assert "Please pay by Saturday, November 28, 2026.\n" in said
    assert "Amount: $10.00\nBank slip: https://bank.example/slip/1001\n" in said


def test_a_message_of_an_earlier_version_is_written_without_what_it_did_not_know() -> None:
    said = text(written("slip_issued", amount=None, due=None))
    assert said.endswith(
        "until its bank slip is paid.\n\nBank slip: https://bank.example/slip/1001\n\n-- \nShop\n"
    )
    assert "\nWhere:\n  Corner, Bend\n" in text(
        written("pickup_ready", place=None, store="Corner, Bend")
    )


def test_a_fact_that_was_always_there_must_be_there() -> None:
    with pytest.raises(UndefinedError, match="from"):
        written("order_confirmed", **{"from": None})


@pytest.mark.parametrize("kind", KINDS)
def test_every_message_greets_names_the_order_and_is_dated(kind: str) -> None:
    message = written(kind)
    assert message.get_content_type() == "multipart/alternative"
    parts = [part.get_content_type() for part in message.iter_parts()]
    assert parts == ["text/plain", "text/html"], "the last is what a program prefers to show"
    assert "1001" in message["Subject"]
    assert text(message).startswith("Hello Ζωή $name,\n\n")
    assert message["Date"].datetime == AT
    assert message["To"] == "ada@example.com"


def test_a_ready_notice_says_where_until_when_and_the_code() -> None:
    said = text(written("pickup_ready"))
    assert "until Tuesday, December 1,\n2026." in said
    assert "Where:\n  Corner Store\n  Calle del Río 12\n" in said
    assert "Your code: 7Q4XCM\n" in said


def test_the_code_is_made_when_the_mail_is_written_and_for_its_parcel_only() -> None:
    pages = OrderPages("https://shop.example", "secret")
    parcel = "shop-1001-f1"
    assert pages.code({"fulfillment": parcel})["collection_code"] == collection_code(
        parcel, "secret"
    )
    assert pages.code({"order": "1001"}) == {}
    assert "code" not in text(written("pickup_ready", collection_code=None))


def test_a_repeated_mail_is_the_same_mail() -> None:
    first, second = (written("order_cancelled") for _ in "ab")
    assert first.as_bytes() == second.as_bytes()
    assert first["Message-ID"] == "<shop-1001.order_cancelled@example.com>"


def test_another_event_s_mail_is_parted_otherwise() -> None:
    boundaries = {written(kind).get_boundary() for kind in KINDS}
    assert len(boundaries) == len(KINDS)


def test_every_message_to_a_customer_leads_to_the_order() -> None:
    for kind in KINDS:
        message = written(kind, PAGE)
        assert f"\nYour order: {PAGE}\n" in text(message)
        html = message.get_body(("html",))
        assert html is not None
        assert f'href="{PAGE}"' in html.get_content()


def test_only_what_is_optional_offers_to_stop() -> None:
    for kind in KINDS:
        message = written(kind, PAGE)
        offers = message["List-Unsubscribe"] == f"<{PAGE}/unsubscribe>"
        assert offers == (kind in OPTIONAL)
        assert ("List-Unsubscribe-Post" in message) == offers
        assert "List-Unsubscribe" not in written(kind)


def test_a_brand_writes_under_its_own_name_and_the_id_stays() -> None:
    brand = Brand("Río", sender_name="Tienda Río, S.L.", sender="hola@rio.example",
                  support="ayuda@rio.example")  # fmt: skip
    message = written("shipped", brand=brand, locale="es-MX")
    (sender,) = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Tienda Río, S.L.", "hola@rio.example")
    assert message["Reply-To"] == "ayuda@rio.example"
    assert message["Subject"] == "Su pedido 1001 está en camino"
    assert message["Message-ID"] == written("shipped")["Message-ID"]


def test_a_brand_of_a_name_alone_writes_from_the_settings_address() -> None:
    message = written("shipped", brand=Brand("Río", sender_name="Río"))
    assert message["From"] == "Río <shop@example.com>"
    assert written("shipped", brand=Brand("Río"))["From"] == SENDER
    assert "Reply-To" not in message


def test_staff_are_written_plainly_and_under_no_brand() -> None:
    facts = {"count": "2", "tasks": "a\nb", "link": "https://oms.example"}
    payload = {"to": "ops@example.com", "template": "reconciliation_tasks", "facts": facts}
    brand = Brand("Río", sender="hola@rio.example")
    message = compose("r:1", payload, SENDER, AT, Manner(brand, "es"))
    assert message["From"] == SENDER
    assert message.get_content_type() == "text/plain"
    assert "\n\na\nb\n\nhttps://oms.example\n" in message.get_content()
    assert not FOR_STAFF.keys() & KINDS.keys()


def test_a_link_is_signed_for_its_order() -> None:
    pages = OrderPages("https://shop.example", "secret")
    assert pages.link("shop-1").startswith("https://shop.example/o/shop-1~")
    assert pages.link("shop-1") != OrderPages("https://shop.example", "other").link("shop-1")
