"""Opens sealed payloads for Temporal's own tools, which show them; and seals what these send."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import PayloadCodec

from api.auth import CodecReader
from api.context import Context, Ctx
from api.problems import Kind, Problem, documented

PATH: Final = "/codec/"
router: Final = APIRouter(
    tags=["codec"], responses=documented(Kind.NOT_FOUND, Kind.INVALID_REQUEST)
)
Given = Annotated[
    dict[str, Any],
    Body(examples=[{"payloads": [{"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "MQ=="}]}]),
]


@router.post("/codec/decode")
async def decode_payloads(given: Given, context: Ctx, _: CodecReader) -> JSONResponse:
    """Open payloads, as Temporal's UI and command line ask it. Scope: `codec:read`."""
    codec = _codec(context)
    try:
        return _answer(await codec.decode(_payloads(given)))
    except ValueError as wrong:
        raise Problem(Kind.INVALID_REQUEST, str(wrong)) from None


@router.post("/codec/encode")
async def encode_payloads(given: Given, context: Ctx, _: CodecReader) -> JSONResponse:
    """Seal payloads with the newest key. Scope: `codec:read`."""
    return _answer(await _codec(context).encode(_payloads(given)))


def _codec(context: Context) -> PayloadCodec:
    if context.config.payload_codec is None:
        raise Problem(Kind.NOT_FOUND, "payloads are not sealed here")
    return context.config.payload_codec


def _payloads(given: dict[str, Any]) -> Sequence[Payload]:
    try:
        return ParseDict(given, Payloads()).payloads
    except ParseError:
        # Its text would repeat what was sent.
        raise Problem(Kind.INVALID_REQUEST, "these are no payloads of Temporal's") from None


def _answer(payloads: Sequence[Payload]) -> JSONResponse:
    return JSONResponse(MessageToDict(Payloads(payloads=payloads)))


class CodecCors:
    """Lets browsers of one origin, Temporal's UI, ask here and nowhere else."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self._app = app
        self._open = CORSMiddleware(
            app,
            allow_origins=[origin],
            allow_methods=["POST"],
            allow_headers=["authorization", "content-type", "x-namespace"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_codec = scope["type"] == "http" and scope["path"].startswith(PATH)
        await (self._open if is_codec else self._app)(scope, receive, send)
