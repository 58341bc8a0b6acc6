"""Payment method ids as instructions: what each one makes happen when it is confirmed."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Decline:
    """A card that refuses: Stripe's code, its finer decline code, its words."""

    code: str
    decline_code: str
    message: str


@dataclass(frozen=True)
class Method:
    """`kind` is Stripe's payment method type; `slip` says what becomes of a boleto."""

    kind: str
    funding: str = "credit"
    brand: str = "visa"
    last4: str = "4242"
    decline: Decline | None = None
    slip: str = ""


GENERIC: Final = Decline("card_declined", "generic_decline", "Your card was declined.")
POOR: Final = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST: Final = Decline("card_declined", "lost_card", "Your card was declined.")
STOLEN: Final = Decline("card_declined", "stolen_card", "Your card was declined.")
EXPIRED: Final = Decline("expired_card", "expired_card", "Your card has expired.")

# Source: https://docs.stripe.com/testing; pm_card_debit and pm_boleto_* are the sandbox's own.
METHODS: Final = {
    "pm_card_visa": Method("card"),
    "pm_card_mastercard": Method("card", brand="mastercard", last4="4444"),
    "pm_card_amex": Method("card", brand="amex", last4="8431"),
    "pm_card_visa_debit": Method("card", funding="debit", last4="5556"),
    "pm_card_debit": Method("card", funding="debit", last4="5556"),
    "pm_card_chargeDeclined": Method("card", last4="0002", decline=GENERIC),
    "pm_card_visa_chargeDeclined": Method("card", last4="0002", decline=GENERIC),
    "pm_card_chargeDeclinedInsufficientFunds": Method("card", last4="9995", decline=POOR),
    "pm_card_visa_chargeDeclinedInsufficientFunds": Method("card", last4="9995", decline=POOR),
    "pm_card_visa_chargeDeclinedLostCard": Method("card", last4="9987", decline=LOST),
    "pm_card_visa_chargeDeclinedStolenCard": Method("card", last4="9979", decline=STOLEN),
    "pm_card_chargeDeclinedExpiredCard": Method("card", last4="0069", decline=EXPIRED),
    "pm_boleto_paid": Method("boleto", slip="paid"),
    "pm_boleto_never": Method("boleto", slip="never"),
    "pm_boleto_late": Method("boleto", slip="late"),
}

# Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts (minor units)
MINIMUM: Final = {
    "usd": 50, "eur": 50, "gbp": 30, "brl": 50, "cad": 50, "aud": 50, "chf": 50, "jpy": 50,
    "mxn": 1000, "sek": 300, "nok": 300, "dkk": 250, "pln": 200, "nzd": 50, "sgd": 50,
    "hkd": 400, "inr": 50, "czk": 1500,
}  # fmt: skip
MAXIMUM: Final = 99_999_999
# Source: https://docs.stripe.com/payments/boleto: presentment in BRL only, at least R$5.00
BOLETO_CURRENCY: Final = "brl"
BOLETO_MINIMUM: Final = 500
