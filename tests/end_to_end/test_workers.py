"""`nightjar-relay serve --workers N`: real processes behind one port, and callers who cannot tell which they meet."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import openai
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from relay.app import DEMO_CREDIT
from relay.ledger.entries import credit
from relay.storage.ids import OrganisationId
from tests.end_to_end.books import Books, read_books, settled_books
from tests.end_to_end.processes import RelayProcess, ask_relay, await_relay, end, eventually, first_key, start_relay
from tests.end_to_end.readers import Caller
from tests.end_to_end.typist import MODEL, Typist, enrolled
from tests.relay.portal import Browser, Desktop, Portal, hidden_fields

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="--workers needs Linux"),
]

WORKERS = 3
LONG = 1000
"""Words that take four seconds to write."""
MOST_CONNECTIONS = 200
"""Of which not one meets a certain worker, once in 10^35 times."""


@dataclass
class House:
    """A relay of several processes, and a node it knows."""

    relay: RelayProcess
    key: str
    typist: Typist
    workers: list[psutil.Process]
    """As they were first started, by number."""

    @property
    def port(self) -> int:
        return int(self.relay.address.rpartition(":")[2])

    def living(self) -> list[psutil.Process]:
        """Those that run now, successors of dead ones among them."""
        return psutil.Process(self.relay.process.pid).children()

    def home(self) -> int:
        """Which worker holds the socket of the node; nobody else may be connected."""
        for number, worker in enumerate(self.workers):
            for each in worker.net_connections():
                if each.status == psutil.CONN_ESTABLISHED and each.laddr.port == self.port:
                    return number
        raise AssertionError("no worker holds a connection")

    async def call(self, caller: Caller, heard: Callable[[int], None] = lambda _: None) -> Caller:
        await caller.call(self.port, self.key, heard=heard, dead=asyncio.Event())
        return caller

    @contextlib.asynccontextmanager
    async def known_node(self) -> AsyncIterator[None]:
        """The node is at home in some process, and all of them know it."""
        async with self.typist.at(self.relay.address):
            await self.call_all_workers(1)
            yield

    async def call_all_workers(self, words: int) -> dict[int, Caller]:
        """A call that each worker answered, of whom some may not have heard of the node at once."""
        answered: dict[int, Caller] = {}
        for _ in range(MOST_CONNECTIONS):
            caller = await self.call(Caller(words))
            if caller.generation is not None:
                answered.setdefault(worker_of(caller), caller)
            if len(answered) == WORKERS:
                return answered
        raise AssertionError(f"only {sorted(answered)} of {WORKERS} workers answered")

    async def hang_up_on(self, worker: int) -> Caller:
        """A caller who is gone after some words of this worker's, and perhaps of others' before."""
        for _ in range(MOST_CONNECTIONS):
            caller, begun = Caller(LONG), asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                calling = tasks.create_task(self.call(caller, lambda _, begun=begun: begun.set()))  # type: ignore[misc]
                await begun.wait()
                calling.cancel()
            if worker_of(caller) == worker:
                return caller
        raise AssertionError(f"worker {worker} never answered")

    async def kill(self, number: int) -> None:
        """And wait until it is gone, with its listening socket."""
        worker = self.workers[number]
        worker.kill()
        await asyncio.to_thread(worker.wait, 30)

    async def books(self, callers: Iterable[Caller]) -> Books:
        """Once they know of all these calls, and no other is open."""
        wanted = {caller.generation for caller in callers if caller.generation is not None}

        def look() -> Books | None:
            books = settled_books(self.relay.data)
            return books if books is not None and wanted <= books.calls.keys() else None

        return await asyncio.to_thread(eventually, look, "settled books")


def worker_of(caller: Caller) -> int:
    assert caller.generation is not None, bytes(caller.data)
    return caller.generation % 64


@pytest.fixture
def settings() -> str:
    """More lines of the relay's settings."""
    return ""


@pytest.fixture
async def house(tmp_path: Path, settings: str) -> AsyncIterator[House]:
    data = tmp_path / "relay"
    data.mkdir()
    (data / "relay.toml").write_text(f"[server]\nworkers = {WORKERS}\n{settings}")
    relay = await asyncio.to_thread(lambda: await_relay(start_relay(data), data))
    try:
        children = sorted(psutil.Process(relay.process.pid).children(), key=lambda each: each.pid)
        yield House(relay, first_key(data), Typist(enrolled(data)), children)
    finally:
        await asyncio.to_thread(end, relay.process)


