"""What every process writes to its log, and what is taken out of each line first."""

import logging
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

from domain.redaction import redact
from workers.settings import KEY_RINGS, Settings, load_settings

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
# Below a warning these write request lines, headers, rows and whole histories.
TALKATIVE: Final = (
    "httpx", "httpcore", "sqlalchemy", "psycopg", "aiosmtplib", "asyncio", "temporalio.worker",
)  # fmt: skip
# A shorter one is a placeholder, and would blacken half the words.
SHORTEST: Final = 6
log = logging.getLogger(__name__)


class Redacting(logging.Filter):
    """Rewrites each record of a handler; tracebacks too, for errors repeat what they were given."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets: set[str] = set()
        self._formatter = logging.Formatter()
        self.hide(secrets)

    def hide(self, secrets: Iterable[str]) -> None:
        self._secrets.update(each for each in secrets if len(each) >= SHORTEST)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = self.redact(_message(record))
        record.args = None
        if record.exc_info:
            record.exc_text = self._formatter.formatException(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = self.redact(record.exc_text)
        if record.stack_info:
            record.stack_info = self.redact(record.stack_info)
        return True

    def redact(self, text: str) -> str:
        # Longest first: one secret may be the beginning of another.
        return redact(text, sorted(self._secrets, key=len, reverse=True))


_redacting: Final = Redacting()


def install() -> None:
    """In every process, before anything else is done."""
    root = logging.getLogger()
    if not any(_redacting in handler.filters for handler in root.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(FORMAT))
        handler.addFilter(_redacting)
        root.addHandler(handler)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.excepthook = _write_down


def set_up_logging(settings: Settings) -> None:
    install()
    hide_secrets(settings)
    if settings.log_format == "json":
        from workers.json_log import JsonFormatter  # noqa: PLC0415 - heavy, and few want it

        for handler in logging.getLogger().handlers:
            if _redacting in handler.filters:
                handler.setFormatter(JsonFormatter(_redacting.redact))
    logging.getLogger().setLevel(settings.log_level.upper())


def settings_and_log() -> Settings:
    """What every command begins with."""
    settings = load_settings()
    set_up_logging(settings)
    return settings


def hide_secrets(settings: Settings) -> None:
    """Also those that came later, from the database."""
    for name, value in settings.secrets().items():
        parts = value.split(",")
        _redacting.hide((value, *parts))
        if name in KEY_RINGS:
            _redacting.hide(part.partition(":")[2] for part in parts)
    _redacting.hide((urlsplit(settings.secrets().get("database_url", "")).password or "",))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return str(record.msg)  # the words without what they were to be filled with


def _write_down(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    log.critical("ended by an unexpected error", exc_info=(kind, error, trace))
