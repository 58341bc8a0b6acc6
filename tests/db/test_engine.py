"""A connection may make each statement a transaction; whoever has it next does not notice."""

from db.engine import make_engine, one_by_one, row, run

KEEP = "INSERT INTO pools (pool) VALUES (:pool)"


async def test_each_statement_is_a_transaction_and_the_next_caller_has_whole_ones(
    fresh_database_url: str,
) -> None:
    engine = make_engine(fresh_database_url, pool_size=1)
    other = make_engine(fresh_database_url)

    async def pools() -> int:
        async with other.connect() as tx:
            found = await row(tx, "SELECT count(*) AS n FROM pools")
        assert found is not None
        return int(found.n)

    async with one_by_one(engine) as connection:
        await run(connection, KEEP, pool="one")
        assert await pools() == 1
    async with engine.connect() as connection:
        await run(connection, KEEP, pool="other")
        assert await pools() == 1
    assert await pools() == 1  # nobody committed it
    await engine.dispose()
    await other.dispose()
