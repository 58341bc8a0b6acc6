"""One way to speak to Temporal, shared by client, worker and replayer."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from temporalio.client import Client, Interceptor
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.envconfig import ClientConfig
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import GrpcCompression, RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workers.codec import SealingCodec
from workers.errors import UserError
from workers.sealing import read_key_ring
from workers.settings import Settings
from workflows.aftermath import LateParcelWorkflow, LatePaymentWorkflow
from workflows.backorders import BackorderWorkflow
from workflows.fulfillment import FulfillmentWorkflow
from workflows.housekeeping import (
    ChannelSyncWorkflow,
    PruningWorkflow,
    ReminderWorkflow,
    ReservationExpiryWorkflow,
)
from workflows.order import OrderWorkflow
from workflows.returning import ReturnWorkflow
from workflows.watching import EscalationWorkflow, ReconciliationWorkflow

WORKFLOWS: Final[list[type[Any]]] = [
    OrderWorkflow,
    FulfillmentWorkflow,
    LatePaymentWorkflow,
    LateParcelWorkflow,
    BackorderWorkflow,
    ReminderWorkflow,
    ReservationExpiryWorkflow,
    PruningWorkflow,
    ChannelSyncWorkflow,
    EscalationWorkflow,
    ReconciliationWorkflow,
    ReturnWorkflow,
]
# Loaded once instead of once a run: a fifth of an order's CPU otherwise. The stories themselves
# (workflows.order and the like) stay inside the sandbox, whose checks would not see them otherwise.
PASSED_THROUGH: Final = (
    "domain", "activities", "db", "sqlalchemy", "psycopg", "httpx", "workflows.desk",
    "workflows.messages", "workflows.refusals", "workflows.return_messages", "workflows.saga",
    "workflows.search", "workflows.settling", "workflows.shares", "workflows.readying",
    "workflows.followed", "workflows.journey", "workflows.road", "workflows.telling",
    "workflows.steps", "opentelemetry",
)  # fmt: skip


def workflow_runner(*, sandboxed: bool = True) -> WorkflowRunner:
    if not sandboxed:
        return UnsandboxedWorkflowRunner()
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return SandboxedWorkflowRunner(restrictions=restrictions)


def payload_codec(settings: Settings) -> SealingCodec | None:
    """None unless OMS_PAYLOAD_KEYS is set. Raises: UserError."""
    if settings.payload_keys is None:
        return None
    text = settings.payload_keys.get_secret_value()
    return SealingCodec(read_key_ring("OMS_PAYLOAD_KEYS", text))


def data_converter(settings: Settings) -> DataConverter:
    """With keys, messages and stack traces of failures are sealed like every other payload."""
    codec = payload_codec(settings)
    if codec is None:
        return DataConverter.default
    return replace(
        DataConverter.default,
        payload_codec=codec,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def measuring_runtime(settings: Settings) -> Runtime | None:
    """What serves the SDK's own figures; None unless OMS_TEMPORAL_METRICS_PORT is set.

    Raises: UserError when it cannot listen there.
    """
    if settings.temporal_metrics_port is None:
        return None
    at = f"{settings.metrics_host}:{settings.temporal_metrics_port}"
    metrics = PrometheusConfig(
        at, durations_as_seconds=True, counters_total_suffix=True, unit_suffix=True
    )
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=metrics))
    except (RuntimeError, ValueError) as error:
        raise UserError(f"Temporal's metrics cannot be served on {at}: {error}") from None


async def connect(
    settings: Settings, *, runtime: Runtime | None = None, interceptors: Sequence[Interceptor] = ()
) -> Client:
    """Connect as OMS_TEMPORAL_ADDRESS says, else as Temporal's own variables and profile do.

    A worker takes over the client's interceptors that are for workers, too.
    Raises: UserError when nothing answers there.
    """
    config = ClientConfig.load_client_connect_config()
    if settings.temporal_address is not None:
        config["target_host"] = settings.temporal_address
        config["namespace"] = settings.temporal_namespace
    config.setdefault("target_host", "localhost:7233")
    converter = data_converter(settings)
    try:
        # Payloads are ids: compressing them costs more than it saves on any near network.
        return await Client.connect(
            **config,
            data_converter=converter,
            grpc_compression=GrpcCompression.NONE,
            runtime=runtime,
            interceptors=interceptors,
        )
    except (RuntimeError, RPCError) as error:
        reason = _reason(error)
        raise UserError(f"Temporal at {config['target_host']} does not answer: {reason}") from None
    except ValueError as error:
        raise UserError(f"Temporal cannot be at {config['target_host']!r}: {error}") from None


def _reason(error: Exception) -> str:
    """What the operating system said, out of the client's nest of names, where it is there."""
    said = re.search(r'message: "([^"]+)"', str(error))
    return said.group(1) if said else str(error)
