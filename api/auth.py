"""Who calls, whether the key's scopes allow it, and how often it may."""

import math
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.context import Context, Ctx
from api.problems import RETRY_AFTER, Kind, Problem
from api.rate import Buckets, network_of
from db.inbox.keys import Caller
from domain.access import SCOPES

_bearer: Final = HTTPBearer(
    auto_error=False,
    scheme_name="API key",
    description="`oms_<id>_<secret>`, made by `oms keys create`. Each operation names its scope; "
    "`admin` implies all.",
)
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


async def _authenticate(
    request: Request,
    context: Ctx,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    if given is None:
        charge_failure(request, context)
        raise Problem(
            Kind.UNAUTHORIZED, "send Authorization: Bearer and an API key", headers=_CHALLENGE
        )
    secret = given.credentials
    may_be_a_guess = not context.keys.has_seen(secret)
    if may_be_a_guess:  # charged before it is tried, lest many be tried at once
        charge_failure(request, context)
    caller = await context.keys.authenticate(secret)
    if caller is None:
        raise Problem(
            Kind.UNAUTHORIZED, "the API key is unknown or was revoked", headers=_CHALLENGE
        )
    if may_be_a_guess:
        context.failed.give_back(_address(request))
    _charge(context.asked, caller.key_id, "this key")
    return caller


def charge_failure(request: Request, context: Context) -> None:
    """Count an attempt without a good key or signature. Raises: Problem after too many."""
    _charge(context.failed, _address(request), "without a good key or signature, this address")


def _address(request: Request) -> str:
    return network_of(request.client.host if request.client else None)


def _charge(buckets: Buckets, name: str, who: str) -> None:
    wait_s = math.ceil(buckets.take(name))
    if wait_s:
        detail = f"{who} may ask again in {wait_s} s"
        raise Problem(Kind.TOO_OFTEN, detail, headers={RETRY_AFTER: str(wait_s)})


class Needs:
    """The dependency of a route that only callers with the scope may reach."""

    def __init__(self, scope: str) -> None:
        if scope not in SCOPES:
            raise ValueError(f"there is no scope {scope}")
        self._scope = scope

    async def __call__(self, caller: Annotated[Caller, Depends(_authenticate)]) -> Caller:
        if not caller.may(self._scope):
            raise Problem(Kind.FORBIDDEN, f"the key needs the scope {self._scope}")
        return caller


OrdersReader = Annotated[Caller, Depends(Needs("orders:read"))]
OrdersWriter = Annotated[Caller, Depends(Needs("orders:write"))]
StockReader = Annotated[Caller, Depends(Needs("stock:read"))]
FulfillmentsReader = Annotated[Caller, Depends(Needs("fulfillments:read"))]
FulfillmentsWriter = Annotated[Caller, Depends(Needs("fulfillments:write"))]
ExceptionsReader = Annotated[Caller, Depends(Needs("exceptions:read"))]
ExceptionsWriter = Annotated[Caller, Depends(Needs("exceptions:write"))]
AuditReader = Annotated[Caller, Depends(Needs("audit:read"))]
WebhooksReader = Annotated[Caller, Depends(Needs("webhooks:read"))]
WebhooksWriter = Annotated[Caller, Depends(Needs("webhooks:write"))]
CodecReader = Annotated[Caller, Depends(Needs("codec:read"))]
FraudReviewer = Annotated[Caller, Depends(Needs("fraud:review"))]
ReturnsReader = Annotated[Caller, Depends(Needs("returns:read"))]
ReturnsWriter = Annotated[Caller, Depends(Needs("returns:write"))]
ReturnsHandler = Annotated[Caller, Depends(Needs("returns:handle"))]
CatalogReader = Annotated[Caller, Depends(Needs("catalog:read"))]
CatalogWriter = Annotated[Caller, Depends(Needs("catalog:write"))]
PrivacyWriter = Annotated[Caller, Depends(Needs("privacy:write"))]
Admin = Annotated[Caller, Depends(Needs("admin"))]
