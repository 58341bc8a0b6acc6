"""What customers read: whole sentences, days and amounts as people write them, one id a message."""

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from activities.mail import FOR_STAFF, OPTIONAL, TEMPLATES, OrderPages, compose
from domain.collection import collection_code

SENDER = "Shop <shop@example.com>"
AT = datetime(2026, 11, 24, 23, 2, tzinfo=UTC)
PAGE = "https://shop.example/o/shop-1001~proof"
FACTS = {
    "name": "Ζωή $name", "order": "1001", "total": "25.00 USD", "from": "2026-11-27",
    "by": "2026-12-01", "voucher": "https://bank.example/slip", "amount": "10.00 USD",
    "due": "2026-11-28", "reason": "the goods are sold out", "carrier": "USPS", "tracking": "9400",
    "rma": "1001-r1", "label": "https://carrier.example/label", "code": "DROP-1",
    "store": "Corner, 1 Side St, Bend", "fulfillment": "shop-1001-f1", "collection_code": "7Q4XCM",
}  # fmt: skip


def written(template: str, page: str | None = None, **changed: str | None) -> EmailMessage:
    facts = {name: value for name, value in {**FACTS, **changed}.items() if value is not None}
    payload = {"to": "ada@example.com", "template": template, "facts": facts}
    return compose(f"shop-1001:{template}", payload, SENDER, AT, page)


def test_a_confirmation_says_when_it_comes_and_what_it_costs() -> None:
    assert written("order_confirmed").get_content() == (
        "Hello Ζωή $name,\n\n"
        "thank you. Your order 1001 is confirmed and should reach you\n"
        "between Friday, 27 November 2026 and Tuesday, 1 December 2026.\n"
        "Total: 25.00 USD\n"
        "We will write again when it ships.\n"
    )


def test_a_bank_slip_says_how_much_and_until_when() -> None:
    text = written("slip_issued").get_content()
    assert "https://bank.example/slip\nAmount: 10.00 USD\n" in text
    assert "Please pay by Saturday, 28 November 2026." in text


def test_a_message_of_an_earlier_version_is_written_without_what_it_did_not_know() -> None:
    text = written("slip_issued", total=None, amount=None, due=None).get_content()
    assert text.endswith("until its bank slip is paid:\nhttps://bank.example/slip\n")


def test_a_fact_that_was_always_there_must_be_there() -> None:
    with pytest.raises(KeyError, match="voucher"):
        written("slip_issued", voucher=None)


@pytest.mark.parametrize("template", [name for name in TEMPLATES if name not in FOR_STAFF])
def test_every_message_greets_names_the_order_and_is_dated(template: str) -> None:
    message = written(template)
    assert "1001" in message["Subject"]
    assert message.get_content().startswith("Hello Ζωή $name,\n\n")
    assert message["Date"].datetime == AT
    assert "$order" not in message.get_content()


def test_a_ready_notice_says_where_until_when_and_the_code() -> None:
    text = written("pickup_ready").get_content()
    assert "until Tuesday, 1 December 2026 here:\nCorner, 1 Side St, Bend\n" in text
    assert "Please bring this code: 7Q4XCM\n" in text


def test_the_code_is_made_when_the_mail_is_written_and_for_its_parcel_only() -> None:
    pages = OrderPages("https://shop.example", "secret")
    parcel = "shop-1001-f1"
    assert pages.code({"fulfillment": parcel})["collection_code"] == collection_code(
        parcel, "secret"
    )
    assert pages.code({"order": "1001"}) == {}
    assert "code" not in written("pickup_ready", collection_code=None).get_content()


def test_a_repeated_mail_is_the_same_mail() -> None:
    first, second = (written("order_cancelled") for _ in "ab")
    assert first.as_bytes() == second.as_bytes()
    assert first["Message-ID"] == "<shop-1001.order_cancelled@example.com>"


def test_every_message_to_a_customer_leads_to_the_order() -> None:
    for template in TEMPLATES.keys() - FOR_STAFF:
        text = written(template, PAGE).get_content()
        assert text.endswith(f"\nYour order: {PAGE}\n")


def test_only_what_is_optional_offers_to_stop() -> None:
    for template in TEMPLATES.keys() - FOR_STAFF:
        message = written(template, PAGE)
        offers = message["List-Unsubscribe"] == f"<{PAGE}/unsubscribe>"
        assert offers == (template in OPTIONAL)
        assert ("List-Unsubscribe-Post" in message) == offers


def test_a_link_is_signed_for_its_order() -> None:
    pages = OrderPages("https://shop.example", "secret")
    assert pages.link("shop-1").startswith("https://shop.example/o/shop-1~")
    assert pages.link("shop-1") != OrderPages("https://shop.example", "other").link("shop-1")
