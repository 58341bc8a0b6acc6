"""An address as every part of the system writes it: where a parcel leaves from or goes to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """`country` is ISO 3166-1 alpha-2; latitude and longitude are degrees, known or not."""

    name: str
    line1: str
    line2: str | None
    city: str
    region: str | None
    postal_code: str
    country: str
    phone: str | None = None
    latitude: float | None = None
    longitude: float | None = None
