"""The outbox loop: delivers what waits, woken by each new message."""

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.delivery import Delivery, MailServer
from workers.loop import TableLoop
from workers.settings import Settings


class OutboxLoop(TableLoop):
    def __init__(self, engine: AsyncEngine, delivery: Delivery) -> None:
        super().__init__(engine, "outbox")
        self._delivery = delivery

    async def work_once(self) -> int:
        return await self._delivery.deliver_batch()


def mail_server(settings: Settings) -> MailServer:
    password = settings.smtp_password
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_sender,
        username=settings.smtp_username,
        password=password.get_secret_value() if password else None,
        starttls=settings.smtp_starttls,
    )
