"""The API process: one HTTP server over the database and Temporal."""

from typing import Final

import uvicorn

from api.app import create_app
from api.context import ApiConfig, Limits
from api.heads import BoundedHead
from api.rate import Rate
from db.engine import make_engine
from workers.credentials import with_stored_credentials
from workers.errors import UserError
from workers.settings import Settings
from workers.temporal import payload_codec
from workers.watch.process import Watch, figures_shown, open_watch

# A caller who would wait longer for a connection to the database is sent away with 503.
POOL_WAIT_S: Final = 5.0
# On SIGTERM, requests under way get so long; what an order needs was committed long before.
DRAIN_S: Final = 20


class _Server(uvicorn.Server):
    """Says when it serves, and takes it back when it drains."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: object = None) -> None:
        """Raises: UserError when it cannot listen; why is the log's last line."""
        try:
            await super().startup(sockets)  # type: ignore[arg-type]
        except SystemExit:
            at = f"{self._settings.api_host}:{self._settings.api_port}"
            raise UserError(f"the API cannot listen on {at}: is it in use, or not ours?") from None
        self._settings.announce_ready()

    async def shutdown(self, sockets: object = None) -> None:
        self._settings.not_ready_yet()
        await super().shutdown(sockets)  # type: ignore[arg-type]


async def serve_api(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with open_watch(settings, "cauce-api") as watch:
        await _serve(settings, watch)


async def _serve(settings: Settings, watch: Watch) -> None:
    settings.not_ready_yet()
    engine = make_engine(settings.require_database_url(), pool_wait_s=POOL_WAIT_S)
    try:
        watch.pool("api", engine)
        settings = await with_stored_credentials(settings, engine)
        temporal = await watch.connect()
        app = create_app(
            engine=engine,
            temporal=temporal,
            config=api_config(settings),
            tracer=None if watch.tracing is None else watch.tracing.tracer,
        )
        config = uvicorn.Config(
            app,
            host=settings.api_host,
            port=settings.api_port,
            http=BoundedHead,
            log_level=settings.log_level,
            log_config=None,  # its lines go where ours go, and are redacted there
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_S,
            forwarded_allow_ips=settings.api_trusted_proxies,
        )
        with figures_shown(settings, temporal):
            await _Server(config, settings).serve()
        watch.pulse.leave()
    finally:
        await engine.dispose()


def api_config(settings: Settings) -> ApiConfig:
    return ApiConfig(
        stripe_secrets=tuple(s.get_secret_value() for s in settings.stripe_webhook_secrets),
        easypost_secrets=tuple(s.get_secret_value() for s in settings.easypost_webhook_secrets),
        shopify_secrets=tuple(s.get_secret_value() for s in settings.shopify_webhook_secrets),
        shopify_channel=settings.shopify_channel,
        shopify_tenders_from_attributes=settings.shopify_tenders_from_notes,
        order_link_secrets=tuple(s.get_secret_value() for s in settings.order_link_secrets),
        webhooks_allow_private=settings.webhooks_allow_private,
        payload_codec=payload_codec(settings),
        temporal_ui_origin=settings.temporal_ui_origin,
        timings=settings.timings,
        limits=_limits(settings),
    )


def _limits(settings: Settings) -> Limits:
    failures = settings.api_failures_per_minute
    return Limits(
        key_rate=Rate(settings.api_key_rate_per_s, settings.api_key_burst),
        failure_rate=Rate(failures / 60, failures),
        most_in_flight=settings.api_most_in_flight,
        most_waiting_orders=settings.api_most_waiting_orders,
    )
