"""A channel order becomes one canonical document, the same from both dialects, exact to a cent."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from activities.connectors.channel.port import CancelledOrder, RejectedDocument, WaitingOrder
from activities.connectors.channel.shopify import webhook
from activities.connectors.channel.shopify.document import DocumentOptions, to_document
from activities.connectors.channel.shopify.gateway import ShopifyGateway, shopify_client
from activities.connectors.channel.shopify.translate import Sale, SaleAddress, SaleLine
from domain.order import read_document

ADDRESS = SaleAddress(
    "Ann Lee", None, "Rua A 1", None, "São Paulo", "SP", "01000-000", "BR", None, -23.5, -46.6
)
LINE = SaleLine("11", "A-1", 2, 1000, 0, 0)
SALE = Sale(
    external_id="1001",
    placed_at=datetime(2026, 11, 22, 7, tzinfo=timezone(timedelta(hours=-3))),
    cancelled=False,
    currency="USD",
    locale="pt-BR",
    financial_status="paid",
    buyer_name="Ann Lee",
    email="ann@example.com",
    phone=None,
    ship_to=ADDRESS,
    lines=(LINE,),
    shipping_minor=500,
    shipping_discount_minor=0,
    shipping_tax_minor=0,
    taxes_included=False,
    tax_minor=0,
    discount_minor=0,
    tip_minor=0,
    duties_minor=0,
    fees_minor=0,
    total_minor=2500,
    gateways=("shopify_payments",),
    attributes={},
)


def sale(**changes) -> Sale:
    return dataclasses.replace(SALE, **changes)


def line(**changes) -> tuple[SaleLine, ...]:
    return (dataclasses.replace(LINE, **changes),)


def document(**changes) -> dict:
    result = to_document(sale(**changes))
    assert isinstance(result, dict), result
    assert read_document(result).total_minor == changes.get("total_minor", SALE.total_minor)
    return result


def reason(options: DocumentOptions | None = None, **changes) -> str:
    result = to_document(sale(**changes), options or DocumentOptions())
    assert isinstance(result, RejectedDocument), result
    assert result.external_id == "1001"
    return result.reason


def test_a_paid_order_becomes_the_canonical_document():
    assert document() == {
        "channel": "shopify",
        "external_id": "1001",
        "placed_at": "2026-11-22T10:00:00Z",
        "currency": "USD",
        "locale": "pt-BR",
        "customer": {"name": "Ann Lee", "email": "ann@example.com", "phone": None},
        "ship_to": {
            "name": "Ann Lee",
            "line1": "Rua A 1",
            "line2": None,
            "city": "São Paulo",
            "region": "SP",
            "postal_code": "01000-000",
            "country": "BR",
            "phone": None,
            "latitude": -23.5,
            "longitude": -46.6,
        },
        "lines": [
            {
                "sku": "A-1",
                "quantity": 2,
                "unit_price_minor": 1000,
                "tax_minor": 0,
                "discount_minor": 0,
                "external_line_id": "11",
            }
        ],
        "charges": [{"kind": "shipping", "amount_minor": 500}],
        "tenders": [
            {"kind": "manual", "amount_minor": 2500, "reference": "shopify:shopify_payments"}
        ],
    }


def test_tax_on_top_is_on_the_line_and_on_shipping_a_charge():
    got = document(
        lines=line(tax_minor=160), shipping_tax_minor=40, tax_minor=200, total_minor=2700
    )
    assert got["lines"][0]["tax_minor"] == 160
    assert {"kind": "tax", "amount_minor": 40} in got["charges"]


def test_tax_inside_the_prices_is_not_added_again():
    got = document(
        lines=line(tax_minor=319), shipping_tax_minor=80, tax_minor=399, taxes_included=True
    )
    assert got["lines"][0]["tax_minor"] == 0
    assert got["charges"] == [{"kind": "shipping", "amount_minor": 500}]


def test_tax_stated_for_the_order_alone_is_a_charge():
    got = document(tax_minor=200, total_minor=2700)
    assert {"kind": "tax", "amount_minor": 200} in got["charges"]


def test_discounts_stay_where_the_channel_allocated_them():
    got = document(
        lines=line(discount_minor=300),
        shipping_discount_minor=500,
        discount_minor=800,
        total_minor=1700,
    )
    assert got["lines"][0]["discount_minor"] == 300
    assert got["charges"] == []


def test_a_discount_allocated_to_nothing_is_a_charge():
    got = document(discount_minor=250, total_minor=2250)
    assert {"kind": "discount", "amount_minor": -250} in got["charges"]


def test_tips_duties_and_fees_are_charges():
    got = document(tip_minor=1, duties_minor=2, fees_minor=3, total_minor=2506)
    assert [charge["amount_minor"] for charge in got["charges"]] == [500, 1, 2, 3]


def test_a_company_is_part_of_the_address():
    address = dataclasses.replace(ADDRESS, company="Acme", line2="Floor 2")
    assert document(ship_to=address)["ship_to"]["line2"] == "Acme, Floor 2"


def test_a_free_order_needs_no_tender():
    free = document(lines=line(unit_price_minor=0), shipping_minor=0, total_minor=0)
    assert (free["charges"], free["tenders"]) == ([], [])


@pytest.mark.parametrize("status", ["paid", "authorized", "partially_refunded"])
def test_what_the_channel_collected_is_accepted(status):
    assert document(financial_status=status)["tenders"][0]["kind"] == "manual"


@pytest.mark.parametrize("status", ["pending", "partially_paid", "expired"])
def test_what_the_channel_did_not_collect_yet_waits(status):
    waiting = WaitingOrder("1001", f"not paid at the channel ({status})")
    assert to_document(sale(financial_status=status)) == waiting


@pytest.mark.parametrize("status", ["voided", "refunded"])
def test_what_the_channel_gave_back_is_rejected(status):
    assert reason(financial_status=status) == f"not paid at the channel ({status})"


def test_no_payment_status_is_no_payment():
    waiting = WaitingOrder("1001", "not paid at the channel (no payment status)")
    assert to_document(sale(financial_status="")) == waiting


@pytest.mark.parametrize("changes", [{}, {"financial_status": "refunded"}, {"ship_to": None}])
def test_a_cancelled_order_is_none_whatever_else_it_is(changes):
    assert to_document(sale(cancelled=True, **changes)) == CancelledOrder("1001")


def test_an_order_without_an_address_is_rejected():
    assert reason(ship_to=None) == "no shipping address"


def test_an_incomplete_address_is_rejected_by_the_rules_of_every_order():
    address = dataclasses.replace(ADDRESS, city=None, country=None)
    assert "ship_to.city" in reason(ship_to=address)
    assert "ship_to.country" in reason(ship_to=address)


def test_a_line_without_a_sku_is_rejected():
    assert reason(lines=(LINE, *line(sku=""))) == "line 2 has no SKU"


def test_sums_that_differ_by_a_cent_are_rejected():
    assert (
        reason(total_minor=2499) == "lines and charges sum to 25.00, the order's total says 24.99"
    )


OWN = DocumentOptions(tenders_from_attributes=True)
TENDERS = [
    {"kind": "card", "amount_minor": 2000, "reference": "pm_card_visa"},
    {"kind": "bank_slip", "amount_minor": 500, "reference": "pm_boleto_paid"},
]


def with_tenders(tenders) -> Sale:
    return sale(financial_status="pending", attributes={"cauce_tenders": json.dumps(tenders)})


def test_tenders_of_an_attribute_are_taken_where_allowed():
    result = to_document(with_tenders(TENDERS), OWN)
    assert isinstance(result, dict)
    assert result["tenders"] == TENDERS


def test_tenders_of_an_attribute_are_ignored_by_default():
    """A buyer can write attributes of his cart: he must not choose how he paid."""
    assert isinstance(to_document(with_tenders(TENDERS)), WaitingOrder)


def test_without_the_attribute_the_channels_payment_counts():
    assert to_document(SALE, OWN) == to_document(SALE)


@pytest.mark.parametrize(
    "tenders",
    [
        {},
        "x",
        [{}],
        [TENDERS[0] | {"kind": "gold"}],
        [TENDERS[0] | {"amount_minor": 2500.0}],
        [TENDERS[0] | {"extra": 1}],
        TENDERS[:1],
    ],
    ids=str,
)
def test_tenders_that_are_none_or_do_not_sum_are_rejected(tenders):
    result = to_document(with_tenders(tenders), OWN)
    assert isinstance(result, RejectedDocument)
    assert result.reason.startswith("cauce_tenders")


def test_tenders_that_are_no_json_are_rejected():
    broken = sale(attributes={"cauce_tenders": "[{"})
    result = to_document(broken, OWN)
    assert isinstance(result, RejectedDocument)


# --- both dialects ---


async def fetched(shop, order: dict) -> dict:
    shop.orders = [order]
    client = shopify_client("https://shop.test", "shpat_1", transport=shop.transport)
    page = await ShopifyGateway(client).fetch_orders(None, None, 10)
    assert page.rejects == ()
    return page.documents[0]


def told(order: dict) -> dict:
    notice = webhook.parse("orders/create", json.dumps(order).encode())
    assert notice.reject is None, notice.reject
    assert notice.document is not None
    return notice.document


def the_same(one: dict, other: dict) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


async def test_the_official_order_is_the_same_from_both_dialects(shop, official_order, as_graph):
    got = told(official_order)
    assert the_same(got, await fetched(shop, as_graph(official_order)))
    # The webhook's numeric id is rounded; the one in the gid is not.
    assert official_order["id"] == 820982911946154500
    assert got["external_id"] == "820982911946154508"
    assert got["tenders"][0]["amount_minor"] == 40495
    assert {"kind": "discount", "amount_minor": -2000} in got["charges"]
    assert got["placed_at"] == datetime(2022, 1, 1, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("taxes_included", [False, True])
async def test_a_rich_order_is_the_same_from_both_dialects(
    shop, official_order, as_graph, taxes_included
):
    order = official_order
    order["line_items"] = order["line_items"][:2]
    first, second = order["line_items"]
    first |= {"quantity": 3, "tax_lines": [{"price": "4.10"}, {"price": "0.05"}]}
    first |= {"discount_allocations": [{"amount": "9.97"}, {"amount": "0.03"}]}
    second |= {"tax_lines": [{"price": "1.00"}]}
    order["shipping_lines"][0] |= {
        "tax_lines": [{"price": "0.50"}],
        "discount_allocations": [{"amount": "2.50"}],
    }
    order["shipping_address"] |= {"latitude": 45.4, "longitude": -75.69}
    order["note_attributes"] = [{"name": "gift", "value": "yes"}]
    duties = {"shop_money": {"amount": "3.00"}}
    order |= {"total_tip_received": "2.00", "original_total_duties_set": duties}
    order |= {"total_discounts": "12.50", "total_tax": "5.65", "taxes_included": taxes_included}
    total = 3 * 8999 - 1000 + 1999 + 1000 - 250 + 200 + 300 + (0 if taxes_included else 565)
    order["total_price"] = f"{total // 100}.{total % 100:02}"
    got = told(order)
    assert the_same(got, await fetched(shop, as_graph(order)))
    assert read_document(got).total_minor == total


async def test_yen_are_the_same_from_both_dialects(shop, official_order, as_graph):
    order = official_order | {"currency": "JPY", "total_discounts": "0", "total_price": "1300"}
    order["line_items"] = [order["line_items"][0] | {"price": "1000"}]
    order["shipping_lines"][0] |= {"price": "300"}
    assert the_same(told(order), await fetched(shop, as_graph(order)))
    assert told(order)["lines"][0]["unit_price_minor"] == 1000