async def test_whichever_process_is_asked_reaches_the_one_node(house: House) -> None:
    async with house.known_node():
        answered = await house.call_all_workers(20)
    assert all(caller.ended and caller.received == 20 for caller in answered.values())
    books = await house.books(answered.values())
    books.assert_in_order()
    for caller in answered.values():
        assert caller.generation is not None
        assert books.calls[caller.generation].completion_tokens == 20


async def long_calls(house: House, tasks: asyncio.TaskGroup, number: int = 24) -> list[Caller]:
    """Calls that have all begun, in all workers."""
    begun = asyncio.Event()
    callers = [Caller(LONG) for _ in range(number)]
    waiting = set(range(number))

    def hear(at: int) -> None:
        waiting.discard(at)
        if not waiting:
            begun.set()

    for at, caller in enumerate(callers):
        tasks.create_task(house.call(caller, lambda _, at=at: hear(at)))  # type: ignore[misc]
    await begun.wait()
    return callers


def assert_paid_for_what_came(books: Books, caller: Caller) -> None:
    """Its process died before it could end: at most the last write is missing in the books."""
    assert caller.generation is not None
    call = books.calls[caller.generation]
    assert (call.state, caller.ended) == ("failed", False)
    assert caller.received - caller.last_write <= call.completion_tokens <= caller.received


async def test_a_killed_process_takes_its_own_callers_with_it_and_nobody_elses(house: House) -> None:
    async with house.known_node(), asyncio.TaskGroup() as tasks:
        victim = next(number for number in range(WORKERS) if number != house.home())
        callers = await long_calls(house, tasks)
        await house.kill(victim)
    assert {worker_of(caller) for caller in callers} == set(range(WORKERS))
    books = await house.books(callers)
    books.assert_in_order()
    for caller in callers:
        if worker_of(caller) == victim:
            assert_paid_for_what_came(books, caller)
        else:
            assert caller.ended
            assert caller.received == LONG
    async with house.known_node():
        answered = await house.call_all_workers(5)
    assert answered[victim].received == 5


async def test_a_killed_process_loses_its_nodes_whose_callers_elsewhere_are_told_so(house: House) -> None:
    async with house.known_node(), asyncio.TaskGroup() as tasks:
        home = house.home()
        callers = await long_calls(house, tasks)
        await house.kill(home)
    books = await house.books(callers)
    books.assert_in_order()
    for caller in callers:
        if worker_of(caller) == home:
            assert_paid_for_what_came(books, caller)
        else:
            assert b"node_lost" in caller.data
            assert not caller.ended
            assert caller.generation is not None
            assert books.calls[caller.generation].completion_tokens == caller.received
    async with house.known_node():
        assert (await house.call_all_workers(5))[home].received == 5


async def test_a_caller_who_hangs_up_stops_the_node_wherever_it_is_at_home(house: House) -> None:
    async with house.known_node():
        gone = [await house.hang_up_on(number) for number in range(WORKERS)]
        await asyncio.to_thread(eventually, lambda: not house.typist.running or None, "an idle node")
    books = await house.books(gone)
    books.assert_in_order()
    for caller in gone:
        assert caller.generation is not None
        call = books.calls[caller.generation]
        assert call.state == "cancelled"
        assert caller.received <= call.completion_tokens < LONG


async def test_a_node_that_comes_back_to_another_process_is_reached_there(house: House) -> None:
    homes: set[int] = set()
    while len(homes) < WORKERS:
        async with house.known_node():
            homes.add(house.home())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_asked_to_end_all_processes_let_their_calls_finish_and_are_gone(
    house: House, number: signal.Signals
) -> None:
    async with house.known_node(), asyncio.TaskGroup() as tasks:
        callers = await long_calls(house, tasks)
        house.relay.process.send_signal(number)
    assert await asyncio.to_thread(house.relay.process.wait, 30) == 0
    assert all(caller.ended and caller.received == LONG for caller in callers)
    assert not any(each.is_running() for each in house.workers)
    books = read_books(house.relay.data)
    books.assert_in_order()
    assert all(call.state == "completed" for call in books.calls.values())


