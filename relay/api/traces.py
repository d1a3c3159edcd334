"""A span for every call that ends, in the conventions of OpenTelemetry for generative AI, sent to a collector (OTLP).

The spans are made from the books when a call is carried into the database: off the event loop, and at no cost to calls.
No span has a prompt, an answer or a key in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from relay.completions.request import CallRequest
from relay.ledger.calls import Closed, ProviderPayee
from relay.ledger.entries import CallId
from relay.settings import TraceSettings

SERVICE: Final = "nightjar-relay"
PATIENCE_S: Final = 3.0
"""For the collector, each time: a relay that ends must not wait long for one that is silent."""

MS: Final = 1_000_000
"""Nanoseconds."""
_FAILED: Final = frozenset({"failed", "expired"})
_OPERATIONS: Final = {"completion": "text_completion", "embedding": "embeddings"}
"""The conventions' names for kinds of calls that have others here."""


class Traces:
    """Makes the spans. `began` belongs to the event loop's thread, `add` to the carrier's."""

    def __init__(self, settings: TraceSettings, *, version: str) -> None:
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": SERVICE, "service.version": version}),
            sampler=ParentBased(TraceIdRatioBased(settings.share)),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=settings.endpoint, headers=settings.headers, timeout=PATIENCE_S)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("nightjar.relay")
        self._context_of = TraceContextTextMapPropagator().extract
        self._open: dict[CallId, tuple[str, str]] = {}

    def began(self, call: CallId, request: CallRequest) -> None:
        """A call was admitted: what the books do not know of it."""
        self._open[call] = (request.kind.word, request.trace_parent.decode("ascii", "replace"))

    def add(self, closed: Iterable[Closed]) -> None:
        """Calls have ended."""
        for each in closed:
            kind, parent = self._open.pop(each.admission.call, ("chat", ""))
            self._tell(each, _OPERATIONS.get(kind, kind), parent)

    def _tell(self, closed: Closed, operation: str, parent: str) -> None:
        admission, outcome = closed.admission, closed.outcome
        start = admission.started_ms * MS
        span = self._tracer.start_span(
            f"{operation} {closed.model}",
            context=self._context_of({"traceparent": parent}),
            kind=SpanKind.SERVER,
            start_time=start,
            attributes=attributes(closed, operation),
        )
        if outcome.ttft_ms is not None:
            span.add_event("nightjar.first_token", timestamp=start + outcome.ttft_ms * MS)
        if outcome.state in _FAILED:
            span.set_status(StatusCode.ERROR, outcome.error)
        span.end(end_time=start + outcome.duration_ms * MS)

    def close(self) -> None:
        """Send what is left; waits for the collector for some seconds at most."""
        self._provider.shutdown()


def attributes(closed: Closed, operation: str) -> dict[str, Any]:
    """What a span says. The names that begin with `gen_ai` are the conventions'; amounts are nano-dollars."""
    admission, outcome, settlement = closed.admission, closed.outcome, closed.settlement
    targets = [closed.legs[number] for number in sorted(closed.legs)]
    said: dict[str, Any] = {
        "gen_ai.operation.name": operation,
        "gen_ai.request.model": admission.model,
        "gen_ai.response.model": closed.model,
        "gen_ai.usage.input_tokens": settlement.prompt_tokens,
        "gen_ai.usage.output_tokens": settlement.completion_tokens,
        "nightjar.generation": f"gen-{admission.call:016x}",
        "nightjar.organisation": admission.organisation,
        "nightjar.key": admission.key,
        "nightjar.streamed": admission.stream,
        "nightjar.state": outcome.state,
        "nightjar.cost_nano_usd": settlement.cost,
        "nightjar.targets": [each.target for each in targets],
    }
    if targets:
        payee = targets[-1].payee
        said["gen_ai.provider.name"] = payee.provider if isinstance(payee, ProviderPayee) else "nightjar.node"
    if outcome.finish_reason:
        said["gen_ai.response.finish_reasons"] = [outcome.finish_reason]
    if outcome.error:
        said["error.type"] = outcome.error
    return said
