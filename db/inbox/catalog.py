"""The catalogue is changed here alone: by the set-up file, by bulk imports and through the API."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run
from db.inbox import closing
from db.stores import documents

# Any constant: with a part's number it is the lock of that part.
_LOCK: Final = 7_221_019


@dataclass(frozen=True)
class Part:
    """A part of the catalogue; `references` says which field names an entry of which table.

    `defaults` is what a new entry has where nothing is said. `fixed` fields are chosen once.
    """

    table: str
    key: str
    noun: str
    number: int
    defaults: Mapping[str, Any]
    fixed: tuple[str, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)


_POLICIES: Final = {
    "buffer": 0, "undeliverable": "refuse", "on_shortage": "backorder", "on_loss": "ask",
    "decides_up_to_minor": 0, "on_out_of_stock": "refuse",
}  # fmt: skip
POOLS: Final = Part("pools", "pool", "Pool", 1, {})
LOCATIONS: Final = Part(
    "locations", "location", "Location", 2,
    {"active": True, "capabilities": [], "ships": True, "receives_returns": True,
     "time_zone": "UTC", "holidays": []},
    fixed=("pool",), references={"pool": "pools"},
)  # fmt: skip
CHANNELS: Final = Part(
    "channels", "channel", "Channel", 3, {**_POLICIES, "active": True},
    fixed=("pool", "kind"), references={"pool": "pools", "seller": "sellers"},
)  # fmt: skip
PRODUCTS: Final = Part("products", "sku", "Product", 4, {"barcodes": [], "active": True})
CARRIER_ACCOUNTS: Final = Part(
    "carrier_accounts", "account", "CarrierAccount", 5, {"services": [], "active": True}
)


@dataclass(frozen=True)
class By:
    actor: str
    reason: str | None = None


@dataclass(frozen=True)
class Fault:
    field: str
    reason: str


@dataclass(frozen=True)
class Written:
    code: str
    is_new: bool
    is_changed: bool


class InUse(Exception):
    """It can neither go nor be retired, as others need it; it says why."""


# Entries are laid over what is there, so that a field that is not named stays as it is.
# A location's address may name a person, and what is audited stays for ever.
_PUT: Final = """
WITH given AS MATERIALIZED (
    SELECT t AS old, t.{key} IS NULL AS is_new, jsonb_populate_record(
        CASE WHEN t.{key} IS NULL
            THEN jsonb_populate_record(CAST(NULL AS {table}), CAST(:defaults AS jsonb)) ELSE t END,
        CASE WHEN t.{key} IS NULL THEN item ELSE item - CAST(:fixed AS text[]) END) AS new
    FROM jsonb_array_elements(CAST(:items AS jsonb)) AS g(item)
        LEFT JOIN {table} t ON t.{key} = item ->> '{key}'
), changed AS MATERIALIZED (
    SELECT (new).{key} AS code, new, is_new, to_jsonb(old) AS before, to_jsonb(new) AS after
    FROM given WHERE new IS DISTINCT FROM old
), written AS (
    INSERT INTO {table} AS kept SELECT (new).* FROM changed
    ON CONFLICT ({key}) DO UPDATE SET {sets}, version = kept.version + 1
), audited AS (
    INSERT INTO audit_log (actor, action, subject, reason, before, after)
    SELECT CAST(:actor AS text), :noun || CASE WHEN is_new THEN 'Created'
            WHEN before ->> 'active' = 'true' AND after ->> 'active' = 'false' THEN 'Retired'
            ELSE 'Changed' END,
        code, CAST(:reason AS text),
        (SELECT coalesce(jsonb_object_agg(name, value), '{{}}')
            FROM jsonb_each(CASE WHEN is_new THEN '{{}}' ELSE before END) AS b(name, value)
            WHERE value IS DISTINCT FROM after -> name)
            #- '{{address,name}}' #- '{{address,phone}}',
        (SELECT coalesce(jsonb_object_agg(name, value), '{{}}')
            FROM jsonb_each(after) AS a(name, value)
            WHERE name <> 'version' AND (is_new OR value IS DISTINCT FROM before -> name))
            #- '{{address,name}}' #- '{{address,phone}}'
    FROM changed WHERE CAST(:actor AS text) IS NOT NULL
)
SELECT (new).{key} AS code, is_new, new IS DISTINCT FROM old AS is_changed FROM given
"""


async def bound_waits(tx: AsyncConnection, patience_s: float) -> None:
    """From here on the transaction waits at most so long for any one lock."""
    patience = f"{round(patience_s * 1_000)}ms"
    await run(tx, "SELECT set_config('lock_timeout', :patience, true)", patience=patience)


async def lock(tx: AsyncConnection, part: Part) -> None:
    """Until the transaction's end nobody else changes this part: what is read stays true."""
    await run(
        tx, "SELECT pg_advisory_xact_lock(:family, :number)", family=_LOCK, number=part.number
    )


