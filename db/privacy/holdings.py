"""Says of every column that holds words whether they are a customer's, and what erasing leaves.

A test compares it with the tables: a new column has to be put here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_ORDERS: Final = "CAST(:orders AS text[])"
_EXCEPTIONS: Final = "CAST(:exceptions AS text[])"
_RETURNS: Final = "CAST(:returns AS text[])"
_OF_ORDERS: Final = f"order_id = ANY({_ORDERS})"
_OF_PARCELS: Final = "fulfillment_id = ANY(CAST(:fulfillments AS text[]))"
# Whether a document in the inbox speaks of the customer.
MENTIONED: Final = """
    (lower(document::text) ~ :pattern OR EXISTS (
        SELECT FROM unnest(CAST(:mentions AS text[])) AS m WHERE strpos(document::text, m) > 0))
"""
# Country and region stay: figures go by them.
_ADDRESS: Final = """
    jsonb_build_object('name', CAST(:pseudonym AS text), 'line1', 'erased', 'line2', NULL,
        'city', 'erased', 'postal_code', 'erased', 'phone', NULL, 'latitude', NULL,
        'longitude', NULL, 'region', {ship_to} -> 'region', 'country', {ship_to} -> 'country')
"""
# An order's document stays one that can be read; of any other nothing is needed but its id.
_DOCUMENT: Final = f"""
    CASE WHEN kind = 'order' AND state = 'handled' THEN jsonb_build_object(
        'channel', document -> 'channel', 'external_id', document -> 'external_id',
        'placed_at', document -> 'placed_at', 'currency', document -> 'currency',
        'locale', document -> 'locale', 'lines', document -> 'lines',
        'charges', coalesce(document -> 'charges', '[]'),
        'tenders', coalesce((
            SELECT jsonb_agg(CASE WHEN tender ->> 'kind' = 'store_credit' THEN tender
                ELSE tender || jsonb_build_object('reference', 'erased') END)
            FROM jsonb_array_elements(document -> 'tenders') AS each(tender)), '[]'),
        'customer', jsonb_build_object(
            'name', CAST(:pseudonym AS text), 'email', CAST(:email AS text)),
        'ship_to', {_ADDRESS.format(ship_to="(document -> 'ship_to')")})
    ELSE jsonb_build_object('erased', CAST(:pseudonym AS text)) END
"""  # noqa: S608 - made of constants
_MAIL: Final = """
    CASE WHEN kind = 'email' THEN payload || jsonb_build_object('to', CAST(:email AS text),
        'facts', jsonb_build_object('name', CAST(:pseudonym AS text),
            'order', payload -> 'facts' -> 'order'))
    ELSE payload END
