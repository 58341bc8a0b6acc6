"""A postcode prefix is found exactly, else by its region, else by its city."""

import pytest

from workers.local.demo.places import Centroid, Centroids, padded, parse_centroid

CENTROIDS = Centroids(
    [
        Centroid("01001", (-23.0, -46.0), ("sao paulo", "SP")),
        Centroid("01005", (-24.0, -47.0), ("sao paulo", "SP")),
        Centroid("80010", (-25.0, -49.0), ("curitiba", "PR")),
    ]
)


@pytest.mark.parametrize(
    ("prefix", "city", "point"),
    [
        ("01001", ("sao paulo", "SP"), (-23.0, -46.0)),
        ("01009", ("osasco", "SP"), (-23.5, -46.5)),
        ("99999", ("curitiba", "PR"), (-25.0, -49.0)),
        ("99999", ("curitiba", "SP"), None),
    ],
)
def test_the_nearest_knowledge_wins(
    prefix: str, city: tuple[str, str], point: tuple[float, float] | None
) -> None:
    assert CENTROIDS.find(prefix, city) == point


def test_leading_zeros_come_back() -> None:
    assert padded("1001") == "01001"
    with pytest.raises(ValueError, match="not a postcode prefix"):
        padded("1001-000")


def test_a_point_off_the_earth_is_refused() -> None:
    with pytest.raises(ValueError, match="no point on earth"):
        parse_centroid({"zip": "1", "lat": "91", "lng": "0", "city": "x", "state": "SP"})