async def test_a_call_that_waits_for_a_busy_node_gets_it_also_as_all_processes_end(house: House) -> None:
    house.typist.slots = 1
    async with house.known_node(), asyncio.TaskGroup() as tasks:
        callers, begun = [Caller(300), *(Caller(5) for _ in range(9))], asyncio.Event()
        tasks.create_task(house.call(callers[0], lambda _: begun.set()))
        await begun.wait()
        for caller in callers[1:]:
            tasks.create_task(house.call(caller))
        await asyncio.to_thread(
            eventually, lambda: read_books(house.relay.data).check.open_holds == len(callers) or None, "calls that wait"
        )
        house.relay.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(house.relay.process.wait, 30) == 0
    assert [caller.received for caller in callers] == [caller.words for caller in callers]


async def test_no_process_outlives_a_parent_that_was_killed(house: House) -> None:
    workers = house.workers
    house.relay.process.kill()
    gone, alive = await asyncio.to_thread(psutil.wait_procs, workers, 30)
    assert (len(gone), alive) == (WORKERS, [])


PRICE = 500_000
"""Nano-dollars for a word: five cents for a hundred."""
DEAR = f"[money]\nnode_prompt_price = 0\nnode_completion_price = {PRICE * 1000}\n"


@pytest.mark.parametrize("settings", [DEAR])
async def test_all_processes_together_spend_what_there_is_and_no_more(house: House) -> None:
    """The single words that looked for the node cost some of the $5, but not those of a whole call."""
    words = 100
    async with house.known_node():
        callers = [Caller(words) for _ in range(300)]
        async with asyncio.TaskGroup() as tasks:
            for caller in callers:
                tasks.create_task(house.call(caller))
    served = [caller for caller in callers if caller.ended]
    assert all(b" 402 " in caller.data for caller in callers if not caller.ended)
    assert len(served) == DEMO_CREDIT // (words * PRICE) - 1
    assert len({worker_of(caller) for caller in served}) > 1
    books = await house.books(served)
    books.assert_in_order()
    assert 0 <= books.balances[credit(OrganisationId(1))] < words * PRICE


# --- calls with an Idempotency-Key ------------------------------------------------------------------------------------


async def retries_everywhere(house: House, first: Caller, begun: asyncio.Event) -> list[Caller]:
    """A retry of a running call at each worker, as many as it takes."""
    await begun.wait()
    retries: list[Caller] = []
    async with asyncio.TaskGroup() as tasks:
        for _ in range(12):
            retry = Caller(first.words, stream=first.stream, idempotency_key=first.idempotency_key)
            tasks.create_task(house.call(retry))
            retries.append(retry)
    return retries


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
async def test_a_retry_that_meets_another_process_joins_the_running_call(house: House, stream: bool) -> None:
    async with house.known_node(), asyncio.TaskGroup() as tasks:
        first, begun = Caller(LONG, stream=stream, idempotency_key="order-4711"), asyncio.Event()
        running = tasks.create_task(house.call(first, lambda _: begun.set()))
        if not stream:
            await asyncio.to_thread(eventually, lambda: house.typist.running or None, "a running call")
            begun.set()
        retries = await retries_everywhere(house, first, begun)
        await running
    assert {retry.generation for retry in retries} == {first.generation}
    assert all(retry.received == LONG for retry in (first, *retries))
    assert all(b"idempotent-replayed: true" in retry.data for retry in retries)
    books = await house.books([first])
    books.assert_in_order()
    assert [call.completion_tokens for call in books.calls.values()].count(LONG) == 1


async def test_a_retry_at_another_process_keeps_the_call_of_a_lost_caller_alive_and_pays_for_what_it_got(
    house: House,
) -> None:
    async with house.known_node(), asyncio.TaskGroup() as tasks:
        first, begun = Caller(LONG, idempotency_key="order-4711"), asyncio.Event()
        calling = tasks.create_task(house.call(first, lambda _: begun.set()))
        await begun.wait()
        retry = retry_of(first)
        joined = asyncio.Event()
        retrying = tasks.create_task(house.call(retry, lambda _: joined.set()))
        await joined.wait()
        calling.cancel()
        await retrying
    assert retry.generation == first.generation
    assert retry.received == LONG
    books = await house.books([retry])
    books.assert_in_order()
    assert retry.generation is not None
    call = books.calls[retry.generation]
    assert (call.state, call.completion_tokens) == ("completed", LONG)


