"""Migrations make exactly the tables that the code was written for."""

import asyncio

from db.migrate import migrate, unwritten_changes


async def test_the_migrations_make_the_tables(fresh_database_url: str) -> None:
    unwritten_changes(fresh_database_url)


async def test_two_migrators_at_once_and_once_more_change_nothing(
    postgres: object, fresh_database_url: str
) -> None:
    await asyncio.gather(*(asyncio.to_thread(migrate, fresh_database_url) for _ in range(2)))
    unwritten_changes(fresh_database_url)
