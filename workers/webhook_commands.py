"""The commands `oms webhooks`: merchants' subscriptions and dead letters."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from workers.settings import load_settings

webhooks_app = typer.Typer(help="Merchants' webhooks and dead letters.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(webhooks_app, name="webhooks")


@webhooks_app.command("list")
def show() -> None:
    """List subscriptions; never their secrets."""
    from workers.webhooks import listing  # noqa: PLC0415

    for line in asyncio.run(listing(load_settings())):
        typer.echo(line)


@webhooks_app.command()
def create(
    url: Annotated[str, typer.Option(help="Where to; https.")],
    events: Annotated[str, typer.Option(help="Comma-separated names; * is every event.")],
) -> None:
    """Subscribe, and print the id and the secret: it cannot be shown again."""
    from workers import webhooks  # noqa: PLC0415

    typer.echo(asyncio.run(webhooks.create(load_settings(), url, events)))


@webhooks_app.command()
def disable(subscription_id: str) -> None:
    """Tell it nothing for now; what waits goes on waiting."""
    from workers import webhooks  # noqa: PLC0415

    asyncio.run(webhooks.enable(load_settings(), subscription_id, enabled=False))


@webhooks_app.command()
def enable(subscription_id: str) -> None:
    """Tell it again; what it missed meanwhile is told by `replay`."""
    from workers import webhooks  # noqa: PLC0415

    asyncio.run(webhooks.enable(load_settings(), subscription_id, enabled=True))


@webhooks_app.command()
def rotate(subscription_id: str) -> None:
    """Print a new secret; the old one signs beside it for 24 hours."""
    from workers import webhooks  # noqa: PLC0415

    typer.echo(asyncio.run(webhooks.rotate(load_settings(), subscription_id)))


@webhooks_app.command("dead-letters")
def dead_letters() -> None:
    """List and count what was given up: of webhooks, e-mails and channels."""
    from workers import webhooks  # noqa: PLC0415

    for line in asyncio.run(webhooks.dead_letters(load_settings())):
        typer.echo(line)


@webhooks_app.command()
def replay(
    what: Annotated[str, typer.Argument(help="A dead letter's number, or a subscription's id.")],
    since: Annotated[
        datetime | None, typer.Option(help="For a subscription: all since then, in UTC.")
    ] = None,
) -> None:
    """Tell again one dead letter, or all that a subscription was to hear since a moment."""
    from workers import webhooks  # noqa: PLC0415

    typer.echo(asyncio.run(webhooks.replay(load_settings(), what, since)))
