"""A customer is written in the language of the order and under the brand of its channel."""

from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.composing import OrderPages
from activities.delivery import Delivery
from activities.mail import post_mail
from activities.mailing import Mails, MailServer
from activities.setting_up import upsert_catalog
from db.stores import orders
from tests.activities.letterbox import SENDER, Letterbox
from tests.activities.shop import SETUP, Shop

BRAND: dict[str, Any] = {
    "channel": "thrifty", "name": "La Mesa", "sender_name": None, "sender": "hola@mesa.example",
    "support": "ayuda@mesa.example", "logo_url": "https://cdn.example/mesa.png", "logo_alt": None,
    "legal_lines": ["La Mesa, S.L."], "language": "pt",
    "colors": {"accent": "#800020", "on_accent": "#ffffff", "surface": "#ffffff",
               "ink": "#1f2933"},
}  # fmt: skip


@pytest.fixture
async def open_shop(fresh_engine: AsyncEngine) -> Shop:
    async with fresh_engine.begin() as tx:
        await upsert_catalog(tx, SETUP | {"brands": [BRAND]})
    return Shop(fresh_engine)


async def told(
    shop: Shop, letterbox: tuple[Letterbox, MailServer], kind: str, **changes: Any
) -> EmailMessage:
    """Post a mail about a new order, deliver it, and return what arrived."""
    order_id = await shop.admitted((await shop.sku(east=1), 1), **changes)
    async with shop.engine.begin() as tx:
        facts = {"carrier": "USPS", "tracking": "9400"}
        await post_mail(tx, await orders.head(tx, order_id), kind, facts, part="f1")
    box, server = letterbox
    mails = Mails(server, OrderPages("https://oms.example", "secret"))
    turn = await Delivery(shop.engine, {"email": mails}).deliver("email")
    assert turn.count == 1
    return box.messages[-1]


def parts(message: EmailMessage) -> tuple[str, str]:
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    said, marked_up = (part.get_content().replace("\r\n", "\n") for part in (text, html))
    return said, marked_up


async def test_an_order_is_written_about_under_its_channel_s_brand(
    open_shop: Shop, letterbox: tuple[Letterbox, MailServer]
) -> None:
    message = await told(open_shop, letterbox, "shipped", channel="thrifty", locale="es-MX")
    assert message["From"] == "La Mesa <hola@mesa.example>"
    assert message["Reply-To"] == "ayuda@mesa.example"
    assert message["Subject"].endswith("está en camino")
    assert message["Message-ID"].endswith(".shipped.f1@example.com>"), "of the settings' sender"
    text, html = parts(message)
    assert "La Mesa, S.L." in text
    assert "https://oms.example/o/thrifty-" in text
    assert 'src="https://cdn.example/mesa.png"' in html
    assert "#800020" in html


@pytest.mark.parametrize(
    ("channel", "locale", "subject"),
    [
        ("thrifty", "fr-FR", "saiu para entrega"),
        ("thrifty", None, "saiu para entrega"),
        ("thrifty", "en-GB", "out for delivery"),
        ("shop", "fr-FR", "out for delivery"),
        ("shop", None, "out for delivery"),
        ("shop", "pt-BR", "saiu para entrega"),
    ],
)
async def test_an_unknown_locale_is_the_channel_s_language_then_english(
    open_shop: Shop,
    letterbox: tuple[Letterbox, MailServer],
    channel: str,
    locale: str | None,
    subject: str,
) -> None:
    asked = {"locale": locale} if locale else {}
    message = await told(open_shop, letterbox, "out_for_delivery", channel=channel, **asked)
    text, html = parts(message)
    assert subject in text
    assert subject in html
    assert message["List-Unsubscribe"].strip().startswith(f"<https://oms.example/o/{channel}-")


async def test_without_a_brand_the_channel_s_name_and_the_settings_sender_are_used(
    open_shop: Shop, letterbox: tuple[Letterbox, MailServer]
) -> None:
    message = await told(open_shop, letterbox, "order_cancelled")
    assert message["From"] == SENDER
    assert "Reply-To" not in message
    assert parts(message)[0].endswith("-- \nShop\n")
