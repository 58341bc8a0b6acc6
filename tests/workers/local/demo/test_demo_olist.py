"""The published tables become orders, money and expected ends; what is bad is named."""

import gzip
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import pytest

from domain.order import read_document
from tests.workers.local.demo import olist_folder as made_up
from workers.errors import UserError
from workers.local.demo.olist import plan_olist
from workers.local.demo.plan import CANCELLED, DELIVERED, REFUSED_STOCK, REJECTED_INPUT, Plan
from workers.local.demo.tables import Rejects, write_rejects

PUBLISHED = Path(__file__).parents[5] / "shared" / "data" / "olist"


def _plan(folder: Path, count: int = 100, factor: str = "1", seed: int = 1) -> Plan:
    return plan_olist(folder, count, Fraction(factor), seed)


def _ends(plan: Plan) -> dict[str, set[str]]:
    return {order.external_id: set(order.expected) for order in plan.orders}


def test_orders_come_by_purchase_time_and_each_has_its_end(tmp_path: Path) -> None:
    plan = _plan(made_up.write_folder(tmp_path))
    assert list(_ends(plan).items()) == [
        ("early", {DELIVERED}),
        ("late", {DELIVERED}),
        ("empty", {REJECTED_INPUT}),
        ("off", {CANCELLED}),
        ("moving", {DELIVERED}),
        ("unpaid", {DELIVERED}),
    ]
    assert plan.rejects == ()


def test_packed_tables_read_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    plain = _plan(made_up.write_folder(tmp_path / "a"))
    packed = _plan(made_up.write_folder(tmp_path / "b", packed=True))
    assert plain.orders == packed.orders
    assert plain.setup == packed.setup


def test_only_the_first_are_taken(tmp_path: Path) -> None:
    assert list(_ends(_plan(made_up.write_folder(tmp_path), count=2))) == ["early", "late"]


def test_a_document_is_exact_and_grouped(tmp_path: Path) -> None:
    early = _plan(made_up.write_folder(tmp_path)).orders[0]
    lines = [(x["sku"], x["quantity"], x["unit_price_minor"]) for x in early.document["lines"]]
    assert lines == [("pa", 2, 1050), ("pb", 1, 700)]
    assert early.document["charges"] == [
        {"kind": "shipping", "amount_minor": 300},
    ]
    assert [(t["kind"], t["amount_minor"]) for t in early.document["tenders"]] == [
        ("card", 2000),
        ("store_credit", 1100),
    ]
    assert early.due_minor == 2000
    assert early.units == {"pa": 2, "pb": 1}
    document = read_document(early.document)
    assert document.placed_at == datetime.fromisoformat("2018-01-01T13:00:00Z")
    assert document.ship_to.postal_code == "01001-000"
    assert (document.ship_to.latitude, document.ship_to.longitude) == (-23.5, -46.6)
    assert document.customer_email == "customer-u1@example.com"


def test_more_than_due_is_financing_less_is_a_discount_none_is_by_hand(tmp_path: Path) -> None:
    orders = {o.external_id: o for o in _plan(made_up.write_folder(tmp_path)).orders}
    charges = {
        key: {c["kind"]: c["amount_minor"] for c in orders[key].document["charges"]}
        for key in ("late", "moving", "unpaid")
    }
    assert charges == {
        "late": {"shipping": 500, "financing": 250},
        "moving": {"shipping": 500, "discount": -100},
        "unpaid": {"shipping": 500},
    }
    assert [t["kind"] for t in orders["unpaid"].document["tenders"]] == ["manual"]
    assert orders["unpaid"].due_minor == 0
    for key in ("early", "late", "off", "moving", "unpaid"):
        read_document(orders[key].document)


def test_what_no_vendor_would_charge_was_settled_by_hand(tmp_path: Path) -> None:
    payments = [
        "late,1,credit_card,1,0.49",
        "late,2,boleto,1,4.99",
        "late,3,not_defined,1,1.00",
        "late,4,boleto,1,18.52",
    ]
    folder = made_up.write_folder(tmp_path, {made_up.PAYMENTS: payments})
    late = next(o for o in _plan(folder).orders if o.external_id == "late")
    assert [t["kind"] for t in late.document["tenders"]] == ["manual"] * 3 + ["bank_slip"]
    assert late.due_minor == 1852