async def test_a_retry_after_the_end_gets_the_stored_answer_from_any_process(house: House) -> None:
    async with house.known_node():
        first = await house.call(Caller(20, idempotency_key="order-4711"))
        again = [await house.call(Caller(20, idempotency_key="order-4711")) for _ in range(20)]
    assert {caller.generation for caller in again} == {first.generation}
    assert all(caller.received == 20 for caller in again)
    books = await house.books([first])
    assert [call.completion_tokens for call in books.calls.values()].count(20) == 1
    books.assert_in_order()


async def test_a_retry_for_a_call_whose_process_was_killed_is_never_a_second_bill(house: House) -> None:
    async with house.known_node(), asyncio.TaskGroup() as tasks:
        victim = next(number for number in range(WORKERS) if number != house.home())
        first = await first_at(house, victim, tasks)
        await asyncio.to_thread(eventually, lambda: first.received > 100 or None, "a hundred words")
        await house.kill(victim)
    async with house.known_node():
        retries = [await house.call(retry_of(first)) for _ in range(12)]
    books = await house.books([first])
    books.assert_in_order()
    assert first.generation is not None
    assert books.calls[first.generation].completion_tokens > 0
    for retry in retries:
        assert retry.data.startswith((b"HTTP/1.1 410 ", b"HTTP/1.1 503 ")), bytes(retry.data)
    assert retries[-1].data.startswith(b"HTTP/1.1 410 ")


def retry_of(caller: Caller) -> Caller:
    return Caller(caller.words, stream=caller.stream, idempotency_key=caller.idempotency_key)


async def first_at(house: House, worker: int, tasks: asyncio.TaskGroup) -> Caller:
    """A running call with a key of its own in a certain worker; those that met others hang up."""
    for number in range(MOST_CONNECTIONS):
        caller, begun = Caller(LONG, idempotency_key=f"order-{number}"), asyncio.Event()
        calling = tasks.create_task(house.call(caller, lambda _, begun=begun: begun.set()))  # type: ignore[misc]
        await begun.wait()
        if worker_of(caller) == worker:
            return caller
        calling.cancel()
    raise AssertionError(f"worker {worker} never answered")


# --- whichever process answers ----------------------------------------------------------------------------------------


TOKEN = "t" * 16


@pytest.mark.parametrize("settings", [f"[metrics]\ntoken = '{TOKEN}'\n"])
async def test_any_process_tells_the_figures_of_all(house: House) -> None:
    async with house.known_node():
        callers = [await house.call(Caller(1)) for _ in range(30)]
    books = await house.books(callers)
    wanted = Counter(str(call % 64) for call in books.calls)
    for _ in range(10):
        async with httpx.AsyncClient(trust_env=False) as client:
            headers = {"authorization": f"Bearer {TOKEN}"}
            answer = await client.get(f"http://{house.relay.address}/metrics", headers=headers)
        families = {family.name: family for family in text_string_to_metric_families(answer.text)}
        told: Counter[str] = Counter()
        for sample in families["nightjar_calls"].samples:
            told[sample.labels["worker"]] += int(sample.value)
        assert told == wanted
        assert len(families["process_resident_memory_bytes"].samples) == WORKERS


async def test_a_key_that_is_revoked_by_hand_works_in_no_process_any_more(house: House) -> None:
    made = await asyncio.to_thread(lambda: ask_relay("key", "create", "second", data=house.relay.data))

    async def answers(key: str, wanted: int) -> bool:
        """Whether each of many connections has this status."""
        for _ in range(30):
            async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {key}"}) as client:
                if (await client.get(f"{house.relay.endpoint}/models")).status_code != wanted:
                    return False
        return True

    async with asyncio.timeout(10):
        while not await answers(made["key"], 200):
            pass
        await asyncio.to_thread(lambda: ask_relay("key", "revoke", str(made["id"]), data=house.relay.data))
        while not await answers(made["key"], 401):
            pass


async def test_credit_that_is_added_by_hand_can_be_spent_in_any_process(house: House) -> None:
    await asyncio.to_thread(lambda: ask_relay("credit", "add", "5", data=house.relay.data))
    async with house.known_node():
        answered = await house.call_all_workers(3)
    headers = {"authorization": f"Bearer {house.key}"}
    for _ in range(10):
        async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
            there_is = (await client.get(f"{house.relay.endpoint}/credits")).json()["data"]
            assert there_is["total_credits"] == 10
            for caller in answered.values():
                generation = f"{house.relay.endpoint}/generation?id=gen-{caller.generation:016x}"
                assert (await client.get(generation)).status_code == 200


