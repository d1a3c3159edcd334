"""The two edges of the hot route put the same bytes on the wire: one core, clock and ids injected, nothing masked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from relay.clock import ManualClock
from relay.settings import TimerSettings
from tests.relay.provider import (
    STREAM_END,
    STREAM_HEAD,
    Step,
    chunk,
    delta,
    error_answer,
    plain_answer,
    response,
    scripted_provider,
    stream_answer,
)
from tests.relay.running import RunningRelay, a_chat, as_provider, running_relay

SILENCE = asyncio.Event


def an_image(size: int) -> dict[str, object]:
    """A message with one, of so many bytes."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * size}}
    return {"role": "user", "content": [image]}


CALLS: dict[str, tuple[dict[str, object] | bytes, list[list[Step]]]] = {
    "plain": (a_chat(), [[plain_answer()]]),
    "stream": (a_chat(stream=True), [stream_answer()]),
    "stream with usage": (a_chat(stream=True, stream_options={"include_usage": True}), [stream_answer()]),
    "unicode": (a_chat(stream=True), [stream_answer('Grüße — 東京 \u2028 \\ " \x07')]),
    "one read": (a_chat(stream=True), [[b"".join(step for step in stream_answer() if isinstance(step, bytes))]]),
    "unknown model": (a_chat(model="nobody"), [[plain_answer()]]),
    "malformed": (b"{", [[plain_answer()]]),
    "no messages": ({"model": "m"}, [[plain_answer()]]),
    "too large": (b"x" * (5 * 2**20), [[plain_answer()]]),
    "large, with an image": (a_chat(messages=[an_image(5 * 2**20)]), [[plain_answer()]]),
    "too large even with an image": (a_chat(messages=[an_image(21 * 2**20)]), [[plain_answer()]]),
    "refused": (a_chat(), [[error_answer(400, "no such thing", "bad")]]),
    "busy": (a_chat(), [[error_answer(429, "slow down", retry_after="7")]]),
    "context": (a_chat(), [[error_answer(400, "too long", "context_length_exceeded")]]),
    "key dead": (a_chat(), [[error_answer(401, "who are you")]]),
    "ill twice": (a_chat(), [[error_answer(500)], [error_answer(503)]]),
    "ill once": (a_chat(), [[error_answer(500)], [plain_answer()]]),
    "html": (a_chat(), [[response(b"<html>", 502, content_type="text/html")]]),
    "not JSON": (a_chat(), [[response(b"<html>")]]),
    "error as success": (a_chat(stream=True), [[response({"error": {"message": "overloaded"}})]]),
    "cut stream": (a_chat(stream=True), [[STREAM_HEAD, chunk(delta("The ")), STREAM_END]]),
    "silent stream": (a_chat(stream=True), [[STREAM_HEAD, chunk(delta("The "))]]),
    "silence": (a_chat(), [[STREAM_HEAD]]),
}


async def _answer(edge: str, folder: Path, body: dict[str, object] | bytes, scripts: Iterable[Iterable[Step]]) -> bytes:
    timers = TimerSettings(first_content_s=0.3, gap_s=0.3, plain_s=0.3)
    async with scripted_provider(*scripts) as provider:
        at = [as_provider(provider)]
        async with running_relay(folder, providers=at, edge=edge, clock=ManualClock(), timers=timers) as relay:
            return await relay.raw(relay.chat(body))


@pytest.mark.parametrize("name", CALLS)
async def test_both_edges_answer_with_the_same_bytes(name: str, tmp_path: Path) -> None:
    body, scripts = CALLS[name]

    first = await _answer("http", tmp_path / "http", body, scripts)
    second = await _answer("asgi", tmp_path / "asgi", body, scripts)

    assert first
    assert first == second


async def _kept_alive(relay: RunningRelay) -> bytes:
    return await relay.raw(
        relay.chat(a_chat(), close=False)
        + relay.chat(a_chat(), key="sk-wrong", close=False)
        + b"GET /v1/chat/completions HTTP/1.1\r\nhost: x\r\n\r\n"
        + relay.chat(a_chat(stream=True))
    )


async def test_both_edges_answer_four_requests_of_one_connection_with_the_same_bytes(tmp_path: Path) -> None:
    answers = []
    for edge in ("http", "asgi"):
        async with scripted_provider([plain_answer()], stream_answer()) as provider:
            at = [as_provider(provider)]
            async with running_relay(tmp_path / edge, providers=at, edge=edge, clock=ManualClock()) as relay:
                answers.append(await _kept_alive(relay))

    assert answers[0] == answers[1]
    assert answers[0].count(b"HTTP/1.1 200 OK") == 2
    assert answers[0].count(b"HTTP/1.1 401 Unauthorized") == 1
    assert answers[0].count(b"HTTP/1.1 405 Method Not Allowed") == 1


@pytest.mark.parametrize("edge", ["http", "asgi"])
@pytest.mark.parametrize(
    ("call", "status"),
    [("large, with an image", 200), ("too large", 413), ("too large even with an image", 413)],
)
async def test_only_images_make_a_body_of_more_than_four_mebibytes(
    edge: str, call: str, status: int, tmp_path: Path
) -> None:
    answer = await _answer(edge, tmp_path, *CALLS[call])

    assert answer.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("edge", ["http", "asgi"])
async def test_a_stranger_gets_no_more_room_by_an_image(edge: str, tmp_path: Path) -> None:
    async with running_relay(tmp_path, providers=[], edge=edge) as relay:
        request = relay.chat(a_chat(messages=[an_image(5 * 2**20)]))
        answer = await relay.raw(request.replace(b"Bearer sk-nj-", b"Bearer sk-no-"))

    assert answer.startswith(b"HTTP/1.1 413 ")
