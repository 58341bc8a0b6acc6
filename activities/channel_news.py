"""The way of news to a channel: each parcel's tracking number, once however often it is sent."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.connectors.channel.port import ChannelGateway
from activities.connectors.errors import ConnectorError
from activities.delivery import Failure


class ChannelNews:
    def __init__(self, channels: Mapping[str, ChannelGateway]) -> None:
        self._channels = channels

    async def carry(self, _: AsyncConnection, news: Sequence[Any]) -> Mapping[int, Failure | None]:
        told = await asyncio.gather(*(self._tell(each.payload) for each in news))
        return dict(zip((each.outbox_id for each in news), told, strict=True))

    async def _tell(self, news: Mapping[str, Any]) -> Failure | None:
        gateway = self._channels.get(news["channel"])
        if gateway is None:
            return Failure(f"no account for the channel {news['channel']}")
        lines = tuple((line, count) for line, count in news["lines"] if line)
        try:
            # The connector looks for this tracking number first: a repeat makes no second one.
            await gateway.push_fulfillment(
                news["external_id"],
                news["tracking_number"],
                news["carrier"],
                lines if len(lines) == len(news["lines"]) else None,
            )
        except ConnectorError as error:
            return Failure(str(error))
        except Exception as fault:  # noqa: BLE001 - one bad message must not send the others twice
            return Failure(f"the news cannot be told: {type(fault).__name__}")
        return None
