"""Vendors' credentials lie sealed in the database and are used where the environment is silent."""

import secrets

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from db import credentials as rows_of
from db.engine import make_engine, run
from tests.workers.command_line import oms
from tests.workers.test_sealing import NEW, OLD
from workers import credentials
from workers.credentials import with_stored_credentials
from workers.errors import UserError
from workers.local.postgres import PostgresServer
from workers.settings import Settings

VALUE = "sk_live_fromTheDatabase"


@pytest.fixture
def settings(fresh_database_url: str) -> Settings:
    return Settings(database_url=fresh_database_url, secrets_keys=OLD)


def with_keys(settings: Settings, keys: str | None) -> Settings:
    return settings.model_copy(update={"secrets_keys": SecretStr(keys) if keys else None})


async def test_a_stored_credential_is_used_where_no_variable_is_set(
    settings: Settings, fresh_engine: AsyncEngine
) -> None:
    await credentials.store(settings, "stripe", "key", VALUE)
    await credentials.store(settings, "stripe", "webhook_secrets", "whsec_a,whsec_b")
    completed = await with_stored_credentials(settings, fresh_engine)
    assert completed.stripe_key == SecretStr(VALUE)
    assert completed.stripe_webhook_secrets == (SecretStr("whsec_a"), SecretStr("whsec_b"))
    given = settings.with_secrets({"stripe_key": "sk_from_env"})
    assert (await with_stored_credentials(given, fresh_engine)).stripe_key == SecretStr(
        "sk_from_env"
    )


async def test_the_database_never_sees_the_value(
    settings: Settings, fresh_engine: AsyncEngine
) -> None:
    await credentials.store(settings, "shopify", "token", VALUE)
    async with fresh_engine.connect() as tx:
        [stored] = await rows_of.every(tx)
    assert (stored.vendor, stored.name, stored.key_id) == ("shopify", "token", "old")
    assert VALUE.encode() not in stored.box


async def test_after_a_rotation_the_old_key_may_go(
    settings: Settings, fresh_engine: AsyncEngine
) -> None:
    await credentials.store(settings, "stripe", "key", VALUE)
    await credentials.store(settings, "smtp", "password", "hunter2")
    assert await credentials.rotate(with_keys(settings, f"{NEW},{OLD}")) == 2
    assert {each.key_id for each in await credentials.listing(settings)} == {"new"}
    completed = await with_stored_credentials(with_keys(settings, NEW), fresh_engine)
    assert completed.stripe_key == SecretStr(VALUE)


async def test_a_rotation_that_cannot_open_one_changes_none(settings: Settings) -> None:
    await credentials.store(settings, "stripe", "key", VALUE)
    await credentials.store(with_keys(settings, NEW), "easypost", "key", VALUE)
    with pytest.raises(UserError, match="credential easypost key: OMS_SECRETS_KEYS has no key"):
        await credentials.rotate(with_keys(settings, OLD))
    assert {each.key_id for each in await credentials.listing(settings)} == {"old", "new"}


async def test_rows_that_were_swapped_do_not_open(
    settings: Settings, fresh_engine: AsyncEngine
) -> None:
    await credentials.store(settings, "stripe", "key", VALUE)
    async with fresh_engine.begin() as tx:
        await run(tx, "UPDATE vendor_credentials SET vendor = 'easypost'")
    with pytest.raises(UserError, match=r"credential easypost key: .* does not open"):
        await with_stored_credentials(settings, fresh_engine)


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        (None, "OMS_SECRETS_KEYS is not set"),
        (NEW, "credential stripe key: OMS_SECRETS_KEYS has no key 'old'"),
        (NEW.replace("new:", "old:"), "credential stripe key: the key 'old' .* does not open"),
        ("nonsense", "OMS_SECRETS_KEYS: key 1 is not an id"),
    ],
)
async def test_a_wrong_or_missing_key_is_one_clear_line(
    settings: Settings, fresh_engine: AsyncEngine, keys: str | None, complaint: str
) -> None:
    await credentials.store(settings, "stripe", "key", VALUE)
    with pytest.raises(UserError, match=complaint) as raised:
        await with_stored_credentials(with_keys(settings, keys), fresh_engine)
    assert "\n" not in str(raised.value)
    # Whoever has the variable needs no key.
    given = with_keys(settings, keys).with_secrets({"stripe_key": "sk_from_env"})
    assert await with_stored_credentials(given, fresh_engine) == given


async def test_without_any_stored_credential_no_key_is_needed(
    settings: Settings, fresh_engine: AsyncEngine
) -> None:
    keyless = with_keys(settings, None)
    assert await with_stored_credentials(keyless, fresh_engine) is keyless


async def test_a_database_that_does_not_answer_or_is_not_migrated_is_one_clear_line(
    postgres: PostgresServer, settings: Settings, unused_tcp_port: int
) -> None:
    empty = await postgres.create_database(f"empty_{secrets.token_hex(4)}")
    nowhere = f"postgresql+psycopg://oms:x@127.0.0.1:{unused_tcp_port}/oms"
    for url, complaint in ((empty, "oms migrate"), (nowhere, "the database does not answer")):
        engine = make_engine(url)
        with pytest.raises(UserError, match=complaint):
            await with_stored_credentials(settings, engine)
        await engine.dispose()


@pytest.mark.parametrize(("vendor", "name"), [("stripe", "nothing"), ("database", "url")])
async def test_only_what_a_setting_goes_by_is_kept(
    settings: Settings, vendor: str, name: str
) -> None:
    with pytest.raises(UserError, match=f"no setting is called {vendor} {name}; known are: stripe"):
        await credentials.store(settings, vendor, name, VALUE)


async def test_the_commands_take_the_value_from_standard_input_and_never_show_it(
    fresh_database_url: str,
) -> None:
    env = {"OMS_DATABASE_URL": fresh_database_url, "OMS_SECRETS_KEYS": OLD}
    code, out, err = await oms("credentials", "set", "stripe", "key", given=f"{VALUE}\n", **env)
    assert (code, out, err) == (0, "", "")
    code, out, _ = await oms("credentials", "list", **env)
    assert code == 0
    assert out.startswith("stripe  key  old  ")
    assert VALUE not in out
    code, out, _ = await oms("credentials", "rotate", **env | {"OMS_SECRETS_KEYS": f"{NEW},{OLD}"})
    assert (code, out) == (0, "1 sealed anew\n")
    assert (await oms("credentials", "remove", "stripe", "key", **env))[0] == 0
    code, _, err = await oms("credentials", "remove", "stripe", "key", **env)
    assert (code, err) == (2, "oms: no credential stripe key is stored\n")
    code, _, err = await oms("credentials", "set", "stripe", "key", given=" \n", **env)
    assert (code, err) == (2, "oms: the credential is empty; it is read from standard input\n")