def test_each_voucher_is_a_store_credit_of_the_setup(tmp_path: Path) -> None:
    setup = _plan(made_up.write_folder(tmp_path)).setup
    assert [(c.code, c.currency, c.balance_minor) for c in setup.store_credits] == [
        ("V-EARLY-2", "BRL", 1100)
    ]


def test_the_setup_knows_every_product_and_stocks_the_demand(tmp_path: Path) -> None:
    setup = _plan(made_up.write_folder(tmp_path)).setup
    assert setup.units() == {"pa": 2, "pb": 3, "pc": 2}
    measures = {p.sku: (p.weight_g, p.length_mm, p.width_mm, p.height_mm) for p in setup.products}
    assert measures == {
        "pa": (300, 160, 140, 100),
        "pb": (500, 200, 150, 100),
        "pc": (500, 200, 150, 100),
    }
    assert [x.location for x in setup.locations] == ["sao-paulo-sp", "curitiba-pr"]
    assert {x.location for x in setup.stock if x.sku == "pa"} == {"sao-paulo-sp", "curitiba-pr"}


def test_scarce_stock_lets_every_order_that_needs_some_be_refused(tmp_path: Path) -> None:
    plan = _plan(made_up.write_folder(tmp_path), factor="0.5")
    assert sum(plan.setup.units().values()) == 4  # half of 7, to the even number
    ends = _ends(plan)
    assert ends["early"] == {DELIVERED, REFUSED_STOCK}
    assert ends["off"] == {CANCELLED, REFUSED_STOCK}
    assert ends["empty"] == {REJECTED_INPUT}


def test_without_optional_tables_it_still_plans(tmp_path: Path) -> None:
    left_out = {made_up.PRODUCTS: [], made_up.SELLERS: [], made_up.CENTROIDS: []}
    plan = _plan(made_up.write_folder(tmp_path, left_out))
    assert plan.orders[0].document["ship_to"]["latitude"] is None
    assert [x.location for x in plan.setup.locations] == ["rio-de-janeiro-rj", "sao-paulo-sp"]


def test_bad_rows_are_named_and_good_rows_go_on(tmp_path: Path) -> None:
    changed = {
        made_up.ORDERS: [
            *made_up.ROWS[made_up.ORDERS],
            "late,c2,delivered,2018-01-02 10:00:00",  # 8
            "lost,c9,delivered,2018-01-02 10:00:00",  # 9
            "when,c1,delivered,yesterday",  # 10
            "odd,c1,teleported,2018-01-02 10:00:00",  # 11
            "wide,c1,delivered,2018-01-02 10:00:00,more",  # 12
        ],
        made_up.ITEMS: [
            *made_up.ROWS[made_up.ITEMS],
            "late,2,pb,s1,x,-1,0",  # 9
            "off,1,pb,s1,x,20.0,5.00",  # 10
            "ghost,1,pb,s1,x,20.0,5.00",  # 11
        ],
        made_up.PAYMENTS: [*made_up.ROWS[made_up.PAYMENTS], "moving,2,credit_card,1,1.005"],  # 9
    }
    plan = _plan(made_up.write_folder(tmp_path, changed))
    assert list(_ends(plan)) == ["early", "empty", "unpaid"]
    numbers = {(reject.file, reject.row) for reject in plan.rejects}
    assert numbers >= {(made_up.ORDERS, row) for row in (8, 9, 10, 11, 12)}
    assert numbers >= {(made_up.ITEMS, row) for row in (9, 10, 11)} | {(made_up.PAYMENTS, 9)}
    reasons = " | ".join(reject.reason for reject in plan.rejects)
    for part in (
        "a second late",
        "customer_id: unknown: c9",
        "not a time: 'yesterday'",
        "order_status: unknown: 'teleported'",
        "more fields than the header names",
        "price: negative: '-1'",
        "order_item_id: a second 1 of off",
        "no usable order ghost",
        "finer than the minor unit",
        "late: an item or payment row of it was rejected",
    ):
        assert part in reasons


