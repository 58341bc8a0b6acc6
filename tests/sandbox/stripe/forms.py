"""Requests as an order system sends them."""


def hold(amount=2500, currency="usd", method="pm_card_visa", **more):
    return {
        "amount": amount,
        "currency": currency,
        "capture_method": "manual",
        "confirm": "true",
        "payment_method": method,
        "payment_method_types[]": "card",
        "metadata[order]": "shop-1001",
        **more,
    }


def sale(amount=2500, currency="usd", method="pm_card_debit", **more):
    return hold(amount, currency, method, **{"capture_method": "automatic", **more})


def slip(method, amount=2500, **more):
    form = sale(amount, "brl", method, **more)
    return {**form, "payment_method_types[]": "boleto"}
