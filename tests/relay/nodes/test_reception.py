"""Opening a link against a real server, with a real node on the other end."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from websockets.exceptions import InvalidStatus

from relay.nodes import store
from relay.settings import NodeSettings
from relay.wire.frames import Challenge, Refuse, Welcome
from relay.wire.identity import SigningKey, fingerprint
from tests.relay.nodes.conftest import NOW_MS, Relay
from tests.relay.nodes.desk import NONCE, Refused


async def test_an_enrolled_node_is_welcomed_and_found_by_its_model(relay: Relay) -> None:
    identity = relay.enrol(name="Kitchen PC")
    async with relay.ready(identity) as (desk, link):
        assert desk.welcome is not None
        assert desk.welcome.epoch == link.epoch == 1
        assert link.node.name == "Kitchen PC"
        assert link.node.pool == "own"
        assert link.free_slots == 4
        assert list(relay.registry.models()) == ["demo"]


async def test_the_relay_proves_the_key_pinned_at_enrolment_in_its_challenge(relay: Relay) -> None:
    async with relay.desk(relay.enrol()) as desk:
        challenge = await desk.hear(Challenge)
        assert challenge.relay_id == fingerprint(relay.key.public)
        assert len(challenge.nonce) == 32
        assert challenge.nonce != NONCE


async def test_every_session_has_a_higher_epoch_and_a_new_link_secret(relay: Relay) -> None:
    identity = relay.enrol()
    secrets = [b""]
    for epoch in (1, 2, 3):
        async with relay.desk(replace(identity, link_secret=secrets[-1])) as desk:
            welcome = await desk.open()
        assert welcome.epoch == epoch
        assert welcome.link_secret not in secrets
        secrets.append(welcome.link_secret)
        await relay.when(lambda: True if len(relay.registry) == 0 else None)


async def test_a_node_that_never_got_its_newest_secret_may_show_the_one_before(relay: Relay) -> None:
    identity = relay.enrol()
    async with relay.desk(identity) as desk:
        first = await desk.open()
    await gone(relay)
    async with relay.desk(replace(identity, link_secret=first.link_secret)) as desk:
        await desk.open()  # and this welcome's secret is lost on its way
    await gone(relay)
    async with relay.desk(replace(identity, link_secret=first.link_secret)) as desk:
        welcome = await desk.open()
    assert welcome.epoch == 3


async def test_a_stale_secret_closes_both_sockets_and_suspends_the_key(relay: Relay) -> None:
    identity = relay.enrol()
    secret = b""
    for _ in range(2):
        async with relay.desk(replace(identity, link_secret=secret)) as desk:
            secret = (await desk.open()).link_secret
        await gone(relay)
    async with relay.desk(replace(identity, link_secret=secret)) as original:
        await original.open()
        async with relay.desk(identity) as copy:
            with pytest.raises(Refused) as refused:
                await copy.open()
            assert refused.value.refuse.code == 4403
            assert "cloned" in refused.value.refuse.message
            assert await copy.closed() == 4403
        assert await original.closed() == 4403
    known = await relay.database.read(lambda connection: store.known(connection, identity.node_id))  # type: ignore[arg-type]
    assert known is not None
    assert known.record.suspended_reason == "cloned"
    async with relay.desk(replace(identity, link_secret=secret)) as desk:
        with pytest.raises(Refused) as refused:
            await desk.open()
        assert refused.value.refuse.code == 4403


async def gone(relay: Relay) -> None:
    """Waits until no node is connected."""
    await relay.when(lambda: True if len(relay.registry) == 0 else None)


async def test_an_unknown_node_is_not_authenticated(relay: Relay) -> None:
    identity = replace(relay.enrol(), node_id="node-of-nobody")
    async with relay.desk(identity) as desk:
        with pytest.raises(Refused) as refused:
            await desk.open()
        assert refused.value.refuse.code == 4401
        assert await desk.closed() == 4401


async def test_another_key_does_not_pass_for_the_node(relay: Relay) -> None:
    identity = replace(relay.enrol(), key=SigningKey(b"\x09" * 32))
    async with relay.desk(identity) as desk:
        with pytest.raises(Refused) as refused:
            await desk.open()
        assert refused.value.refuse.code == 4401


async def test_a_hello_signed_for_another_relays_name_is_not_accepted(relay: Relay) -> None:
    identity = replace(relay.enrol(), host="relay.example:443")
    async with relay.desk(identity) as desk:
        with pytest.raises(Refused) as refused:
            await desk.open()
        assert refused.value.refuse.code == 4401


async def test_a_hello_of_one_socket_is_worth_nothing_on_another(relay: Relay) -> None:
    identity = relay.enrol()
    async with relay.desk(identity) as first, relay.desk(identity) as second:
        await first.hear(Challenge)
        await second.hear(Challenge)
        await second.say(first.session.hello())
        assert await second.closed() == 4401


async def test_a_silent_socket_is_closed_when_the_time_for_a_hello_is_over(relay: Relay) -> None:
    async with relay.desk(relay.enrol()) as desk:
        assert await desk.closed() == 4401


async def test_anything_else_before_the_hello_is_a_violation(relay: Relay) -> None:
    async with relay.desk(relay.enrol()) as desk:
        await desk.hear(Challenge)
        await desk.say(b"\x13{}")
        assert await desk.closed() == 4400


async def test_a_second_socket_is_refused_while_the_first_one_answers(relay: Relay) -> None:
    identity = relay.enrol()
    async with relay.ready(identity) as (desk, link):
        secret = desk.welcome.link_secret if desk.welcome else b""
        listening = asyncio.get_running_loop().create_task(desk.socket.recv())
        async with relay.desk(replace(identity, link_secret=secret)) as second:
            with pytest.raises(Refused) as refused:
                await second.open()
            assert refused.value.refuse.code == 4409
        assert relay.registry.get(link.node.node_id) is link
        listening.cancel()


async def test_a_half_open_socket_is_replaced_by_the_nodes_next_one(relay: Relay) -> None:
    identity = relay.enrol()
    async with relay.ready(identity) as (frozen, link):
        secret = frozen.welcome.link_secret if frozen.welcome else b""
        frozen.socket.transport.pause_reading()
        async with relay.desk(replace(identity, link_secret=secret)) as second:
            welcome = await second.open()
            assert welcome.epoch == 2
            replacing = relay.registry.get(link.node.node_id)
            assert replacing is not None
            assert replacing is not link
        frozen.socket.transport.resume_reading()
        assert await frozen.closed() == 4409


async def test_a_revoked_nodes_socket_closes_at_the_next_reload(relay: Relay) -> None:
    identity = relay.enrol()
    async with relay.ready(identity) as (desk, link):
        await relay.database.write(
            lambda connection: store.revoke(
                connection, link.node.node_id, organisation=relay.first.organisation, at_ms=NOW_MS
            )
        )
        await relay.reception.reload()
        assert await desk.closed() == 4403
        assert len(relay.registry) == 0
    async with relay.desk(identity) as desk:
        with pytest.raises(Refused) as refused:
            await desk.open()
        assert refused.value.refuse.code == 4403


async def test_a_change_of_pool_reaches_an_open_link_at_the_next_reload(relay: Relay) -> None:
    async with relay.ready() as (_, link):
        await relay.database.write(
            lambda connection: store.set_pool(
                connection, link.node.node_id, pool="organisation", organisation=relay.first.organisation
            )
        )
        await relay.reception.reload()
        assert link.node.pool == "organisation"


@pytest.mark.parametrize("settings", [NodeSettings(sockets_per_owner=1)])
async def test_an_owner_cannot_connect_more_nodes_than_the_limit(relay: Relay) -> None:
    async with relay.ready(), relay.desk(relay.enrol(2)) as second:
        with pytest.raises(Refused) as refused:
            await second.open()
        assert refused.value.refuse.code == 4429


@pytest.mark.parametrize("settings", [NodeSettings(pending_per_address=2)])
async def test_one_address_cannot_hold_more_unproven_sockets_than_the_limit(relay: Relay) -> None:
    identity = relay.enrol()
    async with relay.desk(identity) as first, relay.desk(identity) as second:
        with pytest.raises(InvalidStatus) as refused:
            async with relay.desk(identity):
                pass
        assert refused.value.response.status_code == 429
        assert "retry-after" in refused.value.response.headers
        await first.open()
        async with relay.desk(relay.enrol(2)) as third:
            await third.open()
        assert second.socket.close_code is None


async def test_a_node_is_told_to_come_back_when_the_database_is_away(relay: Relay) -> None:
    identity = relay.enrol()
    async with relay.desk(identity) as desk:
        relay.database.close()
        with pytest.raises(Refused) as refused:
            await desk.open()
        assert refused.value.refuse.code == 4503
        assert refused.value.refuse.retry_after == 5.0


async def test_a_hello_while_another_of_the_same_node_is_judged_is_put_off(relay: Relay) -> None:
    identity = relay.enrol()
    async with relay.ready(identity) as (frozen, _):
        frozen.socket.transport.pause_reading()
        secret = frozen.welcome.link_secret if frozen.welcome else b""
        identity = replace(identity, link_secret=secret)
        async with relay.desk(identity) as second, relay.desk(identity) as third:
            await second.greet()
            await third.hear(Challenge)
            async with asyncio.timeout(5):
                while identity.node_id not in relay.reception._judging:  # noqa: ASYNC110 - a set without an event
                    await asyncio.sleep(0.005)
            await third.say(third.session.hello())
            refuse = await third.hear(Refuse)
            assert (refuse.code, refuse.retry_after) == (4429, 5.0)
            assert (await second.hear(Welcome)).epoch == 2
        frozen.socket.transport.resume_reading()
