"""The figures of the database: right, cheap however large the past, and asked for seldom."""

import json
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from db.queries import figures
from workers.watch.books import KEPT_S, LABELS, Books, watching_engine

# What is over is much, what is open is little: as it is after some years.
PAST = """
INSERT INTO pools VALUES ('main');
INSERT INTO locations (location, pool, name, address) VALUES ('east', 'main', 'East', '{}');
INSERT INTO channels (channel, name, kind, pool, currencies) VALUES
  ('shop', 'Shop', 'api', 'main', '{USD}');
INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor, customer_name,
    customer_email, ship_to, outcome, closed_at, placed_at, next_step, next_deadline, admitted_at)
  SELECT 'shop-' || n, 'shop', n, 'USD', 'en', 1, 'Ada', 'ada@example.com', '{}',
    CASE WHEN n > 20 THEN 'delivered' END, CASE WHEN n > 20 THEN now() END, now(), 'ship',
    now() + CASE WHEN n <= 6 THEN interval '-1 hour' ELSE interval '1 day' END,
    now() - make_interval(hours => n * 2) FROM generate_series(1, 20000) n;
INSERT INTO fulfillments (fulfillment_id, order_id, number, location, state, share_minor,
    next_step, next_deadline, ended_at)
  SELECT 'shop-' || n || '-f1', 'shop-' || n, 1, 'east',
    CASE WHEN n > 20 THEN 'delivered' WHEN n > 10 THEN 'picked' ELSE 'handed_over' END, 1, 'go',
    now() + interval '1 day', CASE WHEN n > 20 THEN now() END FROM generate_series(6, 20000) n;
INSERT INTO fulfillments (fulfillment_id, order_id, number, location, state, share_minor,
    next_step, next_deadline) VALUES
  ('shop-6-f2', 'shop-6', 2, 'east', 'open', 1, 'pick', now() - interval '1 minute');
INSERT INTO exceptions (exception_id, workflow_id, order_id, step, reason, detail, owner, deadline,
    resolutions, state, resolved_at)
  SELECT 'x' || n, 'order-shop-' || n, 'shop-' || n, 'pick', 'pick_overdue',
    'Ada is not at home', 'operations',
    now() + CASE WHEN n = 1 THEN interval '-1 hour' ELSE interval '1 day' END, '{retry}',
    CASE WHEN n <= 4 THEN 'open' ELSE 'resolved' END, CASE WHEN n > 4 THEN now() END
  FROM generate_series(1, 20000) n;
INSERT INTO holds (order_id, number, key, kind, blocks, owner, on_expiry, state, deadline,
    placed_by, ended_at)
  SELECT 'shop-' || n, 1, 'k', 'fraud_review', '{routing}', 'risk', 'cancel',
    CASE WHEN n <= 2 THEN 'open' ELSE 'released' END, now(), 'system',
    CASE WHEN n > 2 THEN now() END FROM generate_series(1, 20000) n;
INSERT INTO inbox (source, kind, external_id, content_sha256, document, state, received_at)
  SELECT 'shop', 'order', n, '', '{}', CASE WHEN n <= 5 THEN 'new' ELSE 'handled' END,
    now() - interval '1 hour' FROM generate_series(1, 20000) n;
INSERT INTO webhook_subscriptions (subscription_id, url, events, enabled) VALUES
  ('off', 'https://b.example', '{*}', false);
INSERT INTO order_events (order_id, sequence, event, actor) VALUES ('shop-1', 1, 'X', 'system');
INSERT INTO outbox (key, kind, payload, delivered_at, dead_at, last_error, next_attempt_at)
  SELECT 'm' || n, 'email', '{}', CASE WHEN n > 10 THEN now() END,
    CASE WHEN n BETWEEN 8 AND 10 THEN now() END, CASE WHEN n BETWEEN 8 AND 10 THEN 'no' END,
    now() - interval '10 minutes' FROM generate_series(1, 20000) n;
INSERT INTO outbox (key, kind, payload, order_id, sequence, subscription_id, next_attempt_at)
  VALUES ('w', 'webhook', '{}', 'shop-1', 1, 'off', now() - interval '1 day');
"""
BIG = ("orders", "fulfillments", "exceptions", "holds", "inbox", "outbox")


