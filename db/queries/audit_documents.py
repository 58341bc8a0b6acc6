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
        SELECT d.number, format('bills %s, the share is %s', d.total_minor, f.share_minor)
        FROM documents d JOIN fulfillments f USING (fulfillment_id)
        WHERE d.kind = 'invoice'
            AND (d.total_minor <> f.share_minor OR f.handed_over_at IS NULL)
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
