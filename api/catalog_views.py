"""The catalogue as it is read, and by what its lists are filtered."""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from api.catalog_models import Gtin, Origin
from api.fields import Answer, ListQuery, Moment, ShortText, Text

NEXT: Any = Field(description="null on the last page")
VERSION: Any = Field(description="rises with every change; say it when you change something")


class PoolView(Answer):
    pool: str
    name: str | None
    locations: list[str]
    version: int = VERSION


class LocationView(Answer):
    location: str
    pool: str
    name: str
    address: dict[str, Any]
    capabilities: list[str] = Field(description="what it does besides shipping")
    ships: bool = Field(description="false: nothing is routed to it for a carrier")
    receives_returns: bool
    time_zone: str
    opening: dict[str, list[str]] | None = Field(description="null: always open")
    holidays: list[date]
    cut_off: str | None
    active: bool
    version: int = VERSION


class ChannelView(Answer):
    channel: str
    name: str
    kind: str
    pool: str
    currencies: list[str]
    buffer: int
    undeliverable: str
    fraud_policy: dict[str, Any] | None
    seller: str | None
    on_shortage: str
    on_out_of_stock: str
    on_loss: str
    decides_up_to_minor: int
    active: bool
    version: int = VERSION


class ProductView(Answer):
    sku: str
    name: str
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    available_from: Moment | None
    category: str | None
    barcodes: list[str]
    hs_code: str | None
    origin: str | None
    active: bool
    version: int = VERSION


class CarrierAccountView(Answer):
    account: str
    vendor: str
    carrier: str
    reference: str
    credential: str
    credential_is_stored: bool = Field(description="sealed in the database; its value is not shown")
    services: list[str]
    active: bool
    version: int = VERSION


class PoolPage(Answer):
    items: list[PoolView]
    next_cursor: str | None = NEXT


class LocationPage(Answer):
    items: list[LocationView]
    next_cursor: str | None = NEXT


class ChannelPage(Answer):
    items: list[ChannelView]
    next_cursor: str | None = NEXT


class ProductPage(Answer):
    items: list[ProductView]
    next_cursor: str | None = NEXT


class CarrierAccountPage(Answer):
    items: list[CarrierAccountView]
    next_cursor: str | None = NEXT


class PoolsQuery(ListQuery):
    pass


class LocationsQuery(ListQuery):
    text: Text | None = Field(default=None, description="a part of its code or name")
    pool: ShortText | None = None
    ships: bool | None = None
    receives_returns: bool | None = None
    active: bool | None = None


class ChannelsQuery(ListQuery):
    pool: ShortText | None = None
    kind: Literal["api", "shopify"] | None = None
    seller: ShortText | None = None
    active: bool | None = None


class ProductsQuery(ListQuery):
    text: Text | None = Field(default=None, description="a part of its SKU or name")
    barcode: Gtin | None = None
    category: ShortText | None = None
    origin: Origin | None = None
    active: bool | None = None


class CarrierAccountsQuery(ListQuery):
    vendor: Literal["easypost"] | None = None
    carrier: ShortText | None = None
    active: bool | None = None


class Removed(Answer):
    code: str
    status: Literal["deleted", "retired"] = Field(
        description="retired where orders or stock refer to it"
    )
