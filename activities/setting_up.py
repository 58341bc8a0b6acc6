"""Setting up: catalogue, locations, channels and opening stock, written as the import says."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import run
from db.inbox import catalog as inbox
from db.inbox.catalog import Part
from db.inbox.receiving import receive_many
from db.stores import documents

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
# In the order in which they refer to each other.
_BY_PART: Final[dict[str, Part | str]] = {
    "pools": inbox.POOLS,
    "locations": inbox.LOCATIONS,
    "sellers": _SELLERS,
    "channels": inbox.CHANNELS,
    "brands": _BRANDS,
    "products": inbox.PRODUCTS,
    "carrier_accounts": inbox.CARRIER_ACCOUNTS,
    "store_credits": _CREDITS,
    "return_policies": _RETURN_POLICIES,
}


async def upsert_catalog(tx: AsyncConnection, setup: Mapping[str, Any]) -> None:
    """Insert or update; a pool once chosen for a location or a channel stays."""
    for part, how in _BY_PART.items():
        entries = setup.get(part)
        if not entries:
            continue
        if part == "pools":
            entries = [{"pool": name} for name in entries]
        if isinstance(how, Part):
            await inbox.put(tx, how, entries)
        else:
            await run(tx, how, items=json.dumps(entries))
    if setup.get("sellers"):
        await documents.release_waiting(tx)


async def book_stock(tx: AsyncConnection, level: Mapping[str, Any], key: str) -> None:
    """Receive the opening stock of one SKU at one location, and set the pool's safety stock."""
    await receive_many(tx, [{**level, "key": key}])
