"""The desktop's side of enrolment, over HTTP, as a desktop that keeps to it and as one that does not."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from relay.accounts import directory
from relay.nodes import enrolments, store
from relay.nodes.codes import ALPHABET, as_typed
from relay.nodes.enrolment import Approver
from relay.nodes.enrolments import TokenGrant
from relay.settings import EnrolmentSettings
from relay.storage.engine import Database
from relay.wire.identity import SigningKey, fingerprint
from tests.relay.portal import Browser, Desktop, Portal, loopback_query, open_portal


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "relay.db") as opened:
        yield opened


@pytest.fixture
def enrolment_settings() -> EnrolmentSettings:
    return EnrolmentSettings()


@pytest.fixture
async def portal(database: Database, enrolment_settings: EnrolmentSettings) -> AsyncIterator[Portal]:
    first = database.write_sync(lambda connection: directory.bootstrap(connection, at_ms=1_767_225_600_000))
    assert first is not None
    async with open_portal(database, first, enrolment_settings) as opened:
        yield opened


def approver(portal: Portal) -> Approver:
    return Approver(portal.first.person, portal.first.organisation)


async def approve(portal: Portal, desktop: Desktop) -> store.NodeRecord:
    application = await portal.enrolment.find(desktop.started["user_code"], portal.first.person)
    return await portal.enrolment.approve(application, approver(portal))


def a_token(portal: Portal, *, uses: int = 1, hours: float = 1.0) -> str:
    now_ms = portal.clock.now_ms()
    grant = TokenGrant(portal.first.organisation, portal.first.person, "organisation")
    return portal.database.write_sync(
        lambda connection: enrolments.issue_token(
            connection, grant, uses=uses, at_ms=now_ms, expires_ms=now_ms + round(hours * 3_600_000)
        )
    ).reveal()


def everything_in(folder: Path) -> bytes:
    """The database with its write-ahead log."""
    return b"".join(path.read_bytes() for path in folder.glob("relay.db*"))


def error_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def test_a_challenge_brings_the_key_a_desktop_pins(portal: Portal) -> None:
    async with Desktop(portal) as desktop:
        answer = (await desktop.post("challenge", {})).json()
    assert answer["relay_id"] == fingerprint(base64.b64decode(answer["relay_key"]))
    assert len(base64.b64decode(answer["nonce"])) == 32


async def test_an_approved_pc_is_a_node_under_its_own_key(portal: Portal) -> None:
    async with Desktop(portal) as desktop:
        started = await desktop.start()
        assert len(started["user_code"]) == 8
        assert set(started["user_code"]) <= set(ALPHABET)
        assert started["approve_url"] == f"{portal.url}/enrol"
        assert await desktop.poll() == {"state": "waiting"}
        node = await approve(portal, desktop)
        assert await desktop.poll() == {"state": "approved", "node_id": node.id, "key_id": desktop.key.fingerprint}
    assert node.name == "Kitchen PC"
    assert node.public_key == desktop.key.public
    assert node.facts["hardware"]["memory_mib"] == 32_768
    assert node.pool == "none"


async def test_a_declined_pc_is_told_so(portal: Portal) -> None:
    async with Desktop(portal) as desktop:
        await desktop.start()
        application = await portal.enrolment.find(desktop.started["user_code"], portal.first.person)
        await portal.enrolment.deny(application, approver(portal))
        assert await desktop.poll() == {"state": "denied"}
    assert await portal.nodes() == []


async def test_an_application_expires(portal: Portal) -> None:
    async with Desktop(portal) as desktop:
        await desktop.start()
        portal.clock.advance(601)
        assert await desktop.poll() == {"state": "expired"}


async def test_codes_are_not_in_the_database(portal: Portal, tmp_path: Path) -> None:
    async with Desktop(portal) as desktop:
        started = await desktop.start()
    token = a_token(portal)
    kept = everything_in(tmp_path)
    for secret in (started["user_code"], started["device_code"], token):
        assert secret.encode() not in kept


async def test_a_signature_for_another_host_is_refused_and_says_where_to_go(portal: Portal) -> None:
    async with Desktop(portal) as desktop:
        response = await desktop.post("start", await desktop.signed(host="evil.example:443"))
    assert error_of(response) == (403, "bad_signature")
    assert portal.host in response.json()["error"]["message"]


async def test_a_signature_by_another_key_is_refused(portal: Portal) -> None:
    async with Desktop(portal) as desktop:
        desktop.key = SigningKey(b"\x07" * 32)
        assert error_of(await desktop.post("start", await desktop.signed())) == (403, "bad_signature")


async def test_facts_changed_after_signing_are_refused(portal: Portal) -> None:
    async with Desktop(portal) as desktop:
        body = await desktop.signed()
        body["facts"] = body["facts"].replace(b"Kitchen", b"Cellar ")
        assert error_of(await desktop.post("start", body)) == (403, "bad_signature")


async def test_a_nonce_lives_two_minutes(portal: Portal) -> None:
    async with Desktop(portal) as desktop:
        body = await desktop.signed()
        portal.clock.advance(121)
        assert error_of(await desktop.post("start", body)) == (400, "stale_nonce")


async def test_a_nonce_of_somebody_elses_making_is_refused(portal: Portal) -> None:
    async with Desktop(portal) as desktop:
        assert error_of(await desktop.post("start", await desktop.signed(nonce=bytes(32)))) == (400, "stale_nonce")


@pytest.mark.parametrize(
    "changed",
    [
        {"facts": b"{}"},
        {"facts": b"x" * 9000},
        {"signature": b"short"},
        {"nonce": b"short"},
        {"redirect_port": 70_000},
        {"code_challenge": "not base64url!"},
    ],
)
async def test_a_malformed_application_is_refused(portal: Portal, changed: dict[str, Any]) -> None:
    async with Desktop(portal) as desktop:
        response = await desktop.post("start", await desktop.signed() | changed)
    assert error_of(response) == (400, "invalid_request")


@pytest.mark.parametrize("body", ["[]", '"x"', "[" * 5000, "x" * 20_000])
async def test_a_body_that_is_none_is_refused(portal: Portal, body: str) -> None:
    async with Desktop(portal) as desktop:
        response = await desktop._http.post("/v1/node/enrol/start", content=body)
    assert error_of(response) == (400, "invalid_request")


async def test_what_could_mislead_the_eye_is_taken_out_of_a_pcs_name(portal: Portal) -> None:
    async with Desktop(portal, name="  Kit\u202echen\n\u200bPC\x00 " + "x" * 200) as desktop:
        await desktop.start()
        node = await approve(portal, desktop)
    assert node.name == ("Kit chen PC " + "x" * 200)[:64]


async def test_one_address_gets_five_codes_an_hour(portal: Portal) -> None:
    async with Desktop(portal) as desktop:
        for _ in range(5):
            await desktop.start()
        response = await desktop.post("start", await desktop.signed())
        assert error_of(response) == (429, "too_many_requests")
        assert 3500 < int(response.headers["retry-after"]) <= 3600
        portal.clock.advance(3601)
        await desktop.start()


async def test_a_stranger_gets_twenty_challenges_a_minute(portal: Portal) -> None:
    async with Desktop(portal) as desktop:
        for _ in range(20):
            assert (await desktop.post("challenge", {})).status_code == 200
        assert error_of(await desktop.post("challenge", {})) == (429, "too_many_requests")


async def test_polling_with_a_known_code_is_not_counted_as_a_strangers(portal: Portal) -> None:
    async with Desktop(portal) as desktop:
        await desktop.start()
        for _ in range(30):
            assert await desktop.poll() == {"state": "waiting"}


async def test_an_unknown_device_code_is_not_found(portal: Portal) -> None:
    async with Desktop(portal) as desktop:
        assert error_of(await desktop.post("poll", {"device_code": "guess"})) == (404, "unknown_code")


# --- tokens -----------------------------------------------------------------------------------------------------------


async def test_a_token_enrols_at_once_into_its_pool(portal: Portal) -> None:
    token = a_token(portal)
    async with Desktop(portal) as desktop:
        answer = (await desktop.post("token", await desktop.signed(token=token))).raise_for_status().json()
    (node,) = await portal.nodes()
    assert answer == {"node_id": node.id, "key_id": desktop.key.fingerprint}
    assert (node.pool, node.owner) == ("organisation", portal.first.person)


async def test_a_token_enrols_as_many_pcs_as_it_says(portal: Portal) -> None:
    token = a_token(portal, uses=2)
    statuses = []
    for seed in (1, 2, 3):
        async with Desktop(portal, seed) as desktop:
            statuses.append((await desktop.post("token", await desktop.signed(token=token))).status_code)
    assert statuses == [200, 200, 403]
    assert len(await portal.nodes()) == 2


async def test_an_expired_token_enrols_nobody(portal: Portal) -> None:
    token = a_token(portal, hours=1)
    portal.clock.advance(3601)
    async with Desktop(portal) as desktop:
        assert error_of(await desktop.post("token", await desktop.signed(token=token))) == (403, "invalid_token")


async def test_a_refused_key_costs_a_token_no_use(portal: Portal) -> None:
    token = a_token(portal)
    async with Desktop(portal) as desktop:
        await desktop.start()
        node = await approve(portal, desktop)
        await portal.database.write(
            lambda connection: store.revoke(connection, node.id, organisation=portal.first.organisation, at_ms=1)
        )
        assert error_of(await desktop.post("token", await desktop.signed(token=token))) == (409, "key_taken")
    async with Desktop(portal, 2) as other:
        assert (await other.post("token", await other.signed(token=token))).status_code == 200


async def test_a_pc_enrolled_again_keeps_its_node(portal: Portal) -> None:
    token = a_token(portal, uses=2)
    answers = []
    for name in ("Old name", "New name"):
        async with Desktop(portal, name=name) as desktop:
            answers.append((await desktop.post("token", await desktop.signed(token=token))).json())
    assert answers[0] == answers[1]
    assert [node.name for node in await portal.nodes()] == ["New name"]


# --- the loopback proof -----------------------------------------------------------------------------------------------


async def test_the_open_url_sends_the_browser_to_the_desktop_with_a_code_and_its_state(portal: Portal) -> None:
    async with Desktop(portal) as desktop, Browser(portal) as browser:
        started = await desktop.start_with_loopback(4711)
        response = await browser.get(started["open_url"])
    assert response.status_code == 303
    assert response.headers["location"].startswith("http://127.0.0.1:4711/?")
    assert loopback_query(response.headers["location"])["state"] == "s" * 22


async def test_the_code_and_the_verifier_prove_the_browser(portal: Portal) -> None:
    async with Desktop(portal) as desktop, Browser(portal) as browser:
        started = await desktop.start_with_loopback()
        code = loopback_query((await browser.get(started["open_url"])).headers["location"])["code"]
        answer = (await desktop.prove(code)).raise_for_status().json()
    assert answer["continue_url"].startswith(f"{portal.url}/enrol/proved?proof=")


async def test_a_wrong_verifier_proves_nothing_and_five_end_the_code(portal: Portal) -> None:
    async with Desktop(portal) as desktop, Browser(portal) as browser:
        started = await desktop.start_with_loopback()
        code = loopback_query((await browser.get(started["open_url"])).headers["location"])["code"]
        for _ in range(5):
            assert error_of(await desktop.prove(code, "wrong")) == (403, "bad_proof")
        assert await desktop.poll() == {"state": "expired"}


async def test_a_code_of_another_application_proves_nothing(portal: Portal) -> None:
    async with Desktop(portal) as mine, Desktop(portal, 2) as theirs, Browser(portal) as browser:
        await mine.start_with_loopback()
        started = await theirs.start_with_loopback()
        code = loopback_query((await browser.get(started["open_url"])).headers["location"])["code"]
        assert error_of(await mine.prove(code)) == (403, "bad_proof")


async def test_a_loopback_code_lives_two_minutes(portal: Portal) -> None:
    async with Desktop(portal) as desktop, Browser(portal) as browser:
        started = await desktop.start_with_loopback()
        code = loopback_query((await browser.get(started["open_url"])).headers["location"])["code"]
        portal.clock.advance(121)
        assert error_of(await desktop.prove(code)) == (403, "bad_proof")


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("BCDFGHJK", "BCDFGHJK"),
        ("bcdf-ghjk", "BCDFGHJK"),
        (" BCDF GHJK ", "BCDFGHJK"),
        ("BCDF–GHJK", "BCDFGHJK"),
        ("BCDFGHJ", None),
        ("BCDFGHJKL", None),
        ("AEIOUAEI", None),
        ("", None),
    ],
)
def test_a_code_is_read_as_people_type_it(typed: str, code: str | None) -> None:
    assert as_typed(typed) == code