def test_text_that_is_not_utf8_is_a_bad_row(tmp_path: Path) -> None:
    made_up.write_folder(tmp_path)
    with (tmp_path / made_up.ORDERS).open("ab") as file:
        file.write(b"bad\xff,c1,delivered,2018-01-09 10:00:00\n")
    plan = _plan(tmp_path)
    assert len(plan.orders) == 6
    assert [(r.row, r.reason) for r in plan.rejects] == [(8, "not UTF-8")]


def test_rejects_are_written_one_a_line(tmp_path: Path) -> None:
    rejects = Rejects()
    rejects.add("orders.csv", 7, "not a time: 'x'")
    write_rejects(rejects.rows, tmp_path / "rejects.jsonl")
    written = (tmp_path / "rejects.jsonl").read_text()
    assert written == '{"file": "orders.csv", "row": 7, "reason": "not a time: \'x\'"}\n'


@pytest.mark.parametrize("table", [made_up.ORDERS, made_up.ITEMS, made_up.PAYMENTS])
def test_a_missing_table_is_one_clear_line(tmp_path: Path, table: str) -> None:
    with pytest.raises(UserError, match=f"has no {table}"):
        _plan(made_up.write_folder(tmp_path, {table: []}))


def test_a_missing_column_is_one_clear_line(tmp_path: Path) -> None:
    made_up.write_folder(tmp_path)
    (tmp_path / made_up.ORDERS).write_text("order_id,customer_id\n")
    with pytest.raises(UserError, match="no column order_status, order_purchase_timestamp"):
        _plan(tmp_path)


def test_a_broken_archive_is_one_clear_line(tmp_path: Path) -> None:
    made_up.write_folder(tmp_path, {made_up.ORDERS: []})
    (tmp_path / f"{made_up.ORDERS}.gz").write_bytes(b"no archive")
    with pytest.raises(UserError, match="cannot read"):
        _plan(tmp_path)


def test_an_archive_that_is_damaged_inside_is_one_clear_line(tmp_path: Path) -> None:
    made_up.write_folder(tmp_path, {made_up.ORDERS: []})
    packed = bytearray(gzip.compress(b"order_id,customer_id\n" * 1_000))
    packed[20:40] = b"\xff" * 20
    (tmp_path / f"{made_up.ORDERS}.gz").write_bytes(packed)
    with pytest.raises(UserError, match="cannot read"):
        _plan(tmp_path)


@pytest.mark.parametrize(
    ("table", "row", "reason"),
    [
        (made_up.ORDERS, "old,c1,delivered,0001-01-01 00:00:00", "not in our time"),
        (made_up.ORDERS, "nul\0,c1,delivered,2018-01-09 10:00:00", "a NUL character"),
        (made_up.ITEMS, "early,9,pb,s1,x,999999999999,0", "price: too large"),
        (made_up.CUSTOMERS, "c7,u7,01001,,SP", "customer_city: empty"),
        (made_up.SELLERS, "s7,01001,sao paulo,", "seller_state: not a state"),
    ],
)
def test_what_the_api_would_refuse_is_a_bad_row(
    tmp_path: Path, table: str, row: str, reason: str
) -> None:
    made_up.write_folder(tmp_path, {table: [*made_up.ROWS[table], row]})
    assert reason in " | ".join(reject.reason for reject in _plan(tmp_path).rejects)


def test_products_without_their_measures_are_one_clear_line(tmp_path: Path) -> None:
    made_up.write_folder(tmp_path)
    (tmp_path / made_up.PRODUCTS).write_text("product_id,product_category_name\npa,toys\n")
    with pytest.raises(UserError, match="no column product_weight_g"):
        _plan(tmp_path)


def test_a_dataset_without_a_good_order_names_the_first_bad_row(tmp_path: Path) -> None:
    made_up.write_folder(tmp_path, {made_up.ORDERS: ["odd,c1,teleported,2018-01-02 10:00:00"]})
    with pytest.raises(UserError, match=r"no usable order.*row 2: order_status: unknown"):
        _plan(tmp_path)


@pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="the published tables are not beside the project"
)
def test_of_the_first_five_hundred_published_orders_480_are_delivered() -> None:
    plan = _plan(PUBLISHED, count=500)
    assert plan.expected_ends() == {DELIVERED: 480, CANCELLED: 6, REJECTED_INPUT: 14}
    assert plan.rejects == ()
    for order in plan.orders:
        if order.units:
            assert read_document(order.document).demand() == dict(sorted(order.units.items()))
