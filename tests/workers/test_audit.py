"""The audit on a real stack: silent about what is right, and precise about each thing that is not."""

from tests.workers.conftest import Books


async def test_nothing_is_found_where_nothing_is_wrong(books: Books) -> None:
    assert await books.audit.look() == []
