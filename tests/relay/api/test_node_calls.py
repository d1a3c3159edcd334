"""Calls that a connected node answers, as the caller sees them: a real link, a node that plays a script."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from sqlalchemy import Connection

from relay.accounts import directory
from relay.clock import ManualClock
from relay.ledger.check import BooksCheck
from relay.settings import TimerSettings
from relay.wire.frames import LegId, StepKind
from tests.relay.nodes.desk import text
from tests.relay.nodes.player import PROMPT, Node, Play, answer_rightly, relay_with_node
from tests.relay.provider import ANSWER, plain_answer, scripted_provider, stream_answer
from tests.relay.running import MODEL, RunningRelay, a_chat, as_provider

OWNER_PERCENT = 70


async def _answers_twice(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    for choice in (0, 1):
        await node.write(leg, "One ", "two.", choice=choice)
        await node.end(leg, choice=choice)
    await node.finish(leg, 4)


async def _measures(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    told = {"token": "Pa", "logprob": -0.25, "top_logprobs": [{"token": "\ufffd", "logprob": -2.5, "bytes": [195]}]}
    delta = {"content": "Pa", "logprobs": [told], "id": "chatcmpl-forged", "model": "forged"}
    await node.desk.step(text(leg, json.dumps(delta), [1], kind=StepKind.DELTA))
    await node.end(leg)
    await node.finish(leg, 1)


async def _calls_a_tool(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    delta = {"tool_calls": [{"index": 0, "name": "f", "arguments": "{}"}]}
    await node.desk.step(text(leg, json.dumps(delta), [1], kind=StepKind.DELTA))


async def _calls_two_tools(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    first = {"tool_calls": [{"index": 7, "id": "forged", "name": "f"}]}
    second = {"tool_calls": [{"index": 7, "name": "g", "arguments": '{"b"'}]}
    await node.desk.step(
        text(leg, json.dumps(first), [1], kind=StepKind.DELTA),
        text(leg, '{"a": ', [2], kind=StepKind.TOOL_ARGUMENTS),
        text(leg, "1}", [3], kind=StepKind.TOOL_ARGUMENTS),
        text(leg, json.dumps(second), [4], kind=StepKind.DELTA),
        text(leg, ": 2}", [5], kind=StepKind.TOOL_ARGUMENTS),
    )
    await node.end(leg, "tool_calls")
    await node.finish(leg, 5, "tool_calls")


async def _argues_with_nobody(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    await node.desk.step(text(leg, "{}", [1], kind=StepKind.TOOL_ARGUMENTS))


async def _is_busy(node: Node, leg: LegId) -> None:
    await node.desk.say(node.desk.session.decline(leg, reason="busy", message="no free slot", now=time.monotonic()))


async def _minds_a_parameter(node: Node, leg: LegId) -> None:
    message = "'temperature' must be between 0 and 2."
    await node.desk.say(node.desk.session.decline(leg, reason="parameter", message=message, now=time.monotonic()))


async def _fails_half_way(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    await node.write(leg, "The ", "capital ")
    await node.desk.say(
        node.desk.session.fail(leg, code="worker_died", message="the model's process ended", now=time.monotonic())
    )


async def _fails_at_once(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    await node.desk.say(
        node.desk.session.fail(leg, code="worker_died", message="the model's process ended", now=time.monotonic())
    )


async def _falls_silent(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    await node.write(leg, "The ", "capital ")


async def _holds_text_back(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    await node.desk.step(text(leg, "", [1]), text(leg, "The end", [2]))
    await node.desk.step(text(leg, "", [3]))
    await node.end(leg, "length")
    await node.finish(leg, 3, "length")


async def _sends_what_was_not_asked_for(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    await node.desk.step(text(leg, "The ", [1]), text(leg, "{}", [2], kind=StepKind.TOOL_ARGUMENTS))


async def _does_not_stop(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    for number in range(1, 10):
        await node.desk.step(text(leg, f"{number} ", [number]))


async def _never_accepts(node: Node, leg: LegId) -> None:
    """Not a word."""


async def _vanishes(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    await node.write(leg, "The ")
    node.desk.socket.transport.abort()
    await asyncio.Event().wait()


async def _ends_and_vanishes(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    await node.write(leg, "The ", "end.")
    await node.end(leg)
    node.desk.socket.transport.abort()
    await asyncio.Event().wait()


TOOLS = [{"type": "function", "function": {"name": "f"}}]

CASES: dict[str, tuple[dict[str, object], Play]] = {
    "stream": (a_chat(stream=True), answer_rightly),
    "stream with usage": (a_chat(stream=True, stream_options={"include_usage": True}), answer_rightly),
    "plain": (a_chat(), answer_rightly),
    "two choices": (a_chat(n=2), _answers_twice),
    "two streamed choices": (a_chat(n=2, stream=True), _answers_twice),
    "log-probabilities": (a_chat(logprobs=True, top_logprobs=1), _measures),
    "streamed log-probabilities": (a_chat(stream=True, logprobs=True, top_logprobs=1), _measures),
    "tools": (a_chat(tools=TOOLS), _calls_two_tools),
    "streamed tools": (a_chat(tools=TOOLS, stream=True), _calls_two_tools),
    "busy": (a_chat(), _is_busy),
    "parameter": (a_chat(temperature=9), _minds_a_parameter),
    "fails half way": (a_chat(stream=True), _fails_half_way),
    "fails half way, plain": (a_chat(), _fails_half_way),
    "falls silent": (a_chat(stream=True), _falls_silent),
    "holds text back": (a_chat(stream=True), _holds_text_back),
}


@pytest.mark.parametrize("name", CASES)
async def test_both_edges_answer_for_a_node_with_the_same_bytes(name: str, tmp_path: Path) -> None:
    body, play = CASES[name]
    answers = []
    for edge in ("http", "asgi"):
        timers = TimerSettings(node_gap_s=0.3)
        at = relay_with_node(tmp_path / edge, play, edge=edge, clock=ManualClock(), timers=timers)
        async with at as (relay, _node):
            answers.append(_without_framing(await relay.raw(relay.chat(body))))

    assert answers[0]
    assert answers[0] == answers[1]


def _without_framing(answer: bytes) -> bytes:
    """The answer without HTTP's chunk sizes: how many records one read of the node's socket brings is the network's."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head:
        return answer
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if size == b"0":
            return head + b"\r\n\r\n" + body
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]


