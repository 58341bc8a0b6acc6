"""What the sandbox is told at start: where it listens, whom it calls, which secrets it shares."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Secrets:
    """Keys accepted on requests and keys that sign webhooks."""

    stripe_key: str = "sk_sandbox"
    easypost_key: str = "EZSANDBOX"
    shopify_token: str = "shpat_sandbox"  # noqa: S105 - the sandbox's own, worth nothing elsewhere
    stripe_webhook: str = "whsec_sandbox"
    easypost_webhook: str = "ezwh_sandbox"
    shopify_webhook: str = "shopify_sandbox"


@dataclass(frozen=True)
class Settings:
    """`api_url` is the receiver of webhooks; without it they wait in the queue."""

    data_dir: Path
    time_factor: float = 1.0
    api_url: str | None = None
    shop_domain: str = "cauce-sandbox.myshopify.com"
    secrets: Secrets = field(default_factory=Secrets)
