"""What an OpenTelemetry collector is sent: a real one's protocol, over a real socket."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from relay.app import NoTracing, services
from relay.clock import SystemClock
from relay.settings import RelaySettings, TraceSettings
from tests.relay.api.test_waiting import until
from tests.relay.nodes.player import answer_rightly, connected_node
from tests.relay.provider import error_answer, plain_answer, scripted_provider, stream_answer
from tests.relay.running import MODEL, RunningRelay, a_chat, as_provider, running_relay

SECRET = "canary-of-a-prompt"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.headers.append(dict(self.headers.items()))
                collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    @property
    def spans(self) -> list[Span]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        scopes = [scope for each in requests for spans in each.resource_spans for scope in spans.scope_spans]
        return [span for scope in scopes for span in scope.spans]


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def said(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in span.attributes:
        kind = each.value.WhichOneof("value")
        assert kind is not None
        value = getattr(each.value, kind)
        found[each.key] = [one.string_value for one in value.values] if kind == "array_value" else value
    return found


async def ask(relay: RunningRelay, *headers: str, **fields: Any) -> None:
    head, _, body = relay.chat(a_chat(**fields)).partition(b"\r\n\r\n")
    more = "".join(f"\r\n{header}" for header in headers).encode()
    await relay.raw(head + more + b"\r\n\r\n" + body)


async def test_each_call_is_a_span_with_the_figures_of_its_usage_row(collector: Collector, tmp_path: Path) -> None:
    traces = TraceSettings(endpoint=collector.endpoint, headers={"x-collector-key": "of-the-collector"})
    async with (
        scripted_provider(stream_answer()) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)], traces=traces) as relay,
    ):
        await ask(relay, stream=True, messages=[{"role": "user", "content": SECRET}])
        (row,) = await relay.usage_rows()

    (span,) = collector.spans
    assert (span.name, span.kind) == (f"chat {MODEL}", Span.SPAN_KIND_SERVER)
    assert said(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "alpha",
        "gen_ai.request.model": MODEL,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.model": MODEL,
        "gen_ai.usage.input_tokens": row.prompt_tokens,
        "gen_ai.usage.output_tokens": row.completion_tokens,
        "nightjar.cost_nano_usd": row.cost_nano,
        "nightjar.generation": f"gen-{row.call:016x}",
        "nightjar.key": 1,
        "nightjar.organisation": 1,
        "nightjar.state": "completed",
        "nightjar.streamed": True,
        "nightjar.targets": ["alpha"],
    }
    assert [event.name for event in span.events] == ["nightjar.first_token"]
    assert span.start_time_unix_nano <= span.events[0].time_unix_nano <= span.end_time_unix_nano
    assert collector.headers[0]["x-collector-key"] == "of-the-collector"
    assert SECRET.encode() not in b"".join(collector.bodies)


async def test_a_traced_callers_call_joins_their_trace(collector: Collector, tmp_path: Path) -> None:
    async with (
        scripted_provider([plain_answer()]) as alpha,
        running_relay(
            tmp_path, providers=[as_provider(alpha)], traces=TraceSettings(endpoint=collector.endpoint, share=0.0)
        ) as relay,
    ):
        await ask(relay, f"traceparent: 00-{TRACE}-{PARENT}-01")
        await ask(relay, f"traceparent: 00-{TRACE}-{PARENT}-00")
        await ask(relay, "traceparent: \xff not one")
        await ask(relay)

    (span,) = collector.spans
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)


async def test_a_call_that_shares_an_answer_or_is_given_a_kept_one_joins_its_callers_trace_too(
    collector: Collector, tmp_path: Path
) -> None:
    both = asyncio.Event()
    asked = (f"traceparent: 00-{TRACE}-{PARENT}-01", "x-openrouter-cache: true")
    async with (
        scripted_provider([both, plain_answer()]) as alpha,
        running_relay(
            tmp_path, providers=[as_provider(alpha)], traces=TraceSettings(endpoint=collector.endpoint, share=0.0)
        ) as relay,
    ):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ask(relay, *asked, temperature=0))
            await alpha.seen.wait()
            tasks.create_task(ask(relay, *asked, temperature=0))
            await until(lambda: relay.services.ledger.open_calls == 2)
            both.set()
        await ask(relay, *asked, temperature=0)

    assert len(alpha.requests) == 1
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    assert len(collector.spans) == 3


async def test_a_call_that_failed_says_why(collector: Collector, tmp_path: Path) -> None:
    async with (
        scripted_provider([error_answer(500)]) as alpha,
        running_relay(
            tmp_path, providers=[as_provider(alpha)], traces=TraceSettings(endpoint=collector.endpoint)
        ) as relay,
    ):
        await ask(relay)
        (row,) = await relay.usage_rows()

    (span,) = collector.spans
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, row.error)
    assert (said(span)["error.type"], said(span)["nightjar.targets"]) == (row.error, ["alpha", "alpha"])


async def test_a_node_goes_by_its_name(collector: Collector, tmp_path: Path) -> None:
    traces = TraceSettings(endpoint=collector.endpoint)
    async with running_relay(tmp_path, traces=traces) as relay, connected_node(relay, answer_rightly):
        await ask(relay)

    (span,) = collector.spans
    assert said(span)["gen_ai.provider.name"] == "nightjar.node"
    assert said(span)["nightjar.targets"][0].startswith("node/")


async def test_a_collector_that_is_away_harms_no_call(tmp_path: Path) -> None:
    async with (
        scripted_provider([plain_answer()]) as alpha,
        running_relay(
            tmp_path,
            providers=[as_provider(alpha)],
            traces=TraceSettings(endpoint="http://127.0.0.1:1/v1/traces"),
        ) as relay,
    ):
        await ask(relay)
        (row,) = await relay.usage_rows()
    assert row.state == "completed"


async def test_without_the_library_the_settings_are_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "relay.api.traces", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    wanted = RelaySettings(data=tmp_path, traces=TraceSettings(endpoint="http://127.0.0.1:4318/v1/traces"))
    with pytest.raises(NoTracing) as refused:
        async with services(wanted, SystemClock(), hosts=()):
            pytest.fail("it ran")
    assert "pip install 'nightjar[traces]'" in refused.value.remedy
