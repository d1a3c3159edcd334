"""The agent against the relay's own enrolment and node sockets, on one real port: the two halves fit."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import uvicorn
from fastapi import FastAPI

from desktop.agent.commands import Enrol
from relay.accounts import directory
from relay.api import enrolment as enrolment_routes
from relay.clock import SystemClock
from relay.nodes import store
from relay.nodes.enrolment import Approver, Enrolment
from relay.nodes.enrolments import TokenGrant, issue_token
from relay.nodes.link import NodeLink
from relay.nodes.reception import Reception
from relay.nodes.registry import Registry
from relay.nodes.upgrade import UpgradingHttpProtocol
from relay.storage.engine import Database
from relay.wire.frames import CallHeader
from tests.desktop.agent.conftest import Desktop
from tests.relay.nodes.desk import Recorder


@dataclass
class Relay:
    """What of the real relay a desktop meets."""

    database: Database
    first: directory.Bootstrap
    registry: Registry
    reception: Reception
    enrolment: Enrolment
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def token(self) -> str:
        now_ms = SystemClock().now_ms()
        grant = TokenGrant(self.first.organisation, self.first.person, "own")
        return self.database.write_sync(
            lambda connection: issue_token(connection, grant, uses=1, at_ms=now_ms, expires_ms=now_ms + 60_000)
        ).reveal()

    async def link(self) -> NodeLink:
        """Waits for a node that takes calls for the fake engine's model."""
        changed = asyncio.Event()
        stop = self.registry.listen(changed.set)
        try:
            async with asyncio.timeout(20):
                while not (links := self.registry.links_for("fake")):
                    changed.clear()
                    await changed.wait()
            return links[0]
        finally:
            stop()


@pytest.fixture
async def real_relay(tmp_path: Path) -> AsyncIterator[Relay]:
    clock, registry = SystemClock(), Registry()
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    hosts = [f"127.0.0.1:{port}"]
    with Database.open(tmp_path / "relay.db") as database:
        first = database.write_sync(lambda connection: directory.bootstrap(connection, at_ms=clock.now_ms()))
        assert first is not None
        key = database.write_sync(lambda connection: store.signing_key(connection, at_ms=clock.now_ms()))
        enrolment = Enrolment(database, key=key, hosts=hosts, clock=clock)
        application = FastAPI()
        application.include_router(enrolment_routes.router(enrolment))
        async with Reception(database, registry, key=key, hosts=hosts, clock=clock) as reception:
            config = uvicorn.Config(
                application,
                http=UpgradingHttpProtocol,
                ws=cast("Any", reception.protocol),
                lifespan="off",
                log_config=None,
                timeout_graceful_shutdown=5,
            )
            server = uvicorn.Server(config)
            async with asyncio.TaskGroup() as group:
                group.create_task(server._serve([listener]))
                try:
                    yield Relay(database, first, registry, reception, enrolment, port)
                finally:
                    server.should_exit = True


async def test_a_pc_enrolled_by_token_answers_a_call(desktop: Desktop, real_relay: Relay) -> None:
    async with desktop.running():
        await desktop.tell(Enrol(real_relay.url, real_relay.token()))
        link = await real_relay.link()
        sink = Recorder()
        body = msgspec.json.encode(
            {"model": "fake", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
        )
        header = CallHeader(
            created=1, model="fake", kind="chat", n=1, deadline_s=60, seed=1, tenant="t", max_tokens=100
        )
        link.open(header, body, sink)
        await sink.until("finished")
        text = b"".join(what[4] for what in sink.heard if what[0] == "step" and what[2] == 0)
    assert text == b"The capital of France is Paris."


async def test_a_code_approved_by_a_person_enrols(desktop: Desktop, real_relay: Relay) -> None:
    async with desktop.running():
        await desktop.tell(Enrol(real_relay.url))
        waiting = await desktop.until(lambda snapshot: bool(snapshot.enrolment.user_code))
        person = real_relay.first.person
        application = await real_relay.enrolment.find(waiting.enrolment.user_code, person)
        assert application.name == "test-pc"
        await real_relay.enrolment.approve(application, Approver(person, real_relay.first.organisation), pool="own")
        await real_relay.link()
        snapshot = await desktop.until(lambda snapshot: snapshot.sharing.sharing)
    assert snapshot.enrolment.kind == "enrolled"


async def test_a_revoked_node_is_hung_up_on_and_says_so(desktop: Desktop, real_relay: Relay) -> None:
    async with desktop.running():
        await desktop.tell(Enrol(real_relay.url, real_relay.token()))
        node = (await real_relay.link()).node
        real_relay.database.write_sync(
            lambda connection: store.revoke(
                connection, node.node_id, organisation=node.organisation, at_ms=SystemClock().now_ms()
            )
        )
        await real_relay.reception.reload()
        snapshot = await desktop.until(lambda snapshot: snapshot.enrolment.kind == "none")
    assert "no longer knows this PC" in snapshot.enrolment.problem
    assert "revoked" in snapshot.enrolment.problem


async def test_a_restarted_pc_is_known_again(desktop: Desktop, real_relay: Relay) -> None:
    async with desktop.running():
        await desktop.tell(Enrol(real_relay.url, real_relay.token()))
        first = (await real_relay.link()).node
    desktop.restart()
    async with desktop.running():
        await desktop.until(lambda snapshot: snapshot.sharing.sharing)
        again = (await real_relay.link()).node
    assert again.node_id == first.node_id