async def lock_shared(tx: AsyncConnection, part: Part) -> None:
    """Until the transaction's end nobody changes this part; others may say the same."""
    await run(
        tx,
        "SELECT pg_advisory_xact_lock_shared(:family, :number)",
        family=_LOCK,
        number=part.number,
    )


async def put(
    tx: AsyncConnection, part: Part, entries: Sequence[Mapping[str, Any]], by: By | None = None
) -> list[Written]:
    """Make or change checked entries, no two of them with the same key.

    Each change is audited when `by` says who makes it; the others audit what they do as a whole.
    """
    await lock(tx, part)
    found = await rows(
        tx,
        _PUT.format(table=part.table, key=part.key, sets=await _sets(tx, part)),
        items=json.dumps(entries),
        defaults=json.dumps({**part.defaults, "version": 1}),
        fixed=list(part.fixed),
        actor=by and by.actor,
        reason=by and by.reason,
        noun=part.noun,
    )
    if part is CHANNELS and any(each.is_changed for each in found):
        await documents.release_waiting(tx)
    return [Written(*each) for each in found]


async def _sets(tx: AsyncConnection, part: Part) -> str:
    """The assignments of every column that may change."""
    columns = await rows(
        tx,
        """
        SELECT attname FROM pg_attribute WHERE attrelid = CAST(:table AS regclass) AND attnum > 0
            AND NOT attisdropped AND NOT attname = ANY(CAST(:kept AS text[])) ORDER BY attnum
        """,
        table=part.table,
        kept=[part.key, "version", *part.fixed],
    )
    return ", ".join(f"{each.attname} = excluded.{each.attname}" for each in columns)


