"""Settings come from the environment, complain precisely, and keep secrets."""

from pathlib import Path

import pytest

from api.context import Limits
from api.rate import Rate
from domain.timings import Timings
from workers.errors import UserError
from workers.secret_files import secret_fields
from workers.serving import api_config
from workers.settings import Settings, load_settings
from workers.wiring import addressees


def test_without_any_variable_the_vendors_are_the_real_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMS_STRIPE_URL", raising=False)
    settings = load_settings()
    assert settings.stripe_url == "https://api.stripe.com"
    assert settings.time_factor == 1.0
    assert settings.timings == Timings()


def test_the_grace_period_is_compressed_like_every_other_time() -> None:
    assert Settings(grace_s=600, time_factor=10).timings.grace_s == 60


def test_several_secrets_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_STRIPE_WEBHOOK_SECRETS", "whsec_a, whsec_b,")
    found = [secret.get_secret_value() for secret in load_settings().stripe_webhook_secrets]
    assert found == ["whsec_a", "whsec_b"]


def test_an_unusable_value_names_its_variable_and_no_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMS_API_PORT", "s3cret")
    monkeypatch.setenv("OMS_TIME_FACTOR", "0")
    with pytest.raises(UserError) as raised:
        load_settings()
    assert "OMS_API_PORT" in str(raised.value)
    assert "OMS_TIME_FACTOR" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_STRIPE_KEY", "sk_live_1")
    monkeypatch.setenv("OMS_DATABASE_URL", "postgresql+psycopg://me:hidden@db/mine")
    shown = repr(load_settings())
    assert "sk_live_1" not in shown
    assert "hidden" not in shown


def test_a_missing_database_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMS_DATABASE_URL", raising=False)
    with pytest.raises(UserError, match="OMS_DATABASE_URL is not set"):
        load_settings().require_database_url()


def test_escalations_have_an_address_for_all_and_others_for_one_owner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMS_ESCALATION_EMAIL", "ops@shop.example, finance=money@shop.example")
    to = addressees(load_settings())
    owners = ("operations", "finance", "somebody")
    assert [to.address(owner) for owner in owners] == [
        "ops@shop.example",
        "money@shop.example",
        "ops@shop.example",
    ]
    monkeypatch.setenv("OMS_ESCALATION_EMAIL", "finance=money@shop.example")
    assert addressees(load_settings()).address("operations") is None
    monkeypatch.setenv("OMS_ESCALATION_EMAIL", "finance")
    with pytest.raises(UserError, match="OMS_ESCALATION_EMAIL"):
        load_settings()


def test_the_api_s_limits_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert api_config(load_settings()).limits == Limits()
    monkeypatch.setenv("OMS_API_KEY_RATE_PER_S", "2.5")
    monkeypatch.setenv("OMS_API_FAILURES_PER_MINUTE", "30")
    monkeypatch.setenv("OMS_API_MOST_WAITING_ORDERS", "7")
    limits = api_config(load_settings()).limits
    assert (limits.key_rate, limits.failure_rate) == (Rate(2.5, 200), Rate(0.5, 30))
    assert limits.most_waiting_orders == 7


SECRETS = {
    "database_url", "stripe_key", "easypost_key", "shopify_token", "smtp_password",
    "stripe_webhook_secrets", "easypost_webhook_secrets", "shopify_webhook_secrets",
    "secrets_keys", "payload_keys",
}  # fmt: skip


def test_every_secret_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert set(secret_fields(Settings)) >= SECRETS
    for name in secret_fields(Settings):
        file = tmp_path / name
        file.write_text(f"{_secret_in_a_file(name)}\n")
        monkeypatch.delenv(f"OMS_{name.upper()}", raising=False)
        monkeypatch.setenv(f"OMS_{name.upper()}_FILE", str(file))
    found = load_settings().secrets()
    assert found == {name: _secret_in_a_file(name) for name in secret_fields(Settings)}


def _secret_in_a_file(name: str) -> str:
    is_address = name == "database_url"
    return "postgresql+psycopg://u:p@host/name" if is_address else f"from the file of {name}"


def test_several_secrets_in_a_file_are_split_at_commas(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "hooks").write_text("whsec_a, whsec_b\n")
    monkeypatch.setenv("OMS_STRIPE_WEBHOOK_SECRETS_FILE", str(tmp_path / "hooks"))
    found = [secret.get_secret_value() for secret in load_settings().stripe_webhook_secrets]
    assert found == ["whsec_a", "whsec_b"]


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file or directory"), (b"\xff\xfe", "it is no text"), (b" \n", "is empty")],
)
def test_a_file_that_cannot_be_used_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("OMS_STRIPE_KEY_FILE", str(file))
    with pytest.raises(UserError) as raised:
        load_settings()
    assert str(raised.value).startswith(f"settings: OMS_STRIPE_KEY_FILE: {file}")
    assert why in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_secret_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMS_STRIPE_KEY", "sk_live_1")
    monkeypatch.setenv("OMS_STRIPE_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(UserError, match="OMS_STRIPE_KEY and OMS_STRIPE_KEY_FILE are both set"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "value"), [("OMS_BUILD_ID", "one two"), ("OMS_DEPLOYMENT_NAME", "a.b")]
)
def test_a_version_that_temporal_would_refuse_is_named_at_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserError, match=variable):
        load_settings()