"""


@dataclass(frozen=True)
class Holding:
    """`whose` says which rows are about the customer; `erased`, what their columns become (SQL)."""

    table: str
    whose: str
    erased: Mapping[str, str] = field(default_factory=dict)


HOLDINGS: Final = (
    Holding(
        "orders",
        _OF_ORDERS,
        {
            "customer_name": ":pseudonym",
            "customer_email": ":email",
            "customer_phone": "NULL",
            "ship_to": _ADDRESS.format(ship_to="ship_to"),
            # Of a cancellation it is the caller's own words.
            "outcome_reason": "CASE WHEN outcome = 'cancelled' THEN 'erased' ELSE outcome_reason END",  # noqa: E501
        },
    ),
    # Made anew of what the order holds now: what nobody else is called leaves the words, too.
    Holding(
        "order_search",
        _OF_ORDERS,
        {
            "words": "(SELECT n.words FROM order_words_now n"
            " WHERE n.order_id = order_search.order_id)"
        },
    ),
    # It follows that row.
    Holding(
        "word_orders",
        "(word, placed_at, order_id) IN (SELECT w.word, s.placed_at, s.order_id"  # noqa: S608
        f" FROM order_search s, unnest(s.words) AS w(word) WHERE s.{_OF_ORDERS})",
    ),
    Holding(
        "search_words",
        f"word IN (SELECT unnest(words) FROM order_search WHERE {_OF_ORDERS})",  # noqa: S608
    ),
    Holding("order_states", _OF_ORDERS),
    Holding("order_lines", _OF_ORDERS),
    Holding("order_charges", _OF_ORDERS),
    Holding("order_events", _OF_ORDERS),
    Holding(
        "tenders",
        _OF_ORDERS,
        # A store credit's code is its account, to which money may still go back.
        {"reference": "CASE WHEN kind = 'store_credit' THEN reference ELSE 'erased' END"},
    ),
    Holding("payment_events", _OF_ORDERS),
    Holding("returns", _OF_ORDERS, {"payment_reference": "nullif('erased', payment_reference)"}),
    Holding("return_items", f"rma = ANY({_RETURNS})", {"photos": "'{}'"}),
    Holding("authorizations", _OF_ORDERS, {"voucher_url": "NULL"}),
    Holding("fulfillments", _OF_ORDERS),
    Holding("labels", f"{_OF_PARCELS} OR rma = ANY({_RETURNS})", {"label_url": "NULL"}),
    Holding("tracking_events", _OF_PARCELS, {"description": "'erased'"}),
    Holding("holds", _OF_ORDERS),
    Holding(
        "fraud_assessments",
        _OF_ORDERS,
        # Hashes of an e-mail address and a street: who can guess those knows whose they are.
        {"customer_key": "NULL", "address_key": "NULL"},
    ),
    Holding("address_corrections", _OF_ORDERS, {"address": _ADDRESS.format(ship_to="address")}),
    Holding("exceptions", _OF_ORDERS, {"detail": "'erased'", "note": "nullif('erased', note)"}),
    Holding(
        "remarks",
        f"subject = ANY({_ORDERS} || {_EXCEPTIONS} || {_RETURNS})"
        f" OR EXISTS (SELECT FROM unnest({_ORDERS}) AS o WHERE"
        # Workflows are called order-ID, order-ID/f/N late-ID-tN and late-ID-fN.
        " subject = 'order-' || o OR starts_with(subject, 'order-' || o || '/')"
        " OR subject ~ ('^late-' || replace(o, '.', '\\.') || '-[tf][0-9]+$'))",
        {"text": "'erased'"},
    ),
    Holding(
        "outbox",
        f"{_OF_ORDERS} OR lower(payload ->> 'to') = :address",
        {
            "payload": _MAIL,
            "last_error": "CASE WHEN dead_at IS NOT NULL AND kind <> 'email' THEN 'erased' END",
            "dead_at": "CASE WHEN kind = 'email' THEN NULL ELSE dead_at END",
            # A mail that was not sent has nowhere to go any more.
            "delivered_at": "CASE WHEN kind = 'email' THEN coalesce(delivered_at, now()) "
            "ELSE delivered_at END",
        },
    ),
    Holding(
        "inbox",
        "CASE WHEN kind = 'order' AND state = 'handled'"
        f" THEN source || '-' || external_id = ANY({_ORDERS}) ELSE {MENTIONED} END",
        {"document": _DOCUMENT, "note": "CASE WHEN note IS NULL THEN NULL ELSE 'erased' END"},
    ),
    Holding(
        "idempotency_keys",
        f"body ->> 'order_id' = ANY({_ORDERS}) OR body ->> 'exception_id' = ANY({_EXCEPTIONS})"
        f" OR body ->> 'rma' = ANY({_RETURNS})",
        {"body": "CASE WHEN body ? 'detail' THEN body || '{\"detail\": \"erased\"}' ELSE body END"},
    ),
    Holding("mail_opt_outs", "email = :address", {"email": ":email"}),
    # An invoice is kept as it was issued for as long as the law asks, also after an erasure.
    Holding("documents", _OF_ORDERS),
    Holding("audit_log", f"subject = ANY({_ORDERS} || {_EXCEPTIONS} || {_RETURNS})"),
)

# Ids, codes, our own words, and what is the merchant's.
NOT_PERSONAL: Final[Mapping[str, frozenset[str]]] = {
    table: frozenset(columns.split())
    for table, columns in {
        "pools": "pool name",
        "locations": "location pool name address capabilities time_zone opening holidays cut_off",
        "channels": "channel name kind pool currencies undeliverable fraud_policy seller"
        " on_shortage on_loss on_out_of_stock",
        "brands": "channel name sender_name sender logo_url logo_alt support legal_lines language"
        " colors",
        "sellers": "seller legal_name address vat_id tax_registration registration exemption"
        " legal_lines invoice_series credit_note_series language time_zone",
        "documents": "number key kind seller series order_id fulfillment_id corrects currency"
        " content",
        "products": "sku name category barcodes hs_code origin",
        "carrier_accounts": "account vendor carrier reference credential services",
        "imports": "import_id kind format columns delimiter state actor detail",
        "import_rejects": "import_id faults entry",
        "pool_levels": "pool sku",
        "location_levels": "location sku",
        "stock_movements": "key kind sku pool location order_id fulfillment_id cause",
        "orders": "order_id channel external_id currency locale outcome next_step pickup_location",
        "order_search": "order_id",
        # A word that one customer alone had goes with the words of their orders.
        "word_orders": "word order_id",
        "search_words": "word forms",
        "order_states": "order_id payment fulfillment returned",
        "saved_views": "name query saved_by",
        "order_lines": "order_id sku external_line_id",
        "order_charges": "order_id kind",
        "order_changes": "order_id state wishes code asked_by",
        "order_events": "order_id event actor fulfillment_id data",
        "reservations": "order_id sku pool state",
        "tenders": "order_id kind currency rma",
        "payment_intents": "key order_id fulfillment_id verb currency authorization_key state code",
        "authorizations": "authorization_key order_id vendor vendor_ref currency state",
        "payment_events": "key order_id authorization_key event currency",
        "store_credits": "code currency",
        "fulfillments": "fulfillment_id rma order_id location state tracking_status next_step"
        " replaces found_by",
        "collection_tries": "fulfillment_id",
        "parcel_plays": "fulfillment_id play",
        "carrier_claims": "fulfillment_id cause tracking_number currency state ended_by",
        "count_tasks": "location sku state reason fulfillment_id counted_by",
        "fulfillment_lines": "fulfillment_id sku",
        "allocations": "fulfillment_id sku pool location state",
        "fulfillment_shares": "fulfillment_id authorization_key",
        "labels": "label_key fulfillment_id rma vendor state vendor_shipment_id rate_id carrier"
        " service tracking_number tracker_id cost_currency",
        "tracking_events": "fulfillment_id event_id status",
        "exceptions": "exception_id workflow_id order_id fulfillment_id step reason owner"
        " resolutions state resolution resolved_by",
        "holds": "order_id key kind blocks owner on_expiry state placed_by ended_by",
        "fraud_assessments": "order_id facts scorer",
        "address_corrections": "order_id said_by",
        "remarks": "subject about said_by",
        "outbox": "key kind order_id lane subscription_id",
        "inbox": "source kind external_id content_sha256 state",
        "mail_opt_outs": "channel",
        "channel_cursors": "channel updated_since",
        "api_keys": "key_id name secret_sha256 scopes",
        "idempotency_keys": "key_id idempotency_key request_sha256",
        "audit_log": "actor action subject reason before after",
        "webhook_subscriptions": "subscription_id url events",
        "webhook_secrets": "subscription_id secret",
        "return_policies": "channel rules",
        "returns": "rma order_id source resolution method location state outcome review_reason"
        " tracking_status drop_off_code credit_code next_step",
        "return_items": "rma fulfillment_id sku reason condition",
        "return_dispositions": "rma disposition location",
        "return_refunds": "rma authorization_key intent_key",
        "exchange_lines": "rma sku",
        "unmatched_goods": "location sku rma kind state resolution resolved_by",
        "reconciliation_lines": "look ref line",
        "reconciliation_tasks": "scope kind subject detail ours theirs state seen_by resolution"
        " resolved_by note",
        "vendor_credentials": "vendor name key_id",
    }.items()
}
# A customer's, and not erased: the law wants it kept (GDPR, article 17(3)(b)).
KEPT_BY_LAW: Final[Mapping[str, frozenset[str]]] = {"documents": frozenset({"buyer"})}
