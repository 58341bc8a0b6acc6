"""Composes the settings that every process of the stack is started with."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from workers.environ import machine_environment
from workers.local.ports import LOOPBACK
from workers.local.temporal import NAMESPACE

# What the sandbox accepts; it guards nothing.
STRIPE_KEY = "sk_sandbox"
EASYPOST_KEY = "EZSANDBOX"
SHOPIFY_TOKEN = "shpat_sandbox"  # noqa: S105 - public on purpose
SHOPIFY_CHANNEL = "shopify"
SENDER = "Cauce Demo Shop <orders@shop.example>"
STAFF = "operations@shop.example"
METRICS_PORTS = ("OMS_METRICS_PORT", "OMS_TEMPORAL_METRICS_PORT")
VENDORS = ("stripe", "easypost", "shopify")


@dataclass(frozen=True)
class Outside:
    """The settings a person gave, whose services replace those of the stack."""

    variables: Mapping[str, str]

    def replaces(self) -> frozenset[str]:
        """The parts that need not run."""
        names = self.variables.keys()
        gone = {
            "postgres": bool({"OMS_DATABASE_URL", "OMS_DATABASE_URL_FILE"} & names),
            "temporal": bool({"OMS_TEMPORAL_ADDRESS", "TEMPORAL_ADDRESS"} & names),
            "mail": "OMS_SMTP_HOST" in names,
            "sandbox": all(self.has_vendor(vendor) for vendor in VENDORS),
        }
        return frozenset(part for part, is_gone in gone.items() if is_gone)

    def has_vendor(self, vendor: str) -> bool:
        return any(name.startswith(f"OMS_{vendor.upper()}_") for name in self.variables)


@dataclass(frozen=True)
class Addresses:
    """Where the parts of this stack listen; None for what runs elsewhere or not at all."""

    api_port: int
    database_url: str | None
    temporal: str | None
    sandbox_url: str | None
    smtp_port: int | None

    @property
    def api_url(self) -> str:
        return f"http://{LOOPBACK}:{self.api_port}"


def compose(
    at: Addresses,
    *,
    outside: Outside,
    webhook_secrets: Mapping[str, str],
    link_secret: str,
    time_factor: float,
) -> dict[str, str]:
    """The whole environment; a person's own settings win, the machine's variables stay."""
    env = {
        "OMS_API_HOST": LOOPBACK,
        "OMS_API_PORT": str(at.api_port),
        "OMS_API_URL": at.api_url,
        "OMS_TIME_FACTOR": str(time_factor),
        "OMS_ORDER_LINK_SECRETS": link_secret,
        # Whoever tries webhooks on this machine receives them on it.
        "OMS_WEBHOOKS_ALLOW_PRIVATE": "true",
    }
    if at.database_url is not None:
        env["OMS_DATABASE_URL"] = at.database_url
    if at.temporal is not None:
        env |= {"OMS_TEMPORAL_ADDRESS": at.temporal, "OMS_TEMPORAL_NAMESPACE": NAMESPACE}
        env |= {"TEMPORAL_CONFIG_FILE": os.devnull}
    if at.smtp_port is not None:
        env |= {"OMS_SMTP_HOST": LOOPBACK, "OMS_SMTP_PORT": str(at.smtp_port)}
        env |= {"OMS_SMTP_STARTTLS": "false", "OMS_SMTP_SENDER": SENDER}
        env["OMS_ESCALATION_EMAIL"] = STAFF
    if at.sandbox_url is not None:
        env |= _sandbox_vendors(at.sandbox_url, outside, webhook_secrets)
    return machine_environment() | env | _kept(outside, has_temporal=at.temporal is not None)


def _sandbox_vendors(
    url: str, outside: Outside, webhook_secrets: Mapping[str, str]
) -> dict[str, str]:
    access = {
        "stripe": {"OMS_STRIPE_KEY": STRIPE_KEY},
        "easypost": {"OMS_EASYPOST_KEY": EASYPOST_KEY},
        "shopify": {
            "OMS_SHOPIFY_TOKEN": SHOPIFY_TOKEN,
            "OMS_SHOPIFY_CHANNEL": SHOPIFY_CHANNEL,
            # The sandbox's shop has no checkout: its orders say themselves how they are paid.
            "OMS_SHOPIFY_TENDERS_FROM_NOTES": "true",
        },
    }
    env: dict[str, str] = {}
    for vendor in VENDORS:
        if not outside.has_vendor(vendor):
            prefix = f"OMS_{vendor.upper()}_"
            env |= access[vendor]
            env[f"{prefix}URL"] = f"{url}/{vendor}"
            env[f"{prefix}WEBHOOK_SECRETS"] = webhook_secrets[vendor]
    return env


def with_own_ports(env: Mapping[str, str], number: int) -> dict[str, str]:
    """Move the ports of metrics, so that each process of the machine has its own."""
    given = {name: env[name] for name in METRICS_PORTS if env.get(name, "").isdigit()}
    return {**env, **{name: str(int(port) + number) for name, port in given.items()}}


def _kept(outside: Outside, *, has_temporal: bool) -> dict[str, str]:
    """Where the API listens and how fast time runs are the supervisor's to say.

    A person's key or certificates for another cluster would keep ours from being reached.
    """
    ours = {"OMS_API_HOST", "OMS_API_PORT", "OMS_API_URL", "OMS_TIME_FACTOR"}
    return {
        name: value
        for name, value in outside.variables.items()
        if name not in ours and not (has_temporal and name.startswith("TEMPORAL_"))
    }
