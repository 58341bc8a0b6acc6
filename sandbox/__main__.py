"""Starts the sandbox: `python -m sandbox --port 8900 --data-dir DIR --time-factor 20000`."""

import argparse
import os
import socket
import sqlite3
import sys
from pathlib import Path

import uvicorn

from sandbox.app import Sandbox
from sandbox.settings import Secrets, Settings


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--data-dir", type=Path, required=True)
    arguments.add_argument("--time-factor", type=float, default=1.0)
    arguments.add_argument("--api-url", help="receiver of webhooks; without it they wait")
    arguments.add_argument("--shop-domain", default=Settings.shop_domain)
    for name, usual in vars(Secrets()).items():
        suffix = "-secret" if name.endswith("_webhook") else ""
        # On the command line every user of the machine could read it.
        default = os.environ.get(f"SANDBOX_{name.upper()}", usual)
        arguments.add_argument(f"--{name.replace('_', '-')}{suffix}", dest=name, default=default)
    return arguments


def main(argv: list[str] | None = None) -> int:
    given = parser().parse_args(argv)
    secrets = Secrets(**{name: getattr(given, name) for name in vars(Secrets())})
    settings = Settings(
        data_dir=given.data_dir,
        time_factor=given.time_factor,
        api_url=given.api_url,
        shop_domain=given.shop_domain,
        secrets=secrets,
    )
    try:
        listener = socket.create_server((given.host, given.port))
        return serve(settings, listener)
    except (OSError, ValueError, sqlite3.Error) as problem:
        sys.stderr.write(f"sandbox: {problem}\n")
        return 2


def serve(settings: Settings, listener: socket.socket) -> int:
    """Until told to end, or until it fails; the exit code says which."""
    failures: list[bool] = []

    def fail() -> None:
        failures.append(True)
        server.should_exit = True

    # A cut connection is an error to uvicorn, and exactly what was asked for: hence critical.
    config = uvicorn.Config(
        Sandbox(settings, on_failure=fail),
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
