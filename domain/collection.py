"""The code by which a customer collects an order in a store: short, derived, kept nowhere."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

# No vowels, so no words; nothing that is read or heard as another.
LETTERS: Final = "23456789CFGHJMPQRVWX"
LENGTH: Final = 6
# 20 ** 6 codes: so few guesses an hour find none within the week in which it is good.
MOST_WRONG: Final = 5
WRONG_FORGOTTEN_S: Final = 3600.0
NO_SHOW: Final = "no_show"
# Another use of the same secret must not make the same proof.
_PURPOSE: Final = b"collection\0"


def collection_code(fulfillment_id: str, secret: str) -> str:
    """Return the code of one parcel; it opens no other."""
    digest = hmac.new(secret.encode(), _PURPOSE + fulfillment_id.encode(), hashlib.sha256).digest()
    number = int.from_bytes(digest)
    letters = []
    for _ in range(LENGTH):
        number, place = divmod(number, len(LETTERS))
        letters.append(LETTERS[place])
    return "".join(letters)


def is_collection_code(given: str, fulfillment_id: str, secrets: Sequence[str]) -> bool:
    """Compare in constant time; spaces, dashes and small letters are forgiven.

    Several secrets are valid at once while one is being replaced.
    """
    said = "".join(given.split()).replace("-", "").upper().encode("utf-8", "replace")
    good = [
        hmac.compare_digest(collection_code(fulfillment_id, secret).encode(), said)
        for secret in secrets
    ]
    return any(good)
