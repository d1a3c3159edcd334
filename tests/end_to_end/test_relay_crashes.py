"""A relay that dies at a named point, or at any instant of running streams, and the books its successor opens.

Money follows what the callers hold in their hands: each word they received is one token, and they received every word
that the dead relay gave to the kernel. The charge of a call may lack its last write, and nothing else.
"""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from relay.ledger.pricing import Price
from relay.usage.reports import CallUsage
from relay.wire.frames import PicoDollars
from tests.end_to_end.books import read_books
from tests.end_to_end.processes import RelayProcess, await_relay, end, first_key, start_relay
from tests.end_to_end.readers import Caller
from tests.end_to_end.typist import PROMPT_TOKENS, Typist, enrolled

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL"),
]

PRICE = Price(PicoDollars(1_000_000), PicoDollars(2_000_000))
"""1,000 and 2,000 nano-dollars a token: no rounding hides a token."""

INSTANTS = 50
SHORT = 10
"""Kills of the suite; the fifty are a soak test of their own."""


@dataclass
class House:
    """One data folder and the relays that live in it, one after another."""

    data: Path
    key: str
    typist: Typist
    judged: set[int] = field(default_factory=set)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def start(self, **environment: str) -> RelayProcess:
        process = start_relay(self.data, **environment)
        self.started.append(process)
        return await asyncio.to_thread(await_relay, process, self.data)

    def end(self) -> None:
        for process in self.started:
            end(process)

    def call_of(self, caller: Caller) -> CallUsage:
        """The one row of a call."""
        assert caller.generation is not None
        return read_books(self.data).calls[caller.generation]

    def judge(self, callers: Sequence[Caller]) -> None:
        """After the restart: the books of everything so far, and each new call against its caller's hands."""
        books = read_books(self.data)
        books.assert_in_order()
        known = {caller.generation for caller in callers if caller.generation is not None}
        assert len(known) == sum(caller.generation is not None for caller in callers)
        new = books.calls.keys() - self.judged
        assert known <= new
        assert len(new - known) <= sum(caller.generation is None for caller in callers)
        for caller in callers:
            if caller.generation is not None:
                judge(books.calls[caller.generation], caller)
        assert all(books.calls[call].completion_tokens == 0 == books.calls[call].cost_nano for call in new - known)
        self.judged |= new


def judge(call: CallUsage, caller: Caller) -> None:
    lost = 0 if caller.ended and caller.stream else caller.last_write
    charged = call.completion_tokens
    assert caller.received - lost <= charged <= caller.received, (call, caller.words, lost)
    assert call.prompt_tokens == (PROMPT_TOKENS if charged else 0)
    assert call.cost_nano == PRICE.cost(call.prompt_tokens, charged)
    assert call.owner_nano == call.cost_nano * 70 // 100
    assert call.operator_nano == call.cost_nano - call.owner_nano
    assert call.attempts == 1
    if caller.ended and caller.stream:
        assert call.state == "completed"
        assert charged == caller.words


@pytest.fixture
def edge() -> str:
    return "http"


@pytest.fixture
def settings() -> str:
    """More lines of the relay's settings."""
    return ""


@pytest.fixture
async def house(tmp_path: Path, edge: str, settings: str) -> AsyncIterator[House]:
    """A relay that has been started once, and a node it knows."""
    data = tmp_path / "relay"
    data.mkdir()
    (data / "relay.toml").write_text(
        f"[server]\nedge = '{edge}'\n"
        f"[money]\nnode_prompt_price = {PRICE.prompt}\nnode_completion_price = {PRICE.completion}\n{settings}"
    )
    first = await asyncio.to_thread(lambda: await_relay(start_relay(data), data))
    key = first_key(data)
    await asyncio.to_thread(end, first.process)
    house = House(data, key, Typist(enrolled(data)))
    yield house
    await asyncio.to_thread(house.end)


@asynccontextmanager
async def calling(
    house: House, relay: RelayProcess, *, heard: Callable[[int], None] = lambda _: None
) -> AsyncIterator[Callable[[Caller], None]]:
    """A served relay; what it gives begins a call. Leaving waits for the relay's death and the ends of all calls."""
    dead = asyncio.Event()
    port = int(relay.address.rpartition(":")[2])
    async with asyncio.TaskGroup() as tasks, house.typist.at(relay.address):
        yield lambda caller: _begin(tasks, caller.call(port, house.key, heard=heard, dead=dead))
        assert await asyncio.to_thread(relay.process.wait, 30) == -signal.SIGKILL
        dead.set()


def _begin(tasks: asyncio.TaskGroup, call: object) -> None:
    assert asyncio.iscoroutine(call)
    tasks.create_task(call)


# --- named points -----------------------------------------------------------------------------------------------------

POINTS = ["after_hold", "after_dispatch", "after_last_token", "before_settle", "mid_settle"]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_at_a_named_point_leaves_books_that_match_what_was_received(
    house: House, point: str, stream: bool
) -> None:
    relay = await house.start(CRASH_AT=f"{point}@1")
    callers = [Caller(20, stream=stream), Caller(400), Caller(500), Caller(600, stream=False)]
    async with calling(house, relay) as call:
        for caller in callers:
            call(caller)
    successor = await house.start()
    house.judge(callers)
    if point in {"before_settle", "mid_settle"}:
        first = house.call_of(callers[0])
        assert first.completion_tokens == callers[0].received == 20
    await asyncio.to_thread(end, successor.process)
    house.judge([])


