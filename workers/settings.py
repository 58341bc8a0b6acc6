"""Reads the whole configuration once, from the environment and the secret files it names."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from domain.timings import DAY, Timings
from workers.errors import UserError
from workers.secret_files import SecretFiles, secret_fields

KEY_RINGS: Final = ("secrets_keys", "payload_keys")
_SECRET_LISTS: Final = (
    "stripe_webhook_secrets",
    "easypost_webhook_secrets",
    "shopify_webhook_secrets",
    "order_link_secrets",
)

# Beyond it a month is shorter than a task's way to a worker.
FASTEST_TIME_FACTOR = 1_000_000.0
_DATABASE_URL_FORM = "postgresql+psycopg://user:password@host:port/name"
# Another one is not installed, or blocks the event loop.
_DRIVER = "postgresql+psycopg"
# The owner whose address is for all who have none of their own.
EVERY_OWNER: Final = ""


class Settings(BaseSettings):
    """Every setting of every process; the variable is the field's name with the prefix OMS_.

    A secret may also lie in a file that the variable with the suffix _FILE names.
    """

    model_config = SettingsConfigDict(env_prefix="OMS_", env_ignore_empty=True, frozen=True)

    database_url: SecretStr | None = None
    # Unset: Temporal's own TEMPORAL_ADDRESS and profile file decide.
    temporal_address: str | None = None
    temporal_namespace: str = "default"

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=7080, ge=1, le=65535)
    # Where others reach the API; used in links and by the sandbox.
    api_url: str = "http://127.0.0.1:7080"

    # Proxies whose word about the caller's address is believed, separated by commas.
    api_trusted_proxies: str = "127.0.0.1"
    # Limits of one API process. Requests of one key a second, and how many may come at once.
    api_key_rate_per_s: float = Field(default=100.0, gt=0)
    api_key_burst: int = Field(default=200, ge=1)
    # Requests of one address without a good key or signature.
    api_failures_per_minute: int = Field(default=60, ge=1)
    api_most_in_flight: int = Field(default=256, ge=1)
    # Above so many kept orders that wait for admission, new ones are sent away.
    api_most_waiting_orders: int = Field(default=20_000, ge=1)

    stripe_url: str = "https://api.stripe.com"
    stripe_key: SecretStr | None = None
    stripe_webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()

    easypost_url: str = "https://api.easypost.com"
    easypost_key: SecretStr | None = None
    easypost_webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()

    # The shop's own address, for instance https://shop.myshopify.com.
    shopify_url: str | None = None
    shopify_token: SecretStr | None = None
    shopify_webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    # Orders may name their own tenders: for demonstrations only, buyers can write notes.
    shopify_tenders_from_notes: bool = False
    # The code under which orders of that shop are known here.
    shopify_channel: str = Field(default="shopify", pattern=r"^[a-z0-9]{1,20}$")

    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_starttls: bool = True
    smtp_sender: str = "Orders <orders@localhost>"
    # The first signs the links to orders' pages in customers' mails; without one there are none.
    order_link_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()

    # Whom to tell of what waits too long: an address, or owner=address for one owner alone.
    escalation_email: Annotated[dict[str, str], NoDecode] = {}
    # Merchants' webhooks may go to private and loopback addresses, the latter without TLS: for a
    # stack on one machine. Elsewhere it lets a subscriber reach the inside of the network.
    webhooks_allow_private: bool = False
    # Keys as id:base64, newest first: for credentials in the database, for payloads in Temporal.
    secrets_keys: SecretStr | None = None
    payload_keys: SecretStr | None = None
    # From where a browser may ask to decode payloads, for instance https://temporal.example.
    temporal_ui_origin: str | None = None

    # 1.0 is real time; 20000 means that one real second stands for 20000 s of carrier and slip.
    time_factor: float = Field(default=1.0, gt=0, le=FASTEST_TIME_FACTOR)
    # For so long nothing is routed, so that a customer may think again; compressed like the rest.
    grace_s: float = Field(default=0.0, ge=0, le=30 * DAY)
    # Temporal's sandbox finds indeterministic code, at over a third of a worker's CPU. The tests
    # run every story inside it and replay recorded histories; production need not pay again.
    workflow_sandbox: bool = False
    # Set: workers serve as this version of a Temporal Worker Deployment, and get no work until
    # somebody makes the version current. Unset: they serve whatever waits, as one of many alike.
    build_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._+-]{1,100}$")
    deployment_name: str = Field(default="cauce", pattern=r"^[A-Za-z0-9_-]{1,100}$")
    log_level: str = Field(default="info", pattern=r"^(debug|info|warning|error)$")
    # text is for people; json has a line for each record, with what is known around it.
    log_format: str = Field(default="text", pattern=r"^(text|json)$")

    # Where this process serves /metrics and /live, without a key; without a port it does not.
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    # Where Temporal's SDK serves what it measures itself, on the same host.
    temporal_metrics_port: int | None = Field(default=None, ge=1, le=65535)
    # A loop that has not turned for so long is wedged, and /live says so.
    wedged_after_s: float = Field(default=120.0, gt=0)
    # Where traces go. OpenTelemetry's own variable, like all others of its exporter.
    otlp_endpoint: str | None = Field(
        default=None, validation_alias=AliasChoices("otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT")
    )

    # A long-running process creates this file when it is ready to work (supervisors, probes).
    ready_file: Path | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SecretFiles(settings_cls, env_settings)

    @field_validator(*_SECRET_LISTS, mode="before")
    @classmethod
    def split_commas(cls, value: object) -> object:
        """Several secrets are valid at once while one is being replaced."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("database_url")
    @classmethod
    def names_our_driver(cls, value: SecretStr | None) -> SecretStr | None:
        from sqlalchemy.engine import make_url  # noqa: PLC0415 - heavy, and not all need it
        from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

        try:
            is_ours = value is None or make_url(value.get_secret_value()).drivername == _DRIVER
        except (ArgumentError, ValueError):
            is_ours = False
        if not is_ours:
            raise ValueError(f"must look like {_DATABASE_URL_FORM}")
        return value

    @field_validator("escalation_email", mode="before")
    @classmethod
    def split_owners(cls, value: object) -> object:
        """Read `ops@shop.example, finance=money@shop.example`."""
        if not isinstance(value, str):
            return value
        found = {}
        for part in filter(None, (part.strip() for part in value.split(","))):
            owner, _, address = part.rpartition("=")
            if "@" not in address:
                raise ValueError("not of the form address or owner=address")
            found[owner.strip() or EVERY_OWNER] = address.strip()
        return found

    @field_validator("log_level", mode="before")
    @classmethod
    def lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @property
    def timings(self) -> Timings:
        """What new orders carry."""
        return replace(Timings(), grace_s=self.grace_s).scaled(self.time_factor)

    def require_database_url(self) -> str:
        """Raises: UserError when no database is configured."""
        if self.database_url is None:
            raise UserError(f"OMS_DATABASE_URL is not set ({_DATABASE_URL_FORM})")
        return self.database_url.get_secret_value()

    def secrets(self) -> dict[str, str]:
        """Every secret that is set, by its field; a list as one text, as it is given."""
        found = {name: getattr(self, name) for name in secret_fields(type(self))}
        return {name: _revealed(value) for name, value in found.items() if value}

    def with_secrets(self, values: Mapping[str, str]) -> "Settings":
        """The same settings with these secrets, by field."""
        given = {
            name: tuple(map(SecretStr, self.split_commas(value)))  # type: ignore[call-overload]
            if name in _SECRET_LISTS
            else SecretStr(value)
            for name, value in values.items()
        }
        return self.model_copy(update=given)

    def not_ready_yet(self) -> None:
        """Take back what an earlier process, or this one, has told."""
        if self.ready_file is not None:
            self.ready_file.unlink(missing_ok=True)

    def announce_ready(self) -> None:
        """Tell whoever waits on OMS_READY_FILE that this process works now."""
        if self.ready_file is not None:
            self.ready_file.touch()


def _revealed(value: SecretStr | tuple[SecretStr, ...]) -> str:
    each = (value,) if isinstance(value, SecretStr) else value
    return ",".join(secret.get_secret_value() for secret in each)


def load_settings() -> Settings:
    """Raises: UserError naming each variable that cannot be used, never its value."""
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"OMS_{'_'.join(str(part) for part in fault['loc'][:1]).upper()}: "
            + fault["msg"].removeprefix("Value error, ")
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise UserError(f"settings: {faults}") from None
