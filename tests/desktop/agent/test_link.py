"""Opening, keeping and losing the link."""

from __future__ import annotations

import os

from desktop.agent.commands import Snooze
from desktop.agent.state import Reason
from relay.wire.frames import CloseCode, Status
from relay.wire.identity import SigningKey
from tests.builders import NOON
from tests.desktop.agent.conftest import Desktop
from tests.fakes import NODE_ID, FakeRelay


async def test_a_lost_link_is_made_again_with_the_newest_secret(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        await (await relay.link()).close(CloseCode.GOING_AWAY)
        again = await relay.link(2)
        await again.heard(Status, sharing=True)
        assert again.session.epoch == 2


async def test_a_restarted_agent_links_again_as_the_same_node(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        first = await relay.link()
    desktop.restart()
    async with desktop.running():
        second = await relay.link(2)
        await second.heard(Status, sharing=True)
    assert first.hello is not None
    assert second.hello is not None
    assert first.hello.key_id == second.hello.key_id
    assert second.hello.node_id == NODE_ID


async def test_the_hello_says_what_this_pc_is(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        hello = (await relay.link()).hello
    assert hello is not None
    assert (hello.app_version, hello.os, hello.hardware) == ("1.0", "Test OS", {"cores": 4})


async def test_no_hello_is_said_to_a_relay_with_another_key(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
    relay.key = SigningKey(os.urandom(32))
    desktop.restart()
    async with desktop.running():
        snapshot = await desktop.until(lambda snapshot: snapshot.link.kind == "waiting")
    assert "not the relay" in snapshot.link.problem
    assert len(relay.links) == 1


async def test_a_revoked_node_stops_dialling_and_says_so(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        relay.refusal = (CloseCode.REVOKED, "this node was revoked", None)
        await (await relay.link()).close(CloseCode.GOING_AWAY)
        snapshot = await desktop.until(lambda snapshot: snapshot.enrolment.kind == "none")
        assert snapshot.sharing.reason is Reason.NOT_ENROLLED
        assert "this node was revoked" in snapshot.sharing.sentence
        assert snapshot.link.kind == "none"
    assert not list((desktop.paths.data / "secrets").iterdir())


async def test_a_wait_the_relay_asks_for_is_kept(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        relay.refusal = (CloseCode.TOO_MANY, "too many", 1000.0)
        await (await relay.link()).close(CloseCode.GOING_AWAY)
        snapshot = await desktop.until(lambda s: s.link.kind == "waiting" and s.link.problem == "too many")
    assert snapshot.link.retry_at is not None
    assert 999 < snapshot.link.retry_at - snapshot.link.since < 1200


async def test_a_secret_that_cannot_be_kept_ends_the_link_with_the_reason(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        folder = desktop.paths.data / "secrets"
        folder.rename(folder.with_name("moved"))
        folder.write_text("in the way")
        await (await relay.link()).close(CloseCode.GOING_AWAY)
        snapshot = await desktop.until(lambda s: s.link.kind == "waiting" and "secrets" in s.link.problem)
    assert snapshot.sharing.reason is Reason.RELAY_UNREACHABLE


async def test_an_unreachable_relay_is_a_waiting_link_with_the_reason(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
    port = relay.port
    desktop.restart()
    silent = FakeRelay()
    async with silent.serving():
        pass
    assert silent.port != port
    record = desktop.agent._memberships.record.membership
    assert record is not None
    desktop.agent._memberships.change(membership=_moved(record, f"http://127.0.0.1:{silent.port}"))
    async with desktop.running():
        snapshot = await desktop.until(lambda snapshot: snapshot.link.kind == "waiting")
    assert snapshot.sharing.reason is Reason.RELAY_UNREACHABLE
    assert "nothing answers there" in snapshot.sharing.sentence


async def test_heartbeats_repeat_the_status(desktop: Desktop, relay: FakeRelay) -> None:
    relay.heartbeat_s = 0.05
    async with desktop.running():
        await desktop.join(relay)
        link = await relay.link()
        await link._until(lambda: sum(isinstance(event, Status) and event.sharing for event in link.log) >= 4)


async def test_a_pause_is_told_with_its_end(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        await desktop.tell(Snooze(NOON + 1e9))
        status = await (await relay.link()).heard(Status, reason="snoozed")
    assert status.until == NOON + 1e9
    assert not status.sharing


async def test_what_the_relay_says_of_earnings_is_in_the_snapshot(desktop: Desktop, relay: FakeRelay) -> None:
    from relay.wire.frames import Account

    async with desktop.running():
        await desktop.join(relay)
        link = await relay.link()
        await link.send(link.session.account(Account(today=1, month=2, lifetime=3, answers_today=4)))
        snapshot = await desktop.until(lambda snapshot: snapshot.earnings is not None)
    assert snapshot.earnings is not None
    assert (snapshot.earnings.today, snapshot.earnings.lifetime, snapshot.earnings.answers_today) == (1, 3, 4)


def _moved(membership: object, relay: str) -> object:
    import msgspec

    return msgspec.structs.replace(membership, relay=relay)  # type: ignore[type-var]
