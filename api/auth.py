"""Who calls, and whether the key's scopes allow it."""

from typing import Annotated, Final

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.context import Ctx
from api.problems import Kind, Problem
from db.inbox.keys import Caller

_bearer: Final = HTTPBearer(
    auto_error=False,
    scheme_name="API key",
    description="`oms_<id>_<secret>`, made by `oms keys create`. Each operation names its scope; "
    "`admin` implies all.",
)
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


async def _authenticate(
    context: Ctx, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    if given is None:
        raise Problem(
            Kind.UNAUTHORIZED, "send Authorization: Bearer and an API key", headers=_CHALLENGE
        )
    caller = await context.keys.authenticate(given.credentials)
    if caller is None:
        raise Problem(
            Kind.UNAUTHORIZED, "the API key is unknown or was revoked", headers=_CHALLENGE
        )
    return caller


class _Needs:
    def __init__(self, scope: str) -> None:
        self._scope = scope

    async def __call__(self, caller: Annotated[Caller, Depends(_authenticate)]) -> Caller:
        if not caller.may(self._scope):
            raise Problem(Kind.FORBIDDEN, f"the key needs the scope {self._scope}")
        return caller


OrdersReader = Annotated[Caller, Depends(_Needs("orders:read"))]
OrdersWriter = Annotated[Caller, Depends(_Needs("orders:write"))]
StockReader = Annotated[Caller, Depends(_Needs("stock:read"))]
FulfillmentsReader = Annotated[Caller, Depends(_Needs("fulfillments:read"))]
FulfillmentsWriter = Annotated[Caller, Depends(_Needs("fulfillments:write"))]
ExceptionsReader = Annotated[Caller, Depends(_Needs("exceptions:read"))]
CodecReader = Annotated[Caller, Depends(_Needs("codec:read"))]
ExceptionsWriter = Annotated[Caller, Depends(_Needs("exceptions:write"))]
