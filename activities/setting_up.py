"""Setting up: catalogue, locations, channels and opening stock, written as the import says."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import run
from db.stores import documents, stock
from db.stores.stock import Change

_POOLS = """
INSERT INTO pools (pool) SELECT * FROM jsonb_array_elements_text(CAST(:items AS jsonb))
ON CONFLICT DO NOTHING
"""
_LOCATIONS = """
INSERT INTO locations (location, pool, name, address, capabilities)
SELECT location, pool, name, address,
    ARRAY(SELECT jsonb_array_elements_text(coalesce(capabilities, '[]')))
FROM jsonb_to_recordset(CAST(:items AS jsonb))
    AS i(location text, pool text, name text, address jsonb, capabilities jsonb)
ON CONFLICT (location) DO UPDATE SET name = excluded.name, address = excluded.address,
    capabilities = excluded.capabilities
"""
_SELLERS = """
INSERT INTO sellers (seller, legal_name, address, vat_id, tax_registration, registration, exemption,
    legal_lines, invoice_series, credit_note_series, language, time_zone)
SELECT seller, legal_name, address, vat_id, tax_registration, registration, exemption,
    ARRAY(SELECT jsonb_array_elements_text(legal_lines)), invoice_series, credit_note_series,
    language, time_zone
FROM jsonb_to_recordset(CAST(:items AS jsonb)) AS i(seller text, legal_name text, address jsonb,
    vat_id text, tax_registration text, registration text, exemption text, legal_lines jsonb,
    invoice_series text, credit_note_series text, language text, time_zone text)
ON CONFLICT (seller) DO UPDATE SET legal_name = excluded.legal_name, address = excluded.address,
    vat_id = excluded.vat_id, tax_registration = excluded.tax_registration,
    registration = excluded.registration, exemption = excluded.exemption,
    legal_lines = excluded.legal_lines, invoice_series = excluded.invoice_series,
    credit_note_series = excluded.credit_note_series, language = excluded.language,
    time_zone = excluded.time_zone
"""
# A file that does not speak of a channel's seller leaves it as it is.
_CHANNELS = """
INSERT INTO channels (channel, name, kind, pool, currencies, buffer, undeliverable, fraud_policy,
    seller, on_shortage, on_loss, decides_up_to_minor, on_out_of_stock)
SELECT channel, name, kind, pool,
    ARRAY(SELECT jsonb_array_elements_text(currencies)), coalesce(buffer, 0),
    coalesce(undeliverable, 'refuse'), fraud_policy, seller,
    coalesce(on_shortage, 'backorder'), coalesce(on_loss, 'ask'), coalesce(decides_up_to_minor, 0),
    coalesce(on_out_of_stock, 'refuse')
FROM jsonb_to_recordset(CAST(:items AS jsonb))
    AS i(channel text, name text, kind text, pool text, currencies jsonb, buffer bigint,
        undeliverable text, fraud_policy jsonb, seller text,
        on_shortage text, on_loss text, decides_up_to_minor bigint, on_out_of_stock text)
ON CONFLICT (channel) DO UPDATE SET name = excluded.name, currencies = excluded.currencies,
    buffer = excluded.buffer, undeliverable = excluded.undeliverable,
    fraud_policy = excluded.fraud_policy, seller = coalesce(excluded.seller, channels.seller),
    on_shortage = excluded.on_shortage, on_loss = excluded.on_loss,
    decides_up_to_minor = excluded.decides_up_to_minor,
    on_out_of_stock = excluded.on_out_of_stock
"""
_BRANDS = """
INSERT INTO brands (channel, name, sender_name, sender, logo_url, logo_alt, support, legal_lines,
    language, colors)
SELECT channel, name, sender_name, sender, logo_url, logo_alt, support,
    ARRAY(SELECT jsonb_array_elements_text(legal_lines)), language, colors
FROM jsonb_to_recordset(CAST(:items AS jsonb)) AS i(channel text, name text, sender_name text,
    sender text, logo_url text, logo_alt text, support text, legal_lines jsonb, language text,
    colors jsonb)
ON CONFLICT (channel) DO UPDATE SET name = excluded.name, sender_name = excluded.sender_name,
    sender = excluded.sender, logo_url = excluded.logo_url, logo_alt = excluded.logo_alt,
    support = excluded.support, legal_lines = excluded.legal_lines, language = excluded.language,
    colors = excluded.colors
"""
_PRODUCTS = """
INSERT INTO products (sku, name, weight_g, length_mm, width_mm, height_mm, available_from, category)
SELECT sku, name, weight_g, length_mm, width_mm, height_mm, available_from, category
FROM jsonb_to_recordset(CAST(:items AS jsonb)) AS i(sku text, name text, weight_g bigint,
    length_mm bigint, width_mm bigint, height_mm bigint, available_from timestamptz, category text)
ON CONFLICT (sku) DO UPDATE SET name = excluded.name, weight_g = excluded.weight_g,
    length_mm = excluded.length_mm, width_mm = excluded.width_mm, height_mm = excluded.height_mm,
    available_from = excluded.available_from,
    category = coalesce(excluded.category, products.category)
"""
_CREDITS = """
INSERT INTO store_credits (code, currency, balance_minor)
SELECT code, currency, balance_minor FROM jsonb_to_recordset(CAST(:items AS jsonb))
    AS i(code text, currency text, balance_minor bigint)
ON CONFLICT (code) DO NOTHING
"""
_RETURN_POLICIES = """
INSERT INTO return_policies (channel, rules)
SELECT item ->> 'channel', item - 'channel' FROM jsonb_array_elements(CAST(:items AS jsonb)) AS item
ON CONFLICT (channel) DO UPDATE SET rules = excluded.rules
"""
_BY_PART = {
    "pools": _POOLS,
    "locations": _LOCATIONS,
    "sellers": _SELLERS,
    "channels": _CHANNELS,
    "brands": _BRANDS,
    "products": _PRODUCTS,
    "store_credits": _CREDITS,
    "return_policies": _RETURN_POLICIES,
}


async def upsert_catalog(tx: AsyncConnection, setup: Mapping[str, Any]) -> None:
    """Insert or update; a pool once chosen for a location or a channel stays."""
    for part, statement in _BY_PART.items():
        if setup.get(part):
            await run(tx, statement, items=json.dumps(setup[part]))
    if setup.get("sellers") or setup.get("channels"):
        await documents.release_waiting(tx)


async def book_stock(tx: AsyncConnection, level: Mapping[str, Any], key: str) -> None:
    """Receive the opening stock of one SKU at one location, and set the pool's safety stock."""
    change = Change(level["location"], level["sku"], on_hand=level["on_hand"])
    await stock.receive(tx, change, key, "import")
    if level.get("safety_stock") is not None:
        await run(
            tx,
            """
            UPDATE pool_levels SET safety_stock = :safety_stock
            WHERE sku = :sku AND pool = (SELECT pool FROM locations WHERE location = :location)
            """,
            safety_stock=level["safety_stock"],
            sku=level["sku"],
            location=level["location"],
        )
