"""A model's process that dies in the middle of an answer: what the caller hears, and what becomes of node and books."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import psutil
import pytest

from tests.end_to_end.books import read_books, settled_books
from tests.end_to_end.conftest import ENDLESS, MODEL, Stack
from tests.end_to_end.processes import eventually

pytestmark = [
    pytest.mark.xdist_group("end_to_end"),
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]

DEATHS = [signal.SIGKILL, signal.SIGSEGV]
"""Five in all in this module: the pause before the next worker doubles with each that dies young, from a quarter of a
second, so that a sixth would be more than the ten seconds within which the node has to be back."""
LONG: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": ENDLESS}],
    "max_tokens": 900,
    "temperature": 0,
}
ENOUGH = 20
"""Pieces of an answer after which it is in full swing: it has hundreds."""
SWING_CPU_S = 0.1
"""Of the worker's own time, after which a plain answer is in full swing: the prompt takes a tenth of it, the answer ten
times as much. However busy the machine, it cannot pass unseen as a figure that the node shows for a second can."""


@pytest.fixture
def worker(stack: Stack, client: openai.OpenAI) -> psutil.Process:
    """The process that holds the model, once it serves."""
    eventually(lambda: stack.node.snapshot().sharing.sharing or None, "a node that shares")
    return eventually(stack.node.worker, "a worker")


def events(response: httpx.Response) -> Iterator[str]:
    """The data of each event, as it comes."""
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield line.removeprefix("data: ")


@pytest.mark.parametrize("death", DEATHS)
def test_a_stream_ends_with_an_error_event_within_a_second_and_the_node_is_back_within_ten(
    stack: Stack, worker: psutil.Process, death: signal.Signals
) -> None:
    heard: list[str] = []
    with httpx.stream(
        "POST",
        f"{stack.relay.endpoint}/chat/completions",
        headers={"Authorization": f"Bearer {stack.key}"},
        json=LONG | {"stream": True},
        timeout=30,
        trust_env=False,
    ) as response:
        coming = events(response)
        heard += [next(coming) for _ in range(ENOUGH)]
        worker.send_signal(death)
        died = time.monotonic()
        heard += coming
        assert time.monotonic() - died < 1
    last = json.loads(heard[-1])
    assert last["error"]["code"] == "worker_died"
    assert last["error"]["message"]
    assert last["choices"][0]["finish_reason"] == "error"
    assert not [each for each in heard[:-1] if json.loads(each)["choices"][0]["finish_reason"]]
    assert_serves_again(stack, died)
    data: dict[str, Any] = stack.generation(response.headers["x-generation-id"])
    pieces = sum(bool(json.loads(each)["choices"][0]["delta"].get("content")) for each in heard)
    assert data["state"] == "failed"
    assert data["error"] == "worker_died"
    assert pieces <= data["tokens_completion"] < 900
    assert data["shares"]["node"] == data["cost_nano_usd"] * 70 // 100 > 0
    assert sum(data["shares"].values()) == data["cost_nano_usd"]
    eventually(lambda: settled_books(stack.relay.data), "settled books").assert_in_order()


def test_the_client_raises_its_own_error_and_never_sees_an_end(
    stack: Stack, client: openai.OpenAI, worker: psutil.Process
) -> None:
    chunks = client.chat.completions.create(**LONG, stream=True)
    seen = [chunk for chunk, _ in zip(chunks, range(ENOUGH), strict=False)]
    worker.send_signal(signal.SIGKILL)
    died = time.monotonic()
    with pytest.raises(openai.APIError, match="process died"):
        seen.extend(chunks)
    assert time.monotonic() - died < 1
    assert all(chunk.choices[0].finish_reason is None for chunk in seen)
    assert_serves_again(stack, died)


@pytest.mark.parametrize(
    ("words", "death"), [(False, DEATHS[0]), (True, DEATHS[1])], ids=["before its first word", "in full swing"]
)
def test_a_plain_call_gets_an_error_status_and_pays_nothing(
    stack: Stack, client: openai.OpenAI, worker: psutil.Process, death: signal.Signals, words: bool
) -> None:
    before = set(read_books(stack.relay.data).calls)
    swings_at = worker.cpu_times().user + SWING_CPU_S

    def die_in_the_middle() -> None:
        eventually(lambda: stack.node.snapshot().running or None, "a running answer")
        if words:
            eventually(lambda: worker.cpu_times().user > swings_at or None, "an answer in full swing")
        worker.send_signal(death)

    died, error = _while_asking(client, die_in_the_middle)
    assert isinstance(error, openai.InternalServerError)
    assert error.code == "worker_died"
    assert time.monotonic() - died < 1
    assert_serves_again(stack, died)
    books = eventually(lambda: settled_books(stack.relay.data), "settled books")
    books.assert_in_order()
    (call,) = [call for number, call in books.calls.items() if number not in before and call.state == "failed"]
    assert call.cost_nano == 0


def _while_asking(client: openai.OpenAI, act: Callable[[], None]) -> tuple[float, openai.APIStatusError]:
    """When the act was done that made a plain call fail, and how."""
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: client.chat.completions.create(**LONG))
        act()
        done = time.monotonic()
        with pytest.raises(openai.APIStatusError) as failed:
            asked.result(timeout=30)
        return done, failed.value


def assert_serves_again(stack: Stack, since: float) -> None:
    """A right answer within ten seconds of the death, by another process."""

    def answered() -> bool | None:
        try:
            with stack.client() as client:
                answer = client.chat.completions.create(
                    model=MODEL, messages=[{"role": "user", "content": "What is the capital of France?"}], temperature=0
                )
        except (openai.NotFoundError, openai.InternalServerError):
            return None
        return answer.choices[0].message.content == "The capital of France is Paris."

    assert eventually(answered, "a right answer after a death", within_s=10)
    assert time.monotonic() - since < 10