@pytest.mark.parametrize("point", ["before_commit@4", "after_commit@4"])
async def test_a_crash_beside_a_commit_books_nothing_twice(house: House, point: str) -> None:
    relay = await house.start(CRASH_AT=point)
    callers = [Caller(5 * number) for number in range(1, 60)]
    async with calling(house, relay) as call:
        for caller in callers:
            call(caller)
    successor = await house.start()
    house.judge(callers)
    await asyncio.to_thread(end, successor.process)


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
async def test_a_crash_while_a_crash_is_repaired_changes_nothing(house: House, point: str) -> None:
    relay = await house.start(CRASH_AT="after_last_token")
    callers = [Caller(20), Caller(100)]
    async with calling(house, relay) as call:
        for caller in callers:
            call(caller)
    for _ in range(2):
        dying = start_relay(house.data, CRASH_AT=point)
        assert await asyncio.to_thread(dying.wait, 60) == -signal.SIGKILL
    successor = await house.start()
    house.judge(callers)
    await asyncio.to_thread(end, successor.process)


# --- calls with an Idempotency-Key ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "stream"),
    [
        ("after_claim", True),
        ("after_dispatch", True),
        ("after_last_token", True),
        ("after_last_token", False),
        ("mid_settle", True),
        ("before_keep", True),
        ("before_keep", False),
    ],
)
async def test_a_retry_after_a_crash_is_never_a_second_bill(house: House, point: str, stream: bool) -> None:
    relay = await house.start(CRASH_AT=point)
    first = Caller(20, stream=stream, idempotency_key="order-4711")
    async with calling(house, relay) as call:
        call(first)
    successor = await house.start()
    retry = Caller(20, stream=stream, idempotency_key="order-4711")
    port = int(successor.address.rpartition(":")[2])
    async with house.typist.at(successor.address):
        await retry.call(port, house.key, heard=lambda _: None, dead=asyncio.Event())
    await asyncio.to_thread(end, successor.process)

    books = read_books(house.data)
    books.assert_in_order()
    billed = [each.completion_tokens for each in books.calls.values() if each.cost_nano]
    assert len(billed) == 1
    if retry.ended:  # what the dead relay did is not billed, so the call could be made anew
        assert (retry.received, billed) == (20, [20])
    else:
        assert retry.data.startswith(b"HTTP/1.1 410 ")
        assert b"for %d tokens of answer" % billed[0] in retry.data
        assert first.received - first.last_write <= billed[0] <= first.received


# --- calls that share an answer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", ["[cache]\non = true\nany_sampling = true\n"])
@pytest.mark.parametrize("words", [150, 600])
async def test_after_a_kill_those_who_shared_an_answer_have_paid_for_it_once(house: House, words: int) -> None:
    relay = await house.start()
    callers = [Caller(2000) for _ in range(4)]
    left = words

    def heard(more: int) -> None:
        nonlocal left
        if 0 < left <= more:
            relay.process.send_signal(signal.SIGKILL)
        left -= more

    async with calling(house, relay, heard=heard) as call:
        for caller in callers:
            call(caller)
    successor = await house.start()
    await asyncio.to_thread(end, successor.process)

    books = read_books(house.data)
    books.assert_in_order()
    furthest = max(callers, key=lambda caller: caller.received)
    rows = [house.call_of(caller) for caller in callers]
    assert len(books.calls) == len({row.call for row in rows}) == 4
    paid = sum(row.completion_tokens for row in rows)
    assert furthest.received - furthest.last_write <= paid <= furthest.received
    assert sum(row.prompt_tokens for row in rows) == PROMPT_TOKENS
    for row, caller in zip(rows, callers, strict=True):
        assert row.completion_tokens <= caller.received


# --- any instant ------------------------------------------------------------------------------------------------------


async def kill_at_some_instant(house: House, chance: random.Random) -> None:
    """Streams and plain calls come and go until the relay dies under them."""
    relay = await house.start()
    left = chance.randrange(1, 2000)
    pause = chance.uniform(0, 0.012)
    callers: list[Caller] = []
    killed = False

    def kill() -> None:
        relay.process.send_signal(signal.SIGKILL)

    def heard(words: int) -> None:
        nonlocal left, killed
        left -= words
        if left <= 0 and not killed:
            killed = True
            asyncio.get_running_loop().call_later(pause, kill)

    async with calling(house, relay, heard=heard) as call:

        def ask() -> None:
            if killed:
                return
            kind = chance.random()
            caller = Caller(chance.randrange(1, 250), stream=kind > 0.2)
            callers.append(caller)
            call(caller)

        for _ in range(8):
            ask()
        while not killed:
            await asyncio.sleep(chance.uniform(0, 0.1))
            ask()
    successor = await house.start()
    house.judge(callers)
    await asyncio.to_thread(end, successor.process)


@pytest.mark.parametrize("seed", range(SHORT))
async def test_a_kill_at_any_instant_leaves_books_that_match_what_was_received(house: House, seed: int) -> None:
    await kill_at_some_instant(house, random.Random(seed))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(INSTANTS))
async def test_fifty_kills_leave_books_that_match_what_was_received(house: House, seed: int) -> None:
    await kill_at_some_instant(house, random.Random(SHORT + seed))


@pytest.mark.parametrize("edge", ["http", "asgi"])
async def test_callers_who_do_not_read_are_charged_for_what_reached_them(house: House) -> None:
    relay = await house.start()
    left = 1200
    heard = asyncio.Event()

    def count(words: int) -> None:
        nonlocal left
        left -= words
        if left <= 0:
            heard.set()

    callers = [Caller(2000), Caller(2000, narrow=True), Caller(2000, narrow=True)]
    async with calling(house, relay, heard=count) as call:
        for caller in callers:
            call(caller)
        await heard.wait()
        relay.process.send_signal(signal.SIGKILL)
    successor = await house.start()
    house.judge(callers)
    await asyncio.to_thread(end, successor.process)
