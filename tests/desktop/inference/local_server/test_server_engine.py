"""Calls to an engine of another maker: what is passed on, what comes back, and what happens when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from desktop.inference.generation import Ready, RecordKind, Restarting, Resume
from desktop.inference.local_server.discovery import NotLocal
from desktop.inference.local_server.server_engine import LocalServer, ServerSettings
from tests.desktop.inference.answers import PARIS, PARIS_ANSWER, STORY, Answer, a_call, ask
from tests.desktop.inference.conftest import Watch
from tests.desktop.inference.local_server.servers import GENERIC, LLAMA_SERVER, MODEL, OLLAMA, Server, running

Started = Callable[..., Any]


@pytest.fixture
async def started(watch: Watch) -> AsyncIterator[Started]:
    """Starts an engine on a server, and stops it at the end."""
    engines: list[LocalServer] = []

    async def start(server: Server, **changed: Any) -> LocalServer:
        values: dict[str, Any] = {"url": server.url, "model": MODEL, "slots": 4, "first_pause_s": 0.05}
        settings = ServerSettings(**values | changed)
        engines.append(LocalServer(settings, on_change=watch))
        await engines[-1].start()
        return engines[-1]

    yield start
    for engine in engines:
        await engine.stop()


async def test_an_answer_is_streamed_with_its_end_and_the_servers_own_count(started: Started, watch: Watch) -> None:
    async with running(Server(OLLAMA)) as server:
        engine = await started(server)
        await watch.ready()
        answer = await ask(engine, a_call(PARIS))

    assert answer.text() == PARIS_ANSWER
    assert (answer.reason, answer.ends()) == ("stop", ["stop"])
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (26, len(PARIS_ANSWER))
    assert answer.timings is not None
    assert answer.timings.decode_ms > 0
    assert (answer.ids(), answer.prompt_digest) == ([], b"")
    assert [record.kind for record in answer.records_][-1] == RecordKind.END


async def test_facts_are_what_the_server_tells(started: Started, watch: Watch) -> None:
    async with running(Server(OLLAMA)) as server:
        await started(server, slots=0, name="mine")
        facts = (await watch.ready()).facts

    assert (facts.name, facts.context, facts.quantisation, facts.slots, facts.resume) == (
        "mine",
        4096,
        "Q4_K_M",
        1,
        "none",
    )


async def test_its_speed_is_known_from_the_first_answer(started: Started, watch: Watch) -> None:
    async with running(Server(OLLAMA)) as server:
        engine = await started(server)
        before = (await watch.ready()).facts
        await ask(engine, a_call(PARIS))
        state = await watch.until(lambda state: isinstance(state, Ready) and state.facts.decode_tps > 0)

    assert (before.prefill_tps, before.decode_tps) == (0.0, 0.0)
    assert isinstance(state, Ready)
    assert state.facts.prefill_tps > 0


async def test_only_listed_fields_are_passed_on_and_ours_replace_the_callers(started: Started, watch: Watch) -> None:
    async with running(Server(OLLAMA)) as server:
        engine = await started(server)
        await watch.ready()
        await ask(engine, a_call(PARIS, max_tokens=5, options={"num_ctx": 1}, keep_alive=-1, user="someone", top_p=0.5))
        (body,) = server.bodies

    assert body["model"] == MODEL
    assert (body["max_tokens"], body["seed"], body["top_p"], body["stream"]) == (5, 7, 0.5, True)
    assert not {"options", "keep_alive", "user"} & body.keys()


async def test_the_limit_of_the_call_holds_over_that_of_the_body(started: Started, watch: Watch) -> None:
    async with running(Server(OLLAMA)) as server:
        engine = await started(server)
        await watch.ready()
        answer = await ask(engine, a_call(PARIS, max_completion_tokens=5000))

    assert server.bodies[0]["max_tokens"] == 200
    assert answer.reason == "stop"


@pytest.mark.parametrize(("field", "value"), [("temperature", 3), ("n", 0), ("stop", [""]), ("logit_bias", {"x": 1})])
async def test_a_request_that_cannot_be_is_declined_before_the_server_hears_of_it(
    started: Started, watch: Watch, field: str, value: Any
) -> None:
    async with running(Server(OLLAMA)) as server:
        engine = await started(server)
        await watch.ready()
        answer = await ask(engine, a_call(PARIS, **{field: value}))

    assert answer.decline is not None
    assert answer.decline[0] == "parameter"
    assert f"'{field}'" in answer.decline[1]
    assert server.bodies == []


async def test_a_cancelled_call_closes_its_connection(started: Started, watch: Watch) -> None:
    async with running(Server(OLLAMA)) as server:
        engine = await started(server)
        await watch.ready()
        answer = Answer()
        engine.submit(a_call(STORY, max_tokens=100_000), answer)
        await answer.begun.wait()
        engine.cancel(1)
        await asyncio.wait_for(server.hung_up.wait(), 5)

    assert engine.running == 0
    assert not answer.over.is_set()


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (400, {"error": {"message": "bad field"}}, "parameter"),
        (404, {"error": {"message": f"model '{MODEL}' not found"}}, "model"),
        (429, {"error": "too many"}, "busy"),
        (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, "busy"),
        (500, {"error": "boom"}, "busy"),
        (
            400,
            {
                "error": {
                    "message": "the request exceeds the available context size",
                    "type": "exceed_context_size_error",
                }
            },
            "context",
        ),
    ],
)
async def test_a_refusal_of_the_server_is_a_decline(
    started: Started, watch: Watch, status: int, error: dict[str, Any], reason: str
) -> None:
    async with running(Server(LLAMA_SERVER, status=status, error=error)) as server:
        engine = await started(server)
        await watch.ready()
        answer = await ask(engine, a_call(PARIS))

    assert answer.decline is not None
    assert answer.decline[0] == reason
    assert engine.running == 0


@pytest.mark.parametrize(
    "trouble",
    [
        {"cut_after": 500},
        {"garbage": b"data: {not json}\n\n"},
        {"garbage": b"data: {}\n\ndata: [DONE]\n\n"},
        {"garbage": b'data: {"error": {"message": "out of memory"}}\n\n'},
        {"garbage": b'data: {"choices": [{"index": 7, "delta": {"content": "x"}}]}\n\n'},
        {"garbage": b"data: " + b"x" * 2_000_000},
    ],
    ids=["cut", "no JSON", "no end", "error", "another choice", "endless"],
)
async def test_an_answer_that_breaks_off_fails_its_call_and_the_next_works(
    started: Started, watch: Watch, trouble: dict[str, Any]
) -> None:
    async with running(Server(OLLAMA, **trouble)) as server:
        engine = await started(server)
        await watch.ready()
        answer = await ask(engine, a_call(PARIS))
        server.cut_after, server.garbage = None, b""
        await watch.ready()
        after = await ask(engine, a_call(PARIS, id=2))

    assert answer.failure is not None
    assert answer.failure[0] == "engine"
    assert answer.failure[2] == "node"
    assert after.text() == PARIS_ANSWER


async def test_a_server_that_is_gone_is_found_again(started: Started, watch: Watch) -> None:
    server = Server(OLLAMA)
    async with running(server):
        engine = await started(server, check_s=0.05)
        await watch.ready()
    state = await watch.until(lambda state: isinstance(state, Restarting))
    assert isinstance(state, Restarting)
    assert state.why == f"No engine answers at {server.url}."
    assert (await ask(engine, a_call(PARIS))).decline == ("model", "The local server is not ready.")
    async with running(server, port=server.port):
        await watch.until(lambda state: isinstance(state, Ready))
        assert (await ask(engine, a_call(PARIS, id=2))).text() == PARIS_ANSWER


async def test_a_model_that_its_owner_has_deleted_is_not_offered(started: Started, watch: Watch) -> None:
    async with running(Server(GENERIC)) as server:
        await started(server, model="another")
        state = await watch.until(lambda state: isinstance(state, Restarting))

    assert isinstance(state, Restarting)
    assert state.why == "OpenAI-format server has no model named another."


async def test_a_key_is_sent_where_one_is_wanted(started: Started, watch: Watch) -> None:
    async with running(Server(GENERIC, key="secret")) as server:
        without = await started(server)
        state = await watch.until(lambda state: isinstance(state, Restarting))
        await without.stop()
        engine = await started(server, key="secret")
        await watch.ready()
        answer = await ask(engine, a_call(PARIS))

    assert isinstance(state, Restarting)
    assert "API key" in state.why
    assert answer.text() == PARIS_ANSWER


async def test_what_these_servers_cannot_do_is_declined(started: Started, watch: Watch) -> None:
    async with running(Server(OLLAMA)) as server:
        engine = await started(server)
        await watch.ready()
        resumed, embedded = Answer(), Answer()
        call = a_call(PARIS)
        engine.submit(type(call)(1, call.body, 0, 0, 9, "t", resume=Resume(b"", ())), resumed)
        engine.submit(type(call)(2, call.body, 0, 0, 9, "t", kind="embedding"), embedded)

    assert resumed.decline is not None
    assert resumed.decline[0] == "resume_mismatch"
    assert embedded.decline is not None
    assert embedded.decline[0] == "model"


@pytest.mark.parametrize(
    "url",
    ["http://192.168.1.9:11434", "http://example.com", "https://127.0.0.1", "http://127.0.0.1.example.com:80",
     "http://user@127.0.0.1:80", "http://127.0.0.1:80/path", "file:///etc/passwd", "http://0.0.0.0:1", ""],
)  # fmt: skip
def test_only_this_computer_is_ever_spoken_to(url: str, watch: Watch) -> None:
    with pytest.raises(NotLocal):
        LocalServer(ServerSettings(url, MODEL), on_change=watch)
