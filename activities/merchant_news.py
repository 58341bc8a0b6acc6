"""The way of an order's events to a merchant's system: signed as Standard Webhooks lays down.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import httpx
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.addresses import Addresses, Forbidden
from activities.delivery import Failure
from db.stores import webhooks
from domain.events import event_id, shown
from domain.subscriptions import fault_of_url

# For everything: finding the host, connecting, sending, hearing the status.
TIMEOUT_S: Final = 10.0
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how secrets begin


class MerchantNews:
    def __init__(self, addresses: Addresses, http: httpx.AsyncClient) -> None:
        self._addresses = addresses
        self._http = http

    async def carry(self, tx: AsyncConnection, news: Sequence[Any]) -> Mapping[int, Failure | None]:
        """Tell all of a turn at once: they are of different orders."""
        to = await webhooks.endpoint(tx, news[0].subscription_id)
        if to is None:
            disabled = Failure("the subscription is disabled", was_tried=False)
            return {each.outbox_id: disabled for each in news}
        letters = await webhooks.letters(tx, [each.outbox_id for each in news])
        told = await asyncio.gather(*(self._tell(to, letter) for letter in letters))
        return dict(zip((letter.outbox_id for letter in letters), told, strict=True))

    async def _tell(self, to: Any, letter: Any) -> Failure | None:
        fault = fault_of_url(to.url, allow_private=self._addresses.allow_private)
        if fault:
            return Failure(fault)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status = await self._post(httpx.URL(to.url), *write(to, letter))
        except TimeoutError:
            return Failure(f"no answer within {TIMEOUT_S:.0f} s", hung=True)
        except Forbidden as refusal:
            return Failure(str(refusal))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Failure(f"no answer: {type(error).__name__}")
        except Exception as fault:  # noqa: BLE001 - one bad message must not send the others twice
            return Failure(f"the event cannot be told: {type(fault).__name__}")
        return None if httpx.codes.is_success(status) else Failure(f"the answer is {status}")

    async def _post(self, url: httpx.URL, headers: Mapping[str, str], body: bytes) -> int:
        """Send to an address that was looked at; certificates are still checked for the name."""
        *others, last = await self._addresses.of(_host(url))
        for address in others:
            try:
                return await self._post_to(address, url, headers, body)
            except httpx.ConnectError:
                continue
        return await self._post_to(last, url, headers, body)

    async def _post_to(
        self, address: str, url: httpx.URL, headers: Mapping[str, str], body: bytes
    ) -> int:
        async with self._http.stream(
            "POST",
            url.copy_with(host=address),
            content=body,
            headers={**headers, "Host": url.netloc.decode()},
            extensions={"sni_hostname": _host(url)},
        ) as answer:
            return answer.status_code  # the body is nobody's business and is not read


def _host(url: httpx.URL) -> str:
    """The name as it is looked up; `url.host` reads an international one, and may fail at it."""
    return url.raw_host.decode()


def open_merchant_http() -> httpx.AsyncClient:
    """No redirect is followed, no proxy of the machine used.

    No connection is kept: it would be found again by its address, which hosts may share.
    """
    return httpx.AsyncClient(
        timeout=None,  # noqa: S113 - the whole delivery has one
        limits=httpx.Limits(max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": "Cauce", "Content-Type": "application/json"},
    )


def write(to: Any, letter: Any) -> tuple[dict[str, str], bytes]:
    """Write headers and body; the body is the same at every repeat, the time and signature not."""
    message_id = event_id(letter.order_id, letter.sequence)
    content = {
        "event_id": message_id,
        "type": letter.event,
        "order_id": letter.order_id,
        "channel": letter.channel,
        "external_id": letter.external_id,
        "sequence": letter.sequence,
        "occurred_at": letter.at.isoformat(),
        "fulfillment_id": letter.fulfillment_id,
        "data": shown(letter.data),
    }
    body = json.dumps(content, separators=(",", ":")).encode()
    headers = {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(to.now_s),
        "Webhook-Signature": signatures(to.secrets, f"{message_id}.{to.now_s}.".encode() + body),
    }
    return headers, body


def signatures(secrets: Iterable[str], signed: bytes) -> str:
    """One signature for each valid secret: while one is being replaced, two."""
    keys = (base64.b64decode(secret.removeprefix(SECRET_PREFIX)) for secret in secrets)
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