async def test_a_person_who_signed_in_at_one_process_is_known_to_all(house: House) -> None:
    site = f"http://{house.relay.address}"
    cookies = httpx.Cookies()
    for step in range(30):
        async with httpx.AsyncClient(trust_env=False, cookies=cookies, follow_redirects=True) as client:
            page = await client.get(f"{site}/console")
            assert page.status_code == 200
            if step == 0:
                fields = {"key": house.key} | hidden_fields(page.text, "/enrol/sign-in")
                page = await client.post(
                    f"{site}/enrol/sign-in", data=fields, headers={"sec-fetch-site": "same-origin"}
                )
                cookies = client.cookies
            assert "typist" in page.text


async def test_the_openai_client_notices_nothing(house: House) -> None:
    async with house.known_node():
        for _ in range(10):
            async with openai.AsyncOpenAI(base_url=house.relay.endpoint, api_key=house.key, max_retries=0) as client:
                assert [model.id async for model in client.models.list()] == [MODEL]
                messages: Any = [{"role": "user", "content": "Type."}]
                stream = await client.chat.completions.create(model=MODEL, messages=messages, max_tokens=5, stream=True)
                text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
                whole = await client.chat.completions.create(model=MODEL, messages=messages, max_tokens=5)
                assert text == whole.choices[0].message.content == "w1 w2 w3 w4 w5 "


async def test_an_owner_is_told_what_callers_of_all_processes_have_paid(house: House) -> None:
    async with house.known_node():
        answered = await house.call_all_workers(50)
        earned = sum(call.owner_nano for call in (await house.books(answered.values())).calls.values())

        def told() -> bool | None:
            return (house.typist.account is not None and house.typist.account.lifetime == earned) or None

        await asyncio.to_thread(eventually, told, "the node's account")


# --- any instant ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
async def test_kills_at_any_instant_leave_books_that_match_what_was_received(house: House, seed: int) -> None:
    """Processes are killed one after another, at instants of their own, while calls come and go in all of them."""
    chance = random.Random(seed)
    callers: list[Caller] = []
    enough = asyncio.Event()

    async def keep_calling() -> None:
        while not enough.is_set():
            caller = Caller(chance.randrange(1, 250), stream=chance.random() > 0.2)
            callers.append(caller)
            await house.call(caller)

    async with house.known_node(), asyncio.TaskGroup() as tasks:
        home = house.workers[house.home()]
        for _ in range(12):
            tasks.create_task(keep_calling())
        for _ in range(4):
            await asyncio.sleep(chance.uniform(0.3, 1.0))
            chance.choice([each for each in house.living() if each.pid != home.pid]).kill()
        enough.set()
    books = await house.books(callers)
    books.assert_in_order()
    assert len(callers) > 12
    for caller in callers:
        if caller.generation is not None:
            charged = books.calls[caller.generation].completion_tokens
            lost = 0 if caller.ended and caller.stream else caller.last_write
            assert caller.received - lost <= charged <= caller.received, caller.words


async def test_a_process_that_is_stopped_for_a_while_holds_up_its_own_callers_only(house: House) -> None:
    async with house.known_node(), asyncio.TaskGroup() as tasks:
        frozen = next(number for number in range(WORKERS) if number != house.home())
        callers = await long_calls(house, tasks)
        house.workers[frozen].suspend()
        others = [caller for caller in callers if worker_of(caller) != frozen]
        await asyncio.to_thread(
            eventually, lambda: all(caller.received == LONG for caller in others) or None, "the others' answers"
        )
        house.workers[frozen].resume()
    assert all(caller.ended and caller.received == LONG for caller in callers)
    books = await house.books(callers)
    books.assert_in_order()


async def test_a_pc_is_enrolled_whichever_process_takes_each_step(house: House) -> None:
    portal = cast("Portal", SimpleNamespace(url=f"http://{house.relay.address}", host=house.relay.address))
    for seed in range(1, 4):
        async with Desktop(portal, seed=seed, name=f"PC {seed}") as desktop, Browser(portal) as browser:
            for each in (desktop._http, browser._http):
                each.headers["connection"] = "close"  # each step on a connection of its own
            await desktop.start()
            await browser.sign_in(house.key)
            page = await browser.type_code(desktop.started["user_code"])
            done = await browser.submit(page, "/enrol/decide", decision="approve", key=house.key)
            assert f"PC {seed}" in done.text
            assert (await desktop.poll())["state"] == "approved"
