"""Traces from the HTTP request through the runs to the vendors, when somebody takes them.

Spans carry ids, verbs and kinds of errors; never an error's text, a query or a customer.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from workers.errors import UserError
from workers.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from temporalio.contrib.opentelemetry import TracingInterceptor


@dataclass(frozen=True)
class Tracing:
    tracer: Tracer
    # For the client, whose workers take it over.
    interceptor: "TracingInterceptor"

    @contextmanager
    def span(self, name: str, *, is_call: bool = False) -> Iterator[None]:
        """An error leaves its kind; its text may hold anything."""
        with self.tracer.start_as_current_span(
            name,
            kind=SpanKind.CLIENT if is_call else SpanKind.INTERNAL,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise


def tracing_by(provider: "TracerProvider") -> Tracing:
    from temporalio.contrib.opentelemetry import TracingInterceptor  # noqa: PLC0415 - an extra

    tracer = provider.get_tracer("cauce")
    return Tracing(tracer, TracingInterceptor(tracer))


@asynccontextmanager
async def open_tracing(settings: Settings, service: str) -> AsyncIterator[Tracing | None]:
    """None unless OTEL_EXPORTER_OTLP_ENDPOINT is set. Raises: UserError without the extra."""
    if settings.otlp_endpoint is None:
        yield None
        return
    provider = _provider(service)
    try:
        yield tracing_by(provider)
    finally:
        await asyncio.to_thread(provider.shutdown)  # it sends what is left


def _provider(service: str) -> "TracerProvider":
    """The exporter, the sampler and the rest read OpenTelemetry's own variables."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise UserError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and traces need the extra cauce-oms[otel]"
        ) from None
    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: service}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
