"""Stock levels and the number that may be sold, with its explanation."""

from pydantic import Field

from api.fields import Answer


class LocationLevel(Answer):
    location: str
    on_hand: int
    reserved: int = Field(description="allocated to fulfillment orders, not yet shipped")


class PoolLevel(Answer):
    """One SKU in one pool, the locations that serve a channel together."""

    sku: str
    pool: str
    on_hand: int
    reserved: int = Field(description="allocated to locations, not yet shipped")
    open_demand: int = Field(description="held by orders that are not routed yet")
    safety_stock: int
    locations: list[LocationLevel]


class LevelPage(Answer):
    items: list[PoolLevel]
    next_cursor: str | None = Field(description="null on the last page")


class SkuLevels(Answer):
    sku: str
    name: str
    levels: list[PoolLevel]


class AvailableView(Answer):
    """ATS is on hand less every other term, never below zero."""

    sku: str
    on_hand: int
    reserved: int
    open_demand: int
    safety_stock: int
    channel_buffer: int
    waiting: int = Field(description="what comes in is given to orders that wait for it first")
    available_to_sell: int


class AvailabilityView(Answer):
    channel: str
    items: list[AvailableView]
