"""The invariants of invoices and credit notes as queries: subject and detail of every violation."""

from typing import Final

RULES: Final[dict[str, str]] = {
    "documents_are_numbered_without_gaps": """
        SELECT series || '-' || year, format('%s documents, numbers from %s to %s', count(*),
            min(sequence), max(sequence))
        FROM documents GROUP BY series, year
        HAVING min(sequence) <> 1 OR count(*) <> max(sequence)
    """,
    "invoice_bills_its_share": """
        WITH RECURSIVE parcels AS (
            -- An exchange's parcel is billed whole: its share is what the goods did not pay.
            SELECT d.number, d.total_minor, f.fulfillment_id, CASE WHEN f.rma IS NULL
                    THEN f.share_minor ELSE (SELECT CAST(sum(x.total_minor) AS bigint)
                        FROM exchange_lines x WHERE x.rma = f.rma) END AS share_minor,
                f.handed_over_at IS NOT NULL AS has_left
            FROM documents d JOIN fulfillments f USING (fulfillment_id) WHERE d.kind = 'invoice'
            UNION ALL
            -- The share moves to what is sent once more.
            SELECT p.number, p.total_minor, r.fulfillment_id, r.share_minor, true
            FROM parcels p JOIN fulfillments r ON r.replaces = p.fulfillment_id
        )
        SELECT number, format('bills %s, the share is %s', total_minor, sum(share_minor))
        FROM parcels GROUP BY number, total_minor
        HAVING total_minor <> sum(share_minor) OR NOT bool_and(has_left)
    """,
    "credit_notes_within_their_invoice": """
        SELECT i.number, format('bills %s, %s is credited', i.total_minor, sum(n.total_minor))
        FROM documents i JOIN documents n ON n.corrects = i.number
        GROUP BY i.number HAVING sum(n.total_minor) > i.total_minor
    """,
    "document_says_its_total": """
        SELECT number, format('%s in its row, %s in its content', total_minor,
            content #> '{bill,total_minor}')
        FROM documents WHERE to_jsonb(total_minor) <> content #> '{bill,total_minor}'
    """,
    "delivered_document_is_written": """
        SELECT o.key, 'told of as written, and is not there' FROM outbox o
        WHERE o.kind = 'document' AND o.delivered_at IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.key = o.key)
    """,
}
