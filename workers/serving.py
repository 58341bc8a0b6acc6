"""The API process: one HTTP server over the database and Temporal."""

import uvicorn

from api.app import create_app
from api.context import ApiConfig
from db.engine import make_engine
from domain.timings import Timings
from workers.credentials import with_stored_credentials
from workers.settings import Settings
from workers.temporal import connect, payload_codec


class _Server(uvicorn.Server):
    """Says when it serves."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: object = None) -> None:
        await super().startup(sockets)  # type: ignore[arg-type]
        self._settings.announce_ready()


async def serve_api(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    engine = make_engine(settings.require_database_url())
    try:
        settings = await with_stored_credentials(settings, engine)
        app = create_app(
            engine=engine, temporal=await connect(settings), config=api_config(settings)
        )
        config = uvicorn.Config(
            app,
            host=settings.api_host,
            port=settings.api_port,
            log_level=settings.log_level,
            log_config=None,  # its lines go where ours go, and are redacted there
            access_log=False,
            server_header=False,
        )
        await _Server(config, settings).serve()
    finally:
        await engine.dispose()


def api_config(settings: Settings) -> ApiConfig:
    return ApiConfig(
        stripe_secrets=tuple(s.get_secret_value() for s in settings.stripe_webhook_secrets),
        easypost_secrets=tuple(s.get_secret_value() for s in settings.easypost_webhook_secrets),
        shopify_secrets=tuple(s.get_secret_value() for s in settings.shopify_webhook_secrets),
        shopify_channel=settings.shopify_channel,
        shopify_tenders_from_attributes=settings.shopify_tenders_from_notes,
        payload_codec=payload_codec(settings),
        temporal_ui_origin=settings.temporal_ui_origin,
        timings=Timings().scaled(settings.time_factor),
    )
