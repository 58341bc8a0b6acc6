"""A collection code is short, clear, the same each time, and opens one parcel only."""

from hypothesis import given
from hypothesis import strategies as st

from domain.collection import LENGTH, LETTERS, collection_code, is_collection_code

IDS = st.from_regex(r"[a-z0-9]{1,20}-[A-Za-z0-9._-]{1,64}-f[1-9]", fullmatch=True)
SECRETS = st.text(min_size=1)


@given(IDS, SECRETS)
def test_a_code_has_few_and_unambiguous_letters(parcel: str, secret: str) -> None:
    code = collection_code(parcel, secret)
    assert len(code) == LENGTH
    assert set(code) <= set(LETTERS)
    assert code == collection_code(parcel, secret)


@given(IDS, SECRETS, SECRETS)
def test_a_code_is_good_under_any_secret_in_use_however_it_is_typed(
    parcel: str, old: str, new: str
) -> None:
    code = collection_code(parcel, old).lower()
    assert is_collection_code(f" {code[:3]}-{code[3:]} ", parcel, [new, old])
    assert not is_collection_code(code[1:], parcel, [new, old])
    assert not is_collection_code(code, parcel, [])


@given(st.text())
def test_any_text_may_be_tried(said: str) -> None:
    assert is_collection_code(said, "shop-1-f1", ["s"]) in (True, False)


def test_the_codes_of_many_parcels_are_hardly_ever_the_same() -> None:
    codes = {collection_code(f"shop-{number}-f1", "secret") for number in range(2_000)}
    assert len(codes) >= 1_999
