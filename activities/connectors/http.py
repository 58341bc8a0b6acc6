"""One HTTP client for all vendors: sends, and turns every failure into "did it happen?"."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import httpx
import pydantic

from activities.connectors.errors import (
    ConnectorError,
    Misconfigured,
    NotSent,
    OutcomeUnknown,
    Rejected,
    Throttled,
)
from domain.redaction import redact

CONNECT_TIMEOUT_S: Final = 5.0
# Vendors answer slowly when a bank or a carrier behind them does; Stripe's own client waits 80.
READ_TIMEOUT_S: Final = 30.0
WRITE_TIMEOUT_S: Final = 10.0
POOL_TIMEOUT_S: Final = 5.0
# All of it together, answers that come drop by drop included: a step waits 45 s for its call.
CALL_TIMEOUT_S: Final = 40.0
# A throttled answer that does not say for how long.
DEFAULT_RETRY_AFTER_S: Final = 1.0
MAX_RETRY_AFTER_S: Final = 300.0
# Enough for a vendor's message to a person.
MAX_DETAIL_LENGTH: Final = 300

# A vendor's `translate.refusal`: status and decoded body of a 4xx to a leaf of the tree.
Refusal = Callable[[int, Mapping[str, Any]], ConnectorError]
ModelT = TypeVar("ModelT", bound=pydantic.BaseModel)

# Nothing of the request was taken by the vendor.
_NEVER_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# It could not be sent as it is, and never will be.
_NEVER_CAN: Final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


class VendorClient:
    """Sends to one vendor account. `secrets` never appear in an error's text."""

    def __init__(
        self,
        vendor: str,
        http: httpx.AsyncClient,
        *,
        refusal: Refusal,
        secrets: Sequence[str] = (),
    ) -> None:
        self.vendor = vendor
        self._http = http
        self._refusal = refusal
        self._secrets = tuple(secret for secret in secrets if secret)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        return await self.send("GET", path, params=params, mutating=False)

    async def send(self, method: str, path: str, *, mutating: bool = True, **request: Any) -> Any:
        """The decoded JSON of a 2xx answer. `mutating` is what makes an unclear end a maybe.

        Raises: the leaves of ConnectorError and nothing else.
        """
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                response = await self._http.request(method, path, **request)
        except _NEVER_LEFT as error:
            raise NotSent(self.vendor, self._text(error)) from error
        except _NEVER_CAN as error:
            raise Misconfigured(self.vendor, self._text(error)) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise self._unclear(mutating=mutating)(self.vendor, self._text(error)) from error
        if not response.is_success:
            raise self._failure(response, mutating=mutating)
        try:
            return response.json()
        except ValueError as error:
            detail = f"{response.status_code} with an answer that is no JSON"
            raise self._unclear(mutating=mutating)(self.vendor, detail) from error

    def parse(self, model: type[ModelT], data: Any, *, mutating: bool = True) -> ModelT:
        """Read an answer. One that lacks what we need leaves an act's outcome open.

        A proxy's page instead of an answer goes away by itself; a vendor that changed its answers
        for good becomes a person's task when the step's patience ends.
        """
        try:
            return model.model_validate(data)
        except pydantic.ValidationError as error:
            # Locations only: the values are the customers'.
            where = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
            kind = self._unclear(mutating=mutating)
            detail = self.redact(f"unexpected {model.__name__}: {where}")
            raise kind(self.vendor, detail) from None

    def redact(self, text: str) -> str:
        """`text` without secrets or e-mail addresses, short enough for an error."""
        return redact(text, self._secrets)[:MAX_DETAIL_LENGTH]

    def _failure(self, response: httpx.Response, *, mutating: bool) -> ConnectorError:
        status = response.status_code
        body = _json_object(response)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return Throttled(self.vendor, "429", retry_after_s=_retry_after_s(response))
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return self._unclear(mutating=mutating)(self.vendor, f"{status} from the vendor")
        if status == httpx.codes.REQUEST_TIMEOUT:
            return NotSent(self.vendor, "408: the vendor did not get the whole request")
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return Misconfigured(self.vendor, f"{status}: the credentials are refused")
        if not response.is_client_error:
            return Misconfigured(self.vendor, f"unexpected status {status}")
        return self.redacted(self._refusal(status, body))

    def redacted(self, error: ConnectorError) -> ConnectorError:
        """The same leaf with a text that is safe to keep."""
        detail = self.redact(error.detail)
        if isinstance(error, Throttled):
            return Throttled(self.vendor, detail, error.code, retry_after_s=error.retry_after_s)
        if isinstance(error, Rejected):
            return Rejected(self.vendor, detail, error.code)
        return type(error)(self.vendor, detail, error.code)

    def _unclear(self, *, mutating: bool) -> type[NotSent] | type[OutcomeUnknown]:
        return OutcomeUnknown if mutating else NotSent

    def _text(self, error: Exception) -> str:
        return self.redact(f"{type(error).__name__}: {error}".rstrip(": "))


def open_http(
    base_url: str,
    *,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """An HTTP client for one vendor; `transport` is for tests. Proxies of the machine are not used:
    a vendor's address is a setting, and nothing else decides where money's requests go.
    """
    return httpx.AsyncClient(
        base_url=base_url.rstrip("/") + "/",
        headers=dict(headers or {}),
        auth=auth,
        timeout=httpx.Timeout(
            READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S, write=WRITE_TIMEOUT_S, pool=POOL_TIMEOUT_S
        ),
        transport=transport,
        trust_env=False,
        follow_redirects=False,
    )


def _json_object(response: httpx.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after_s(response: httpx.Response) -> float:
    """Seconds, or an HTTP date read against the answer's own Date: no clock is needed."""
    text = response.headers.get("Retry-After", "")
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_until(text, response.headers.get("Date", ""))
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _seconds_until(then: str, now: str) -> float:
    try:
        return (parsedate_to_datetime(then) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError):
        return DEFAULT_RETRY_AFTER_S