@pytest.fixture(scope="module")
def past(postgres: Any, template_database: str) -> Any:
    """A database of years, and its address."""
    admin = sa.create_engine(postgres.url_for("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "past" TEMPLATE "{template_database}"'))
    admin.dispose()
    engine = sa.create_engine(postgres.url_for("past"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in PAST.split(";\n"):
            connection.exec_driver_sql(statement) if statement.strip() else None
        for table in (*BIG, "webhook_subscriptions"):
            connection.exec_driver_sql(f"VACUUM ANALYZE {table}")
    engine.dispose()
    return postgres.url_for("past")


def read_all(plan: dict[str, Any]) -> set[str]:
    """The tables that a plan reads from the first row to the last."""
    own = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return own.union(*(read_all(part) for part in plan.get("Plans", [])))


@pytest.mark.parametrize("name", figures.QUERIES)
def test_a_figure_reads_what_is_open_and_not_what_is_over(past: str, name: str) -> None:
    engine = watching_engine(past)
    with engine.connect() as connection:
        words = f"EXPLAIN (FORMAT JSON) {figures.QUERIES[name]}"
        (found,) = connection.execute(sa.text(words)).one()
    engine.dispose()
    plan = json.loads(found) if isinstance(found, str) else found
    assert read_all(plan[0]["Plan"]).isdisjoint(BIG)


def test_the_figures_are_those_of_the_house(past: str) -> None:
    registry = CollectorRegistry()
    registry.register(Books(watching_engine(past)))

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"oms_{name}", labels)

    assert value("orders_open", state="placing", age="under_1d") == 5
    assert value("orders_open", state="open", age="under_1d") == 1
    assert value("orders_open", state="handed_over", age="under_1d") == 4
    assert value("orders_open", state="picked", age="under_1d") == 1
    assert value("orders_open", state="picked", age="under_3d") == 9
    assert value("overdue", what="order") == 2  # of six, four wait for a person
    assert value("overdue", what="fulfillment") == 1
    assert value("overdue", what="exception") == 1
    assert value("exceptions_open", kind="pick_overdue", owner="operations") == 4
    assert value("exceptions_overdue", owner="operations") == 1
    assert value("holds_open", kind="fraud_review") == 2
    assert value("inbox_waiting", kind="order") == 5
    assert 3_600 <= value("inbox_oldest_seconds", kind="order") < 3_900
    assert value("outbox_waiting", lane="email") == 7
    assert value("outbox_waiting", lane="webhook") == 1
    assert value("outbox_dead_letters", lane="email") == 3
    assert value("outbox_dead_letters", lane="channel") == 0  # so that the first one is one more
    assert 600 <= value("outbox_oldest_due_seconds", lane="email") < 900
    assert value("outbox_oldest_due_seconds", lane="webhook") is None  # nobody is to hear of it
    assert value("figures_up") == 1


def test_nothing_that_is_shown_names_a_person_or_an_order(past: str) -> None:
    registry = CollectorRegistry()
    registry.register(Books(watching_engine(past)))
    text = generate_latest(registry).decode()
    assert not [word for word in ("Ada", "example", "shop-", "at home") if word in text]


def test_a_storm_of_scrapes_is_one_look(past: str) -> None:
    engine, now, asked = watching_engine(past), 0.0, []
    sa.event.listen(engine, "after_cursor_execute", lambda *told: asked.append(told[2]))
    registry = CollectorRegistry()
    registry.register(Books(engine, lambda: now))
    scrapes = [threading.Thread(target=generate_latest, args=(registry,)) for _ in range(50)]
    for each in scrapes:
        each.start()
    for each in scrapes:
        each.join()
    queries = [text for text in asked if "count(" in text or "extract(" in text]
    assert len(queries) == len(figures.QUERIES)
    now = KEPT_S
    generate_latest(registry)
    assert len(asked) >= 2 * len(figures.QUERIES)


def test_without_a_database_there_are_no_figures_rather_than_old_ones() -> None:
    registry = CollectorRegistry()
    registry.register(Books(watching_engine("postgresql+psycopg://nobody@127.0.0.1:9/none")))
    text = generate_latest(registry).decode()
    assert "oms_figures_up 0.0" in text
    assert "oms_orders_open" not in text


def test_every_query_has_its_words_and_its_labels() -> None:
    assert LABELS.keys() == figures.QUERIES.keys()
