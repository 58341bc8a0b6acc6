"""What every process logs has no secret in it: not in words, not in a traceback."""

import io
import logging
import sys
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tests.workers.own_log import logging_as_a_process
from workers.local.postgres import PostgresServer
from workers.logs import FORMAT, Redacting, hide_secrets
from workers.settings import Settings

KEY = "verysecretkey0815"
EMAIL = "ada@mail.example"
NAME = "Ada Lovelace"


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Log one record the way a process does, and read it."""

    def write(*words: object, secrets: tuple[str, ...] = (KEY,), **about: object) -> str:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter(FORMAT))
        handler.addFilter(Redacting(secrets))
        logger = logging.getLogger("a.process")
        monkeypatch.setattr(logger, "handlers", [handler])
        logger.error(*words, **about)
        return stream.getvalue()

    return write


def test_a_secret_is_hidden_in_the_words_and_in_what_fills_them(logged) -> None:
    shown = logged("%s wrote with " + KEY, EMAIL)
    assert shown.endswith("a.process [e-mail] wrote with [secret]\n")


def test_a_traceback_shows_where_and_not_what(logged) -> None:
    try:
        try:
            {}[f"Bearer {KEY}"]
        except KeyError as error:
            raise RuntimeError(f"{EMAIL} could not be told") from error
    except RuntimeError:
        shown = logged("it failed", exc_info=True)
    assert KEY not in shown.replace('f"Bearer {KEY}"', "")
    assert EMAIL not in shown
    assert "test_a_traceback_shows_where_and_not_what" in shown
    assert "RuntimeError: [e-mail] could not be told" in shown


def test_an_error_of_the_database_shows_no_row(logged, postgres: PostgresServer) -> None:
    engine = sa.create_engine(postgres.url_for("postgres"), hide_parameters=True)
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TEMP TABLE people (name text CHECK (name = 'x'))"))
        try:
            connection.execute(sa.text("INSERT INTO people VALUES (:n)"), {"n": NAME})
        except sa.exc.IntegrityError:
            shown = logged("it failed", exc_info=True)
    engine.dispose()
    assert "violates check constraint" in shown
    assert NAME not in shown


def test_a_line_that_cannot_be_filled_in_is_still_written(logged) -> None:
    assert logged("%d units", "many").endswith("%d units\n")


def test_every_secret_of_the_settings_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    filtered = Redacting()
    monkeypatch.setattr("workers.logs._redacting", filtered)
    url = "postgresql+psycopg://oms:unguessable@db/oms"
    hide_secrets(
        Settings(
            database_url=url,
            stripe_key="abcdefgh",
            stripe_webhook_secrets="first-one,second-one",
            secrets_keys="k1:c2VjcmV0c2VjcmV0",
        )
    )
    record = logging.LogRecord("x", 20, "", 1, "unguessable abcdefgh second-one c2VjcmV0c2VjcmV0",
                               None, None)  # fmt: skip
    assert filtered.filter(record)
    assert record.getMessage() == "[secret] [secret] [secret] [secret]"


def test_a_process_installs_it_where_all_loggers_write() -> None:
    with logging_as_a_process(Settings(stripe_key=KEY)) as log:
        logging.getLogger("anybody.else").error("the key is %s", KEY)
    assert "the key is [secret]" in log.getvalue()


def test_an_error_nobody_expected_is_written_down_redacted() -> None:
    with logging_as_a_process(Settings(stripe_key=KEY)) as log:
        try:
            int(f"{EMAIL} {KEY}")
        except ValueError as error:
            sys.excepthook(type(error), error, error.__traceback__)
    assert "base 10: '[e-mail] [secret]'" in log.getvalue()
