"""A log for machines: one object a record, with what is known around it and no secret in it."""

import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from temporalio import activity
from temporalio.testing import ActivityEnvironment

from api.seeing import _request_id
from tests.workers.own_log import logging_as_a_process
from workers.settings import Settings

KEY = "verysecretkey0815"
EMAIL = "ada@mail.example"
SETTINGS = Settings(stripe_key=KEY, log_format="json")


def written(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_record_is_one_object_on_one_line() -> None:
    with logging_as_a_process(SETTINGS) as log:
        logging.getLogger("a.part").warning("two\nlines of %s", "words")
    (record,) = written(log.getvalue())
    assert record.pop("time").endswith("+00:00")
    assert record == {"level": "warning", "logger": "a.part", "message": "two\nlines of words"}


def test_no_field_holds_a_secret() -> None:
    token = _request_id.set(KEY)
    try:
        with logging_as_a_process(SETTINGS) as log:
            try:
                int(f"{EMAIL} with {KEY}")
            except ValueError:
                logging.getLogger("a.part").exception("%s", EMAIL, stack_info=True)
            logging.getLogger(EMAIL).error("x")
    finally:
        _request_id.reset(token)
    first, second = written(log.getvalue())
    shown = [value for each in (first, second) for value in each.values()]
    assert not [text for text in shown if EMAIL in text]
    # The traceback repeats the line of this file, which has no secret's value.
    assert not [text for text in shown if KEY in text]
    assert first["request_id"] == "[secret]"
    assert first["message"] == "[e-mail]"
    assert "base 10: '[e-mail] with [secret]'" in first["exception"]
    assert second["logger"] == "[e-mail]"


@pytest.mark.parametrize(
    ("run", "order"),
    [
        ("order-shop-77", "shop-77"),
        ("order-shop-77/f/2", "shop-77"),
        ("order-shop-77/r/1", "shop-77"),
        ("reconcile-runs", None),
    ],
)
async def test_a_step_says_whose_it_is(run: str, order: str | None) -> None:
    @activity.defn
    async def pack() -> None:
        logging.getLogger("a.step").info("packed")

    env = ActivityEnvironment()
    env.info = replace(env.info, workflow_id=run, activity_type="pack", attempt=3)
    with logging_as_a_process(SETTINGS) as log:
        await env.run(pack)
    (record,) = written(log.getvalue())
    assert (record["workflow_id"], record["activity"], record["attempt"]) == (run, "pack", 3)
    assert record.get("order_id") == order


def test_people_read_what_they_always_read() -> None:
    with logging_as_a_process(Settings()) as log:
        logging.getLogger("a.part").warning("words")
    assert log.getvalue().endswith(" WARNING a.part words\n")
