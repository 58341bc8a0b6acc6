"""Invoices and credit notes as an order lists them."""

from datetime import date
from typing import Literal

from pydantic import Field

from api.fields import Answer, Minor, Moment


class DocumentItem(Answer):
    state: Literal["issued", "waiting"] = Field(
        description="waiting: asked for and not written yet; no number was used"
    )
    kind: Literal["invoice", "credit_note"]
    fulfillment_id: str
    number: str | None = Field(description="for /documents/{number}.pdf and .xml")
    corrects: str | None = Field(description="the invoice that a credit note corrects")
    currency: str
    total_minor: Minor
    issued_on: date | None = Field(description="in the seller's time zone")
    issued_at: Moment | None
    reason: str | None = Field(description="why it waits, when it was tried")


class DocumentList(Answer):
    items: list[DocumentItem]
