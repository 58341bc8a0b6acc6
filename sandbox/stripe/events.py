"""Events that were emitted, for those who missed their webhooks."""

import json
from collections.abc import Mapping

from sandbox.calls import Call, Reply
from sandbox.store import Tx
from sandbox.stripe.errors import missing
from sandbox.stripe.forms import nested, page_size
from sandbox.stripe.objects import page


def list_all(tx: Tx, call: Call, _: Mapping[str, str]) -> Reply:
    """Newest first; a webhook delivered twice is one event."""
    query = nested(list(call.query.items()))
    limit = page_size(query)
    after = query.get("starting_after")
    rows = tx.db.execute(
        "SELECT min(seq) AS first, body FROM deliveries WHERE vendor='stripe'"
        " AND (? = '' OR topic = ?)"
        " AND (? = '' OR seq < (SELECT min(seq) FROM deliveries WHERE event = ?))"
        " GROUP BY event ORDER BY first DESC LIMIT ?",
        (query.get("type", ""), query.get("type", ""), after or "", after or "", limit + 1),
    )
    return Reply(page("/v1/events", [json.loads(row["body"]) for row in rows], limit))


def retrieve(tx: Tx, call: Call, names: Mapping[str, str]) -> Reply:  # noqa: ARG001 - a Handler
    row = tx.db.execute(
        "SELECT body FROM deliveries WHERE vendor='stripe' AND event=?", (names["id"],)
    ).fetchone()
    if row is None:
        raise missing("event", names["id"], "id")
    return Reply(json.loads(row["body"]))