async def test_the_stream_is_openais_and_the_relays_own(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        answer = _without_framing(await relay.raw(relay.chat(a_chat(stream=True, max_tokens=9, seed=3))))

    events = [json.loads(line[6:]) for line in answer.decode().split("\n") if line.startswith("data: {")]
    assert {(each["id"], each["model"], each["object"]) for each in events} == {
        (events[0]["id"], MODEL, "chat.completion.chunk")
    }
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(each["choices"][0]["delta"].get("content", "") for each in events) == "The capital is Paris."
    assert events[-1]["choices"][0]["finish_reason"] == "stop"
    assert answer.endswith(b"data: [DONE]\n\n")
    assert (node.calls[0].call.max_tokens, node.calls[0].call.seed) == (9, 3)


@pytest.mark.parametrize("stream", [False, True])
async def test_log_probabilities_are_openais_with_the_bytes_of_every_token(stream: bool, tmp_path: Path) -> None:
    body = a_chat(stream=stream, logprobs=True, top_logprobs=1)
    async with relay_with_node(tmp_path, _measures) as (relay, _node):
        answer = _without_framing(await relay.raw(relay.chat(body)))

    text = answer.partition(b"\r\n\r\n")[2].decode()
    events = [json.loads(line.removeprefix("data: ")) for line in text.split("\n") if "logprob" in line]
    [told] = [event["choices"][0]["logprobs"] for event in events if event["choices"][0]["logprobs"]]
    other = {"token": "\ufffd", "logprob": -2.5, "bytes": [195]}
    assert told["content"] == [{"token": "Pa", "logprob": -0.25, "bytes": [80, 97], "top_logprobs": [other]}]
    assert "forged" not in text


async def test_calls_of_tools_are_numbered_and_named_by_the_relay(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, _calls_two_tools, _calls_two_tools) as (relay, _node):
        plain = _without_framing(await relay.raw(relay.chat(a_chat(tools=TOOLS))))
        streamed = _without_framing(await relay.raw(relay.chat(a_chat(tools=TOOLS, stream=True))))

    [choice] = json.loads(plain.partition(b"\r\n\r\n")[2])["choices"]
    calls = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert [call["function"] for call in calls] == [
        {"name": "f", "arguments": '{"a": 1}'},
        {"name": "g", "arguments": '{"b": 2}'},
    ]
    assert len({call["id"] for call in calls}) == 2

    events = [
        json.loads(line[6:])["choices"][0] for line in streamed.decode().split("\n") if line.startswith("data: {")
    ]
    pieces = [piece for event in events for piece in event["delta"].get("tool_calls", [])]
    assert [(piece["index"], "id" in piece) for piece in pieces if "id" in piece] == [(0, True), (1, True)]
    for index, arguments in enumerate(['{"a": 1}', '{"b": 2}']):
        assert "".join(each["function"]["arguments"] for each in pieces if each["index"] == index) == arguments
    assert events[-1]["finish_reason"] == "tool_calls"
    assert b"forged" not in plain + streamed


async def test_a_node_learns_neither_key_nor_account(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        await relay.raw(relay.chat(a_chat()))
        offered = repr(node.calls[0])

    assert relay.key not in offered
    assert "sk-nj" not in offered


async def test_the_owner_is_paid_the_larger_part_and_the_books_balance(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, _node):
        await relay.raw(relay.chat(a_chat(stream=True)))
        [row] = await relay.usage_rows()
        books = await relay.books()

    assert (row.state, row.prompt_tokens, row.completion_tokens, row.token_source) == ("completed", PROMPT, 4, "relay")
    assert row.cost_nano > 0
    assert row.owner_nano == row.cost_nano * OWNER_PERCENT // 100
    assert row.owner_nano + row.operator_nano == row.cost_nano
    assert books == BooksCheck((), (), 0)


async def test_a_caller_who_hangs_up_frees_the_node_and_pays_for_what_was_written(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, _falls_silent) as (relay, node):
        await relay.raw(relay.chat(a_chat(stream=True)), until=b"capital")
        await asyncio.wait_for(node.cancelled.wait(), 1)
        [row] = await relay.usage_rows()
        [link] = relay.services.registry.links_for(MODEL)
        assert link.running == 0

    assert (row.state, row.completion_tokens) == ("cancelled", 2)
    assert row.owner_nano > 0


async def test_a_busy_node_makes_way_for_a_provider(tmp_path: Path) -> None:
    async with scripted_provider([plain_answer()]) as provider:
        at = relay_with_node(tmp_path, _is_busy, providers=[as_provider(provider)])
        async with at as (relay, _node):
            answer = await relay.raw(relay.chat(a_chat()))

    assert ANSWER.encode() in answer
    assert b"x-nightjar-target: alpha" in answer


async def test_a_stream_that_has_shown_nothing_fails_over(tmp_path: Path) -> None:
    async with scripted_provider(stream_answer()) as provider:
        at = relay_with_node(tmp_path, _fails_at_once, providers=[as_provider(provider)])
        async with at as (relay, _node):
            answer = await relay.raw(relay.chat(a_chat(stream=True)))

    assert b"Paris" in answer
    assert b"x-nightjar-attempts: 2" in answer


async def test_content_that_was_read_but_not_written_is_not_yet_an_answer(tmp_path: Path) -> None:
    async with scripted_provider(stream_answer()) as provider:
        at = relay_with_node(tmp_path, _sends_what_was_not_asked_for, providers=[as_provider(provider)])
        async with at as (relay, _node):
            answer = await relay.raw(relay.chat(a_chat(stream=True)))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b'"The "') == 1
    assert b"Paris" in answer
    assert answer.endswith(b"[DONE]\n\n\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("body", "play"),
    [
        (a_chat(stream=True), _sends_what_was_not_asked_for),
        (a_chat(stream=True), _measures),
        (a_chat(stream=True, logprobs=True), _calls_a_tool),
        (a_chat(stream=True), _calls_two_tools),
        (a_chat(stream=True, tools=TOOLS), _argues_with_nobody),
    ],
)
async def test_a_node_that_sends_what_was_not_asked_for_is_an_error_with_a_head(
    body: dict[str, object], play: Play, tmp_path: Path
) -> None:
    async with relay_with_node(tmp_path, play) as (relay, _node):
        answer = await relay.raw(relay.chat(body))
        [row] = await relay.usage_rows()

    assert answer.startswith(b"HTTP/1.1 502 ")
    assert (row.state, row.cost_nano) == ("failed", 0)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_node_that_does_not_stop_is_stopped_where_the_caller_asked(tmp_path: Path, stream: bool) -> None:
    async with relay_with_node(tmp_path, _does_not_stop) as (relay, node):
        answer = await relay.raw(relay.chat(a_chat(stream=stream, max_tokens=3)))
        await asyncio.wait_for(node.cancelled.wait(), 1)
        [row] = await relay.usage_rows()

    assert b"3 " in answer
    assert b"4 " not in answer
    assert b'"finish_reason":"length"' in answer
    assert (row.state, row.completion_tokens) == ("completed", 3)


async def test_a_node_that_never_accepts_is_named_as_that(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, _never_accepts, timers=TimerSettings(accept_s=0.2)) as (relay, _node):
        answer = await relay.raw(relay.chat(a_chat()))

    assert b'"code":"accept_timeout"' in answer


async def test_a_plain_call_fails_over_even_half_way_because_nobody_has_seen_it(tmp_path: Path) -> None:
    async with scripted_provider([plain_answer()]) as provider:
        at = relay_with_node(tmp_path, _fails_half_way, providers=[as_provider(provider)])
        async with at as (relay, _node):
            answer = await relay.raw(relay.chat(a_chat()))
            [row] = await relay.usage_rows()

    assert ANSWER.encode() in answer
    assert (row.owner_nano, row.provider_nano) == (0, row.cost_nano)


async def test_a_node_that_vanishes_mid_stream_ends_the_answer_in_an_error(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, _vanishes) as (relay, _node):
        async with asyncio.timeout(5):
            answer = await relay.raw(relay.chat(a_chat(stream=True)))
        [row] = await relay.usage_rows()

    assert b'"code":"node_lost"' in answer
    assert b"[DONE]" not in answer
    assert (row.state, row.completion_tokens) == ("failed", 1)
    assert row.owner_nano > 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_node_that_vanishes_with_the_last_word_has_answered(stream: bool, tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, _ends_and_vanishes) as (relay, _):
        answer = await relay.raw(relay.chat(a_chat(stream=stream)))
        (row,) = await relay.usage_rows()
    assert b'"finish_reason":"stop"' in answer
    assert b'"error"' not in answer
    assert (row.state, row.completion_tokens) == ("completed", 2)


async def test_the_owner_hears_what_was_earned(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        await relay.raw(relay.chat(a_chat()))
        [link] = relay.services.registry.links_for(MODEL)
        [row] = await relay.usage_rows()
        earned = relay.services.ledger.earnings(link.node.node_id, relay.services.clock.now_ms())

    assert earned.today == row.owner_nano > 0
    assert earned.answers_today == 1
    assert len(node.calls) == 1


async def test_a_model_only_a_node_has_is_listed_and_unknown_when_the_node_is_gone(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        request = (
            f"GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {relay.key}\r\nconnection: close\r\n\r\n"
        )
        listed = await relay.raw(request.encode())
        gone = asyncio.Event()
        relay.services.registry.listen(gone.set)
        await node.desk.socket.close()
        await gone.wait()
        answer = await relay.raw(relay.chat(a_chat()))

    assert f'"id":"{MODEL}"'.encode() in listed
    assert b'"code":"model_not_found"' in answer


async def test_a_model_whose_node_is_paused_is_listed_and_answered_with_503(tmp_path: Path) -> None:
    """The node comes back by itself: a caller that waits is served, and no client should forget the model."""
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        await _pause(relay, node)
        answer = await relay.raw(relay.chat(a_chat()))
        listed = await relay.raw(_get(relay, "/v1/models"))
        one = await relay.raw(_get(relay, f"/v1/models/{MODEL}"))
        unknown = await relay.raw(relay.chat(a_chat(model="nobody-has-it")))
        assert relay.services.ledger.open_calls == 0

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 30\r\n" in answer
    assert b'"code":"no_node_shares"' in answer
    assert f'"id":"{MODEL}"'.encode() in listed
    assert one.startswith(b"HTTP/1.1 200 ")
    assert b'"code":"model_not_found"' in unknown


async def test_a_paused_node_is_no_news_to_a_key_that_may_not_use_it(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        await _pause(relay, node)

        def a_key(connection: Connection) -> str:
            project = directory.first_project(connection)
            exposure = frozenset({"cloud"})
            return directory.create_key(connection, project, name="cloud", at_ms=1, exposure=exposure).value.reveal()

        key = await relay.services.database.write(a_key)
        relay.services.keyring.load(await relay.services.database.read(directory.key_records))
        answer = await relay.raw(relay.chat(a_chat(), key=key))

    assert b'"code":"model_not_found"' in answer


async def _pause(relay: RunningRelay, node: Node) -> None:
    paused = asyncio.Event()
    stop = relay.services.registry.listen(paused.set)
    await node.desk.say(node.desk.session.status(sharing=False, reason="snoozed", free_slots=0))
    await paused.wait()
    stop()
    assert not relay.services.registry.links_for(MODEL)


def _get(relay: RunningRelay, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {relay.key}\r\nconnection: close\r\n\r\n".encode()