async def known(tx: AsyncConnection, part: Part, codes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What is there, whole, by its code."""
    found = await rows(
        tx,
        f"SELECT * FROM {part.table} WHERE {part.key} = ANY(CAST(:codes AS text[]))",  # noqa: S608
        codes=list(codes),
    )
    return {getattr(each, part.key): each._asdict() for each in found}


async def faults(
    tx: AsyncConnection,
    part: Part,
    entries: Sequence[Mapping[str, Any]],
    there: Mapping[str, Mapping[str, Any]],
) -> list[list[Fault]]:
    """What no entry can say by itself, entry by entry; `there` is what `known` found."""
    found: list[list[Fault]] = [[] for _ in entries]
    for name, table in part.references.items():
        strangers = await _strangers(tx, table, {each.get(name) for each in entries} - {None})
        for number, entry in enumerate(entries):
            if entry.get(name) in strangers:
                found[number].append(Fault(name, f"{entry[name]!r} is unknown"))
    for number, entry in enumerate(entries):
        found[number] += _moved(part, entry, there.get(entry[part.key], {}))
    for number, fault in await _taken(tx, part, entries):
        found[number].append(fault)
    return found


async def _strangers(tx: AsyncConnection, table: str, names: set[Any]) -> set[str]:
    return names - await held(tx, table, table.removesuffix("s"), sorted(names))


async def held(tx: AsyncConnection, table: str, key: str, codes: Sequence[str]) -> set[str]:
    """Those that are there, and that nobody deletes before the transaction's end."""
    found = await rows(
        tx,
        f"""
        SELECT {key} FROM {table} WHERE {key} = ANY(CAST(:codes AS text[]))
        ORDER BY {key} FOR KEY SHARE
        """,  # noqa: S608 - names of our own
        codes=list(codes),
    )
    return {each[0] for each in found}


async def hindrances(
    tx: AsyncConnection,
    part: Part,
    entries: Sequence[Mapping[str, Any]],
    there: Mapping[str, Mapping[str, Any]],
) -> list[Fault | None]:
    """What each entry would end that others still need; the part is locked."""
    if part is not LOCATIONS:
        return [None] * len(entries)
    return [each and Fault(*each) for each in await closing.hindrances(tx, entries, there)]


def _moved(part: Part, entry: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[Fault]:
    for name in part.fixed:
        if there and name in entry and entry[name] != there[name]:
            yield Fault(name, f"stays {there[name]!r}, as it was first chosen")


async def _taken(
    tx: AsyncConnection, part: Part, entries: Sequence[Mapping[str, Any]]
) -> list[tuple[int, Fault]]:
    """What belongs to another entry, of the catalogue or earlier among these."""
    if part is PRODUCTS:
        return await _taken_barcodes(tx, entries)
    if part is CARRIER_ACCOUNTS:
        return await _taken_references(tx, entries)
    return []


async def _taken_barcodes(
    tx: AsyncConnection, entries: Sequence[Mapping[str, Any]]
) -> list[tuple[int, Fault]]:
    given = [each for each in entries if each.get("barcodes")]
    if not given:
        return []
    found = await rows(
        tx,
        """
        SELECT sku, unnest(barcodes) AS barcode FROM products
        WHERE barcodes && CAST(:barcodes AS text[])
            AND NOT sku = ANY(CAST(:anew AS text[]))
        """,
        barcodes=sorted({code for each in given for code in each["barcodes"]}),
        # What these had before, they are about to say anew.
        anew=[each["sku"] for each in entries if "barcodes" in each],
    )
    owners = {each.barcode: each.sku for each in found}
    taken = []
    for number, entry in enumerate(entries):
        for barcode in entry.get("barcodes", ()):
            owner = owners.setdefault(barcode, entry["sku"])
            if owner != entry["sku"]:
                taken.append((number, Fault("barcodes", f"{barcode} belongs to {owner!r}")))
    return taken


async def _taken_references(
    tx: AsyncConnection, entries: Sequence[Mapping[str, Any]]
) -> list[tuple[int, Fault]]:
    found = await rows(tx, "SELECT account, vendor, reference FROM carrier_accounts")
    owners = {(each.vendor, each.reference): each.account for each in found}
    taken = []
    for number, entry in enumerate(entries):
        before = next((of for of, owner in owners.items() if owner == entry["account"]), ("", ""))
        wanted = entry.get("vendor", before[0]), entry.get("reference", before[1])
        owner = owners.setdefault(wanted, entry["account"])
        if owner != entry["account"]:
            taken.append((number, Fault("reference", f"{wanted[1]!r} belongs to {owner!r}")))
    return taken


async def remove(tx: AsyncConnection, part: Part, there: Mapping[str, Any], by: By) -> str:
    """Delete what nothing refers to (`deleted`), else retire it (`retired`).

    The part is locked; `there` is what is known of the entry. Raises: InUse.
    """
    code = there[part.key]
    # What was retired may go as little as what was not.
    was_open = {code: {**there, "active": True}}
    [hindrance] = await hindrances(tx, part, [{part.key: code, "active": False}], was_open)
    if hindrance is not None:
        raise InUse(hindrance.reason)
    if not await _is_waited_for(tx, part, code):
        try:
            async with tx.begin_nested():
                await _delete(tx, part, code, by)
        except IntegrityError:
            pass
        else:
            return "deleted"
    if "active" not in part.defaults:
        raise InUse(f"locations, channels or stock are in {code!r}")
    await put(tx, part, [{part.key: code, "active": False}], by)
    return "retired"


async def _is_waited_for(tx: AsyncConnection, part: Part, code: str) -> bool:
    """Whether an order that is not admitted yet may speak of it: no foreign key sees those."""
    found = await row(
        tx,
        """
        SELECT 1 FROM inbox WHERE state = 'new'
            AND (source = :code OR strpos(document::text, CAST(to_json(CAST(:code AS text)) AS text)) > 0)
        LIMIT 1
        """,  # noqa: E501
        code=code,
    )
    return found is not None and part is not POOLS


async def _delete(tx: AsyncConnection, part: Part, code: str, by: By) -> None:
    await run(
        tx,
        f"""
        WITH gone AS (DELETE FROM {part.table} t WHERE {part.key} = :code RETURNING to_jsonb(t) AS was)
        INSERT INTO audit_log (actor, action, subject, reason, before)
        SELECT :actor, :action, :code, CAST(:reason AS text),
            was #- '{{address,name}}' #- '{{address,phone}}' FROM gone
        """,  # noqa: E501, S608 - names of this file
        code=code,
        actor=by.actor,
        action=f"{part.noun}Deleted",
        reason=by.reason,
    )
