"""Nodes seen from another process of the relay. How calls go there is in `test_calls`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from relay.accounts import directory
from relay.clock import SystemClock
from relay.ledger.earnings import Earnings
from relay.ledger.entries import NanoDollars
from relay.ledger.service import Ledger
from relay.nodes.link import NodeLink
from relay.nodes.siblings import Siblings
from relay.settings import NodeSettings
from relay.storage.engine import Database
from relay.wire.frames import Account, CloseCode
from relay.wire.handshake import NodeIdentity
from relay.wire.session import CallOffered
from tests.relay.nodes.conftest import Relay, serving
from tests.relay.nodes.desk import Recorder, Refused, a_header, a_model

if sys.platform != "linux":
    pytest.skip("a relay of several processes needs Linux", allow_module_level=True)

from relay.worker import SharedEarnings
from tests.relay.nodes.processes import a_session, joined, two_meshes, two_processes

BODY = b"{}"


@dataclass
class Town:
    """Two processes of one relay, each with a port of its own, so that a test can choose where a node arrives."""

    here: Relay
    there: Relay

    async def known_there(self, identity: NodeIdentity) -> NodeLink:
        return await self.there.link_of(identity)


@pytest.fixture
async def town(database: Database, first: directory.Bootstrap, settings: NodeSettings) -> AsyncIterator[Town]:
    async with (
        two_processes() as (one, two),
        serving(database, first, settings, home=one) as here,
        serving(database, first, settings, home=two) as there,
    ):
        yield Town(here, there)


def at(relay: Relay, identity: NodeIdentity, secret: bytes = b"") -> NodeIdentity:
    """The node as it dials this process."""
    return replace(identity, host=relay.host, link_secret=secret)


async def test_a_node_is_found_in_both_processes_with_all_that_it_says(town: Town) -> None:
    identity = town.here.enrol(name="Kitchen PC")
    async with town.here.ready(identity) as (desk, link):
        away = await town.known_there(identity)
        assert (away.node, away.epoch, away.models) == (link.node, link.epoch, link.models)
        assert (away.free_slots, away.takes_calls) == (4, True)
        assert [each.node for each in town.there.registry] == [link.node]
        assert not town.there.registry.here()

        await desk.say(desk.session.advertise([a_model(model="other")]))
        await town.there.when(lambda: town.there.registry.links_for("other") or None)
        await desk.say(desk.session.status(sharing=False, reason="owner", free_slots=0))
        await town.there.when(lambda: True if not away.takes_calls else None)
        assert away.status == link.status


async def test_a_node_that_drains_or_leaves_is_not_asked_from_elsewhere(town: Town) -> None:
    identity = town.here.enrol()
    async with town.here.ready(identity) as (desk, _):
        away = await town.known_there(identity)
        await desk.say(desk.session.drain("quit"))
        await town.there.when(lambda: True if not away.takes_calls else None)
        assert town.there.registry.get(away.node.node_id) is away
    await town.there.when(lambda: True if not len(town.there.registry) else None)


async def test_the_home_says_busy_when_it_knows_better(town: Town) -> None:
    identity = town.here.enrol()
    async with town.here.ready(identity) as (desk, link):
        away = await town.known_there(identity)
        for _ in range(4):
            link.open(a_header(), BODY, Recorder())
        sink = Recorder()
        assert away.free_slots == 4
        away.open(a_header(), BODY, sink)
        assert await sink.until("declined") == ("declined", "busy", "", None)
        assert away.running == 0
        for _ in range(4):
            await desk.hear(CallOffered)


async def test_an_owner_is_told_by_whichever_process_knows_of_earnings(town: Town) -> None:
    identity = town.here.enrol()
    async with town.here.ready(identity) as (desk, _):
        away = await town.known_there(identity)
        away.send_account(Earnings(NanoDollars(1), NanoDollars(2), NanoDollars(3), 4))
        assert await desk.hear(Account) == Account(today=1, month=2, lifetime=3, answers_today=4)


async def test_a_database_that_fails_costs_owners_news_and_no_process_its_life(
    town: Town, database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    identity, clock = town.here.enrol(), SystemClock()
    ledger = Ledger.open(database, tmp_path / "ledger", clock)
    async with town.here.ready(identity) as (desk, link), asyncio.TaskGroup() as tasks:
        earnings = SharedEarnings(database, ledger, clock, tasks)
        database.write_sync(lambda found: found.exec_driver_sql("ALTER TABLE node_days RENAME TO broken"))
        earnings.tell(link)
        await until(lambda: "owners are not told" in caplog.text)
        database.write_sync(lambda found: found.exec_driver_sql("ALTER TABLE broken RENAME TO node_days"))
        earnings.tell(link)
        assert await desk.hear(Account) == Account(today=0, month=0, lifetime=0, answers_today=0)
    ledger.close()


async def test_a_node_that_answers_where_it_is_is_not_welcomed_elsewhere(town: Town) -> None:
    identity = town.here.enrol()
    async with town.here.ready(identity) as (desk, link):
        await town.known_there(identity)
        assert desk.welcome is not None
        listening = asyncio.ensure_future(desk.hear(CallOffered))  # noqa: TID251 - ended below
        async with town.there.desk(at(town.there, identity, desk.welcome.link_secret)) as second:
            with pytest.raises(Refused) as caught:
                await second.open()
        listening.cancel()
    assert caught.value.refuse.code == CloseCode.REPLACED
    assert link.node.node_id == identity.node_id


async def test_a_node_whose_old_socket_is_dead_moves_to_the_process_it_comes_back_to(town: Town) -> None:
    identity = town.here.enrol()
    async with town.here.ready(identity) as (desk, _):
        old = await town.known_there(identity)
        assert desk.welcome is not None
        sink = Recorder()
        old.open(a_header(), BODY, sink)
        desk.socket.transport.pause_reading()  # no ping is answered any more
        async with town.there.desk(at(town.there, identity, desk.welcome.link_secret)) as second:
            welcome = await second.open()
            assert (await sink.until("lost"))[0] == "lost"
            await second.share()
            seen = await town.here.when(
                lambda: next((each for each in town.here.registry.links_for("demo") if each.epoch == 2), None)
            )
            assert welcome.epoch == 2
            assert not town.here.registry.here()
            assert [each.epoch for each in town.there.registry.here()] == [2]
            assert seen.takes_calls
        desk.socket.transport.resume_reading()
        assert await desk.closed() == CloseCode.REPLACED


async def test_of_two_sessions_of_one_node_the_newer_stays(
    database: Database, first: directory.Bootstrap, settings: NodeSettings
) -> None:
    """Each process welcomed the node before it had heard of the other."""
    async with two_meshes() as meshes:
        one, two = (Siblings(mesh, a_session) for mesh in meshes)
        async with (
            serving(database, first, settings, home=one) as here,
            serving(database, first, settings, home=two) as there,
        ):
            identity = here.enrol()
            async with here.ready(at(here, identity)) as (older, _):
                assert older.welcome is not None
                async with there.ready(at(there, identity, older.welcome.link_secret)):
                    await joined(*meshes)
                    assert await older.closed() == CloseCode.REPLACED
                    await until(lambda: [each.epoch for each in one] == [each.epoch for each in two] == [2])


async def test_a_barred_node_is_hung_up_on_by_either_process(town: Town) -> None:
    identity = town.here.enrol()
    async with town.here.ready(identity) as (desk, _):
        away = await town.known_there(identity)
        away.hang_up(CloseCode.REVOKED, "revoked")
        assert await desk.closed() == CloseCode.REVOKED
        assert len(town.there.registry) == 0


async def test_a_process_that_is_gone_takes_its_nodes_and_its_calls_with_it(
    database: Database, first: directory.Bootstrap, settings: NodeSettings
) -> None:
    async with two_meshes() as (one, two):
        home, away = Siblings(one, a_session), Siblings(two, a_session)
        await joined(one, two)
        async with serving(database, first, settings, home=home, seen_in=away) as relay, relay.ready() as (desk, link):
            sink = Recorder()
            link.open(a_header(), BODY, sink)
            await desk.hear(CallOffered)
            assert home.lodgers == 1
            two.close()
            assert (await sink.until("lost"))[0] == "lost"
            await until(lambda: home.lodgers == 0)
            assert len(home) == 1
            assert len(away) == 0


async def until(look: object) -> None:
    assert callable(look)
    async with asyncio.timeout(10):
        while not look():  # noqa: ASYNC110 - a matter of some turns of the loop
            await asyncio.sleep(0)


async def test_each_process_reaches_the_others_node_while_the_other_reaches_its_own(town: Town) -> None:
    one, two = town.here.enrol(seed=1, name="one"), town.here.enrol(seed=2, name="two")
    async with town.here.ready(at(town.here, one)) as (first, _), town.there.ready(at(town.there, two)) as (second, _):
        for relay, desk, identity in ((town.there, first, one), (town.here, second, two)):
            sink = Recorder()
            (await relay.link_of(identity)).open(a_header(), BODY, sink)
            offered = await desk.hear(CallOffered)
            await desk.say(desk.session.accept(offered.call.id, prompt_tokens=3, prompt_digest=bytes(32)))
            assert await sink.until("accepted") == ("accepted", 3, bytes(32))
