"""The console's home: what it shows, and who may change what."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from relay.console.home import pause_of
from relay.nodes import enrolments
from relay.nodes.enrolments import TokenGrant
from relay.nodes.link import NodeLink
from relay.wire.frames import Status
from tests.relay.portal import Browser, Desktop, Portal


async def enrolled(portal: Portal, seed: int = 1, name: str = "Kitchen PC") -> str:
    """The id of a node that nobody may use yet."""
    now_ms = portal.clock.now_ms()
    grant = TokenGrant(portal.first.organisation, portal.first.person, "none")
    token = await portal.database.write(
        lambda connection: enrolments.issue_token(connection, grant, uses=1, at_ms=now_ms, expires_ms=now_ms + 60_000)
    )
    async with Desktop(portal, seed, name=name) as desktop:
        answer = await desktop.post("token", await desktop.signed(token=token.reveal()))
    node: str = answer.raise_for_status().json()["node_id"]
    return node


async def test_the_home_names_the_endpoint_and_how_to_use_it(portal: Portal, browser: Browser) -> None:
    page = await browser.sign_in(portal.api_key)
    assert f"<code>{portal.url}/v1</code>" in page.text
    assert "curl" in page.text
    assert "from openai import OpenAI" in page.text
    assert "No cloud provider is set up" in page.text
    assert "No PC is enrolled yet" in page.text


async def test_an_enrolled_node_is_listed_with_its_state(portal: Portal, browser: Browser) -> None:
    await enrolled(portal, name="Attic <PC>")
    page = await browser.sign_in(portal.api_key)
    assert "Attic &lt;PC&gt;" in page.text
    assert "not connected yet" in page.text


async def test_its_owner_says_who_may_use_a_node(portal: Portal, browser: Browser) -> None:
    node = await enrolled(portal)
    page = await browser.sign_in(portal.api_key)
    after = await browser.submit(page, f"/console/nodes/{node}/pool", pool="organisation")
    assert "Saved: Kitchen PC now serves everyone in your organisation." in after.text
    assert [each.pool for each in await portal.nodes()] == ["organisation"]


async def test_a_member_cannot_change_anothers_node(portal: Portal, browser: Browser) -> None:
    node = await enrolled(portal)
    page = await browser.sign_in(await portal.another_key())
    assert f"/console/nodes/{node}/pool" not in page.text
    proof = {"form": await a_form_proof(browser)}
    assert (await browser.post(f"/console/nodes/{node}/pool", proof | {"pool": "own"})).status_code == 404
    assert (await browser.post(f"/console/nodes/{node}/revoke", proof)).status_code == 404
    assert [(each.pool, each.revoked_ms) for each in await portal.nodes()] == [("none", None)]


async def a_form_proof(browser: Browser) -> str:
    import re

    found = re.search(r'name="form" value="([^"]+)"', (await browser.get("/enrol")).text)
    assert found
    return found.group(1)


async def test_a_revoked_node_is_gone_from_the_list(portal: Portal, browser: Browser) -> None:
    node = await enrolled(portal)
    page = await browser.sign_in(portal.api_key)
    after = await browser.submit(page, f"/console/nodes/{node}/revoke")
    assert "No PC is enrolled yet" in after.text
    assert "Revoked." in after.text
    assert [each.barred for each in await portal.nodes()] == ["revoked"]


async def test_a_pool_nobody_offers_is_refused(portal: Portal, browser: Browser) -> None:
    node = await enrolled(portal)
    page = await browser.sign_in(portal.api_key)
    for pool in ("community", "trusted", "everything", ""):
        assert (await browser.submit(page, f"/console/nodes/{node}/pool", pool=pool)).status_code == 400
    assert [each.pool for each in await portal.nodes()] == ["none"]


async def test_the_style_sheet_may_be_kept_and_changes_its_name_with_its_content(
    portal: Portal, browser: Browser
) -> None:
    from relay.console.pages import STYLE_URL

    page = await browser.get("/console")
    assert STYLE_URL in page.text
    sheet = await browser.get(STYLE_URL)
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in sheet.headers["cache-control"]


async def test_a_saved_notice_names_no_node_that_the_visitor_does_not_see(portal: Portal, browser: Browser) -> None:
    await browser.sign_in(portal.api_key)
    assert "Saved" not in (await browser.get("/console?saved=somebody-elses")).text


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ({"reason": "snoozed", "until": 60.0 * 25}, "Paused by its owner for another 25 minutes."),
        ({"reason": "snoozed", "until": 3600.0 * 4}, "Paused by its owner for another 4 hours."),
        ({"reason": "snoozed"}, "Paused by its owner."),
        ({"reason": "mode_off"}, "Its owner has turned sharing off."),
        ({"reason": "owner_active"}, "Paused while its owner uses it."),
        ({"reason": "of_a_newer_app"}, "Connected, not sharing just now."),
    ],
)
def test_why_a_pc_does_not_share_is_a_sentence(status: dict[str, Any], sentence: str) -> None:
    link = cast("NodeLink", SimpleNamespace(status=Status(sharing=False, free_slots=0, **status)))
    assert pause_of(link, 0.0) == sentence


async def test_whoever_has_no_pc_yet_reads_what_to_run_on_it(portal: Portal, browser: Browser) -> None:
    home = await browser.sign_in(portal.api_key)
    for page in (home, await browser.get("/enrol")):
        assert "What to run on the other PC" in page.text
        assert f"nightjar enroll --relay {portal.url}</code>" in page.text
        assert "serve --host" in page.text


async def test_behind_a_proxy_with_tls_the_page_names_the_address_that_the_browser_sees(
    portal: Portal, browser: Browser
) -> None:
    await browser.sign_in(portal.api_key)
    headers = {"host": "relay.example", "x-forwarded-proto": "https"}
    page = await browser._http.get("/enrol", headers=headers)
    assert "nightjar enroll --relay https://relay.example</code>" in page.text
    assert "serve --host" not in page.text
