"""Nobody gets an answer, or a place in a call, that was made for somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from relay.accounts import directory
from relay.accounts.identity import DEFAULT_EXPOSURE
from relay.settings import CacheSettings
from tests.relay.provider import ScriptedProvider, plain_answer, scripted_provider
from tests.relay.running import RunningRelay, a_chat, as_provider, running_relay


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider() as running:
        yield running


@pytest.fixture
async def relay(provider: ScriptedProvider, tmp_path: Path) -> AsyncIterator[RunningRelay]:
    at = [as_provider(provider, prompt_price=0, completion_price=0)]
    async with running_relay(tmp_path, providers=at, cache=CacheSettings(on=True)) as running:
        yield running


async def another_key(relay: RunningRelay, *, stranger: bool = False, **fields: Any) -> str:
    """A key of the same organisation, or of another."""

    def make(connection: Connection) -> str:
        project = directory.first_project(connection)
        if stranger:
            organisation = directory.create_organisation(connection, "Strangers", at_ms=1)
            project = directory.create_project(connection, organisation, name="Default", at_ms=1)
        return directory.create_key(connection, project, name="Other", at_ms=1, **fields).value.reveal()

    services = relay.services
    key = await services.database.write(make)
    services.keyring.load(await services.database.read(directory.key_records))
    return key


def request(relay: RunningRelay, key: str, *headers: bytes) -> bytes:
    lines = b"\r\n" + b"".join(header + b"\r\n" for header in headers)
    return relay.chat(a_chat(temperature=0), key=key).replace(b"\r\n", lines, 1)


async def test_a_key_of_the_same_reach_is_given_a_colleagues_answer(relay: RunningRelay) -> None:
    colleague = await another_key(relay)
    await relay.raw(request(relay, relay.key))

    assert b"x-nightjar-cache: hit" in await relay.raw(request(relay, colleague))


@pytest.mark.parametrize("how", [{"stranger": True}, {"exposure": DEFAULT_EXPOSURE | {"community"}}])
async def test_an_answer_stays_in_its_organisation_and_its_pools(relay: RunningRelay, how: dict[str, Any]) -> None:
    other = await another_key(relay, **how)
    await relay.raw(request(relay, relay.key))

    assert b"x-nightjar-cache: miss" in await relay.raw(request(relay, other))
    assert b"x-nightjar-cache: hit" in await relay.raw(request(relay, other))


async def test_strangers_do_not_share_a_running_call(relay: RunningRelay, provider: ScriptedProvider) -> None:
    go_on = asyncio.Event()
    provider.plays([go_on, plain_answer()])
    keys = [relay.key, await another_key(relay, stranger=True)]
    async with asyncio.TaskGroup() as group:
        answers = [group.create_task(relay.raw(request(relay, key))) for key in keys]
        while len(provider.requests) < 2:
            provider.seen.clear()
            await provider.seen.wait()
        go_on.set()

    assert all(b"x-nightjar-cache: miss" in answer.result() for answer in answers)


async def test_an_idempotency_key_means_nothing_to_another_api_key(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    colleague = await another_key(relay)
    headers = (b"Idempotency-Key: order-4711", b"X-OpenRouter-Cache: false")
    first = await relay.raw(request(relay, relay.key, *headers))
    other = await relay.raw(request(relay, colleague, *headers))

    assert b"idempotent-replayed" not in first + other
    assert len(provider.requests) == 2
