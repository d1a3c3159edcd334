"""How a PC becomes a node, against a relay on a real port."""

from __future__ import annotations

import dataclasses

import httpx
import pytest

from desktop.agent.commands import CancelEnrolment, Enrol
from desktop.agent.enrolment import Enroller
from desktop.agent.state import Reason
from desktop.errors import EnrolmentFailed, RelayUntrusted
from tests.desktop.agent.conftest import Desktop
from tests.fakes import NODE_ID, FakeRelay


async def test_a_token_enrols_at_once(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        snapshot = await desktop.join(relay)
    assert snapshot.enrolment.kind == "enrolled"
    assert snapshot.enrolment.node_id == NODE_ID
    assert relay.facts["name"] == "test-pc"


async def test_the_key_is_in_a_file_only_its_owner_reads(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
    files = list((desktop.paths.data / "secrets").iterdir())
    assert {file.name for file in files} == {"node-key", "link-secret"}
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)


async def test_a_used_token_fails_with_the_relays_words(desktop: Desktop, relay: FakeRelay) -> None:
    relay.tokens.clear()
    async with desktop.running():
        await desktop.tell(Enrol(relay.url, "good-token"))
        snapshot = await desktop.until(lambda snapshot: bool(snapshot.enrolment.problem))
    assert snapshot.enrolment.kind == "none"
    assert "this token is not valid" in snapshot.enrolment.problem


async def test_without_a_token_the_code_waits_for_approval_in_the_browser(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.tell(Enrol(relay.url))
        waiting = await desktop.until(lambda snapshot: bool(snapshot.enrolment.user_code))
        assert waiting.enrolment.approve_url == f"{relay.url}/enrol"
        assert "BCDF-GHJK" in waiting.sharing.sentence
        relay.approved.set()
        snapshot = await desktop.until(lambda snapshot: snapshot.sharing.sharing)
    assert desktop.opened == [f"{relay.url}/enrol/open"]
    assert snapshot.enrolment.kind == "enrolled"


async def test_a_browser_on_this_pc_proves_itself_over_loopback(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.tell(Enrol(relay.url))
        await desktop.until(lambda snapshot: bool(snapshot.enrolment.user_code))
        async with httpx.AsyncClient(follow_redirects=True, trust_env=False) as browser:
            page = await browser.get(f"{relay.url}/enrol/open")
            forged = await browser.get(str(page.history[0].headers["location"]).replace("state=", "state=x"))
    assert relay.proved
    assert str(page.url) == f"{relay.url}/enrol"
    assert forged.status_code == 404


async def test_a_relay_that_is_away_for_a_moment_does_not_end_the_waiting(desktop: Desktop, relay: FakeRelay) -> None:
    relay.polls_to_fail = 1
    relay.approved.set()
    async with desktop.running():
        await desktop.tell(Enrol(relay.url))
        await desktop.until(lambda snapshot: snapshot.sharing.sharing)
    assert not relay.polls_to_fail


async def test_a_declined_enrolment_says_so(desktop: Desktop, relay: FakeRelay) -> None:
    relay.denied = True
    async with desktop.running():
        await desktop.tell(Enrol(relay.url))
        snapshot = await desktop.until(lambda snapshot: bool(snapshot.enrolment.problem))
    assert "it was declined there" in snapshot.enrolment.problem


async def test_cancelling_leaves_this_pc_as_it_was(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.tell(Enrol(relay.url))
        await desktop.until(lambda snapshot: bool(snapshot.enrolment.user_code))
        snapshot = await desktop.tell(CancelEnrolment())
    assert snapshot.enrolment.kind == "none"
    assert not snapshot.enrolment.problem
    assert snapshot.sharing.reason is Reason.NOT_ENROLLED


async def test_nothing_at_the_address_is_said_with_the_address(desktop: Desktop) -> None:
    async with FakeRelay().serving() as gone:
        address = gone.url
    async with desktop.running():
        await desktop.tell(Enrol(address))
        snapshot = await desktop.until(lambda snapshot: bool(snapshot.enrolment.problem))
    assert address in snapshot.enrolment.problem
    assert "cannot be reached" in snapshot.enrolment.problem


async def test_an_address_that_is_none_is_refused_at_once(desktop: Desktop) -> None:
    async with desktop.running():
        with pytest.raises(EnrolmentFailed, match="no web address"):
            await desktop.tell(Enrol("ftp://relay.example"))


async def test_only_the_expected_relay_is_believed(relay: FakeRelay) -> None:
    from desktop.agent.address import RelayAddress

    address = RelayAddress.parse(relay.url)
    enroller = Enroller(address, name="pc", os_name="", app_version="1", hardware={}, relay_key=b"x" * 32)
    with pytest.raises(RelayUntrusted):
        await enroller.by_token("good-token")


@pytest.mark.parametrize("name", ["node-key", "link-secret"])
async def test_a_damaged_secret_is_named_in_one_line_with_the_remedy(
    name: str, desktop: Desktop, relay: FakeRelay, caplog: pytest.LogCaptureFixture
) -> None:
    async with desktop.running():
        await desktop.join(relay)
    (desktop.paths.data / "secrets" / name).write_bytes(b"damaged")
    desktop.restart()
    async with desktop.running():
        snapshot = await desktop.until(lambda snapshot: bool(snapshot.enrolment.problem))
    assert f"{name} is damaged" in snapshot.enrolment.problem
    assert f"nightjar enroll --relay {relay.url}" in snapshot.enrolment.problem
    assert snapshot.enrolment.problem in snapshot.sharing.sentence
    assert not any(record.exc_info for record in caplog.records)


async def test_a_failed_attempt_leaves_an_enrolled_pc_what_it_was(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        before = await desktop.join(relay)
        await desktop.tell(Enrol(relay.url, "bad-token"))
        after = await desktop.until(lambda snapshot: bool(snapshot.enrolment.problem))
    assert dataclasses.replace(after.enrolment, problem="") == before.enrolment
    assert after.sharing.sharing


async def test_a_cancelled_attempt_leaves_an_enrolled_pc_what_it_was(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        before = await desktop.join(relay)
        await desktop.tell(Enrol(relay.url))
        await desktop.until(lambda snapshot: bool(snapshot.enrolment.user_code))
        after = await desktop.tell(CancelEnrolment())
    assert after.enrolment == before.enrolment
