"""A set-up file is taken as a whole or refused with every fault named by its place."""

import json
from pathlib import Path
from typing import Any

import pytest

from workers.errors import UserError
from workers.setup_file import MOST_FAULTS_SHOWN, read_file, read_setup

ADDRESS = {
    "name": "East", "line1": "Dock 1", "line2": None, "city": "New York", "region": "NY",
    "postal_code": "10001", "country": "US", "latitude": 40.7, "longitude": -74.0,
}  # fmt: skip
LOCATION = {"location": "east", "pool": "main", "name": "East", "address": ADDRESS}
SELLER = {
    "seller": "cauce", "legal_name": "Cauce S.L.", "vat_id": "ESB12345674",
    "address": {"line1": "Calle 1", "city": "Sevilla", "postal_code": "41001", "country": "ES"},
}  # fmt: skip
CHANNEL = {"channel": "shop", "name": "Shop", "kind": "api", "pool": "main", "currencies": ["USD"]}
PRODUCT = {
    "sku": "A-1", "name": "Mug", "weight_g": 300, "length_mm": 100, "width_mm": 100,
    "height_mm": 100,
}  # fmt: skip
STOCK = {"location": "east", "sku": "A-1", "on_hand": 10}
ACCOUNT = {
    "account": "ups", "vendor": "easypost", "carrier": "UPS", "reference": "ca_1",
    "credential": "key",
}  # fmt: skip
CREDIT = {"code": "GIFT-1", "currency": "USD", "balance_minor": 5000}


def refusal(content: Any) -> str:
    with pytest.raises(UserError) as refused:
        read_setup(content)
    return str(refused.value)


def test_the_example_of_the_documentation_can_be_read(repository: Path) -> None:
    text = (repository / "docs/operations.md").read_text()
    section = text.split("## The import file")[1].split("## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("    ")]
    setup = read_setup(json.loads("\n".join(lines)))
    assert setup.stock[0].safety_stock == 1
    assert setup.channels[0].buffer == 0


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"stock": [STOCK, {**STOCK, "on_hand": -1}]},
         "stock[1].on_hand: must be greater than or equal to 0"),
        ({"stock": [{**STOCK, "on_hand": 1.5}]}, "stock[0].on_hand: must be a valid integer"),
        ({"stock": [{**STOCK, "on_hand": "7"}]}, "stock[0].on_hand: must be a valid integer"),
        ({"stock": [{**STOCK, "on_hand": 10**30}]},
         "stock[0].on_hand: must be less than or equal to 1000000000"),
        ({"stock": [{**STOCK, "onhand": 1}]}, "stock[0].onhand: Extra inputs are not permitted"),
        ({"stock": [{"location": "east", "sku": "A-1"}]}, "stock[0].on_hand: Field required"),
        ({"stock": {"east": 1}}, "stock: must be a valid list"),
        ({"stock": ["east"]}, "stock[0]: must be a valid dictionary or instance of StockLevel"),
        ({"stocks": []}, "stocks: Extra inputs are not permitted"),
        ({"sellers": [{**SELLER, "vat_id": "B12345674"}]},
         "sellers[0].vat_id: String should match pattern"),
        ({"sellers": [{**SELLER, "time_zone": "Mars/Olympus"}]},
         "sellers[0].time_zone: 'Mars/Olympus' is no time zone"),
        ({"sellers": [{**SELLER, "language": "fr"}]}, "sellers[0].language: must be 'en', 'es'"),
        ({"sellers": [{**SELLER, "invoice_series": "inv-1"}]},
         "sellers[0].invoice_series: String should match pattern"),
        ({"sellers": [SELLER, {**SELLER, "seller": "other", "credit_note_series": "REC"}]},
         "sellers[1].invoice_series: INV is used by sellers[0].invoice_series"),
        ({"pools": [""]}, "pools[0]: String should have at least 1 character"),
        ({"pools": ["a\0b"]}, "pools[0]: the NUL character cannot be stored"),
        ({"pools": ["\ud800"]}, "pools[0]: must be a valid string, unable to parse raw data"),
        ({"locations": [{**LOCATION, "address": {**ADDRESS, "country": "usa"}}]},
         "locations[0].address.country: String should match pattern"),
        ({"locations": [{**LOCATION, "address": {**ADDRESS, "latitude": float("nan")}}]},
         "locations[0].address.latitude: must be"),
        ({"locations": [{**LOCATION, "address": "Dock 1"}]}, "locations[0].address: must be"),
        ({"channels": [{**CHANNEL, "channel": "My Shop"}]},
         "channels[0].channel: String should match pattern"),
        ({"channels": [{**CHANNEL, "currencies": []}]},
         "channels[0].currencies: List should have at least 1 item"),
        ({"channels": [{**CHANNEL, "kind": "amazon"}]},
         "channels[0].kind: must be 'api' or 'shopify'"),
        ({"products": [{**PRODUCT, "weight_g": 0}]},
         "products[0].weight_g: must be greater than or equal to 1"),
        ({"store_credits": [{**CREDIT, "balance_minor": True}]},
         "store_credits[0].balance_minor: must be a valid integer"),
        ({"products": [PRODUCT, PRODUCT]}, "products[1]: the same as products[0]"),
        ({"stock": [STOCK, {**STOCK, "on_hand": 3}]}, "stock[1]: the same as stock[0]"),
        ({"pools": ["main", "main"]}, "pools[1]: the same as pools[0]"),
        ([], "an object with any of pools, locations, sellers, channels, brands, products, stock,"),
        (None, "an object with any of"),
    ],
)  # fmt: skip
def test_each_fault_is_named_by_its_place(content: Any, fault: str) -> None:
    assert refusal(content).startswith(fault)


def test_all_faults_are_told_at_once_but_not_hundreds() -> None:
    bad = [{"location": "east", "sku": str(n), "on_hand": -1} for n in range(50)]
    lines = refusal({"stock": bad}).splitlines()
    assert len(lines) == MOST_FAULTS_SHOWN + 1
    assert lines[-1].strip() == "and 40 more"


@pytest.mark.parametrize("text", ["", "{", "nix", "[" * 100_000, "\ufeff{"])
def test_what_is_no_json_is_said_with_the_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "setup.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"setup\.json is no JSON"):
        read_file(file)


def test_bytes_that_are_no_text_and_files_that_are_none_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "setup.json"
    file.write_bytes(b"\xff\xfe{}")
    with pytest.raises(UserError, match="is no JSON"):
        read_file(file)
    with pytest.raises(UserError, match="No such file"):
        read_file(tmp_path / "absent.json")
    with pytest.raises(UserError, match="Is a directory"):
        read_file(tmp_path)


def test_a_file_that_an_editor_began_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "setup.json"
    file.write_text('{"pools": ["main"]}', encoding="utf-8-sig")
    assert read_file(file).pools == ["main"]
