"""The approval pages as a browser without scripts sees them."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from relay.console.pages import local_path
from relay.settings import EnrolmentSettings
from tests.relay.portal import Browser, Desktop, Portal, hidden_fields, loopback_query


async def confirm_page_by_code(portal: Portal, browser: Browser, desktop: Desktop) -> object:
    await desktop.start()
    await browser.sign_in(portal.api_key)
    return await browser.type_code(desktop.started["user_code"])


async def proved_url(browser: Browser, desktop: Desktop) -> str:
    started = await desktop.start_with_loopback()
    code = loopback_query((await browser.get(started["open_url"])).headers["location"])["code"]
    url: str = (await desktop.prove(code)).raise_for_status().json()["continue_url"]
    return url


def chosen_pool(page: httpx.Response) -> str:
    """What the page sends for who may use the PC if nobody touches it."""
    (value,) = re.findall(r'name="pool" value="([a-z]+)" checked', page.text)
    return str(value)


async def test_without_a_sign_in_the_page_asks_for_one_and_leads_back(portal: Portal, browser: Browser) -> None:
    asked = await browser.get("/enrol")
    assert "Sign in" in asked.text
    assert "Code" not in asked.text
    shown = await browser.submit(asked, "/enrol/sign-in", key=portal.api_key)
    assert "Add a PC" in shown.text


async def test_a_wrong_key_does_not_sign_in(portal: Portal, browser: Browser) -> None:
    refused = await browser.sign_in("sk-nj-wrong")
    assert refused.status_code == 401
    assert "not a valid API key" in refused.text
    assert "Sign in" in (await browser.get("/console")).text


async def test_the_session_cookie_is_strict_and_out_of_reach_of_scripts(portal: Portal, browser: Browser) -> None:
    page = await browser.get("/enrol")
    response = await browser._http.post("/enrol/sign-in", data={"key": portal.api_key, "next": "/enrol"})
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "max-age=3600" in cookie
    assert portal.api_key not in response.headers["set-cookie"]
    assert page.status_code == 200


async def test_a_pc_found_by_its_code_is_shown_with_a_warning_and_what_is_known(
    portal: Portal, browser: Browser
) -> None:
    async with Desktop(portal) as desktop:
        await desktop.start()
        await browser.sign_in(portal.api_key)
        page = await browser.type_code(desktop.started["user_code"].lower())
    assert "This may be another computer" in page.text
    for fact in (
        "Kitchen PC",
        "Debian 12",
        "Ryzen 7 5800X, 8 cores, 16 threads",
        "32 GiB",
        "RTX 3060, 12 GiB",
        "127.0.0.1",
    ):
        assert fact in page.text


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        ("own", "It serves calls made with your own keys."),
        ("organisation", "It serves everyone in"),
        ("none", "It serves nobody yet."),
    ],
)
async def test_who_approves_by_code_says_who_may_use_the_pc_and_reads_it_again(
    portal: Portal, browser: Browser, pool: str, said: str
) -> None:
    async with Desktop(portal) as desktop:
        await desktop.start()
        await browser.sign_in(portal.api_key)
        page = await browser.type_code(desktop.started["user_code"])
        assert chosen_pool(page) == "own"
        done = await browser.submit(page, "/enrol/decide", decision="approve", pool=pool)
        assert said in done.text
        assert (await desktop.poll())["state"] == "approved"
    (node,) = await portal.nodes()
    assert (node.pool, node.owner) == (pool, portal.first.person)


async def test_declining_ends_the_code(portal: Portal, browser: Browser) -> None:
    async with Desktop(portal) as desktop:
        await desktop.start()
        await browser.sign_in(portal.api_key)
        page = await browser.type_code(desktop.started["user_code"])
        assert "Declined" in (await browser.submit(page, "/enrol/decide", decision="deny")).text
        assert await desktop.poll() == {"state": "denied"}
        again = await browser.type_code(desktop.started["user_code"])
    assert "used already" in again.text
    assert await portal.nodes() == []


async def test_a_wrong_code_says_so_and_keeps_what_was_typed(portal: Portal, browser: Browser) -> None:
    await browser.sign_in(portal.api_key)
    page = await browser.type_code("BBBB-BBBB")
    assert "No PC is waiting with this code" in page.text
    assert 'value="BBBB-BBBB"' in page.text


async def test_after_five_wrong_codes_a_person_must_wait(portal: Portal, browser: Browser) -> None:
    async with Desktop(portal) as desktop:
        await desktop.start()
        await browser.sign_in(portal.api_key)
        for _ in range(5):
            await browser.type_code("BBBB-BBBB")
        page = await browser.type_code(desktop.started["user_code"])
        assert "Too many wrong codes" in page.text
        portal.clock.advance(599)
        assert "Too many wrong codes" in (await browser.type_code(desktop.started["user_code"])).text


async def test_an_expired_code_says_so(portal: Portal, browser: Browser) -> None:
    async with Desktop(portal) as desktop:
        await desktop.start()
        portal.clock.advance(601)
        await browser.sign_in(portal.api_key)
        assert "This code has expired" in (await browser.type_code(desktop.started["user_code"])).text


async def test_a_code_that_expires_while_the_page_is_open_is_not_approved(portal: Portal, browser: Browser) -> None:
    async with Desktop(portal) as desktop:
        await desktop.start()
        await browser.sign_in(portal.api_key)
        page = await browser.type_code(desktop.started["user_code"])
        portal.clock.advance(601)
        refused = await browser.submit(page, "/enrol/decide", decision="approve", key=portal.api_key)
    assert "has expired" in refused.text
    assert await portal.nodes() == []


async def test_the_second_of_two_approvals_is_told_that_it_came_late(portal: Portal, browser: Browser) -> None:
    async with Desktop(portal) as desktop:
        await desktop.start()
        await browser.sign_in(portal.api_key)
        page = await browser.type_code(desktop.started["user_code"])
        await browser.submit(page, "/enrol/decide", decision="approve")
        assert "used already" in (await browser.submit(page, "/enrol/decide", decision="approve")).text
    assert len(await portal.nodes()) == 1


@pytest.mark.parametrize("enrolment_settings", [EnrolmentSettings(fresh_sign_in_s=60)])
async def test_without_proof_an_old_sign_in_must_show_the_key_again(portal: Portal, browser: Browser) -> None:
    async with Desktop(portal) as desktop:
        await browser.sign_in(portal.api_key)
        portal.clock.advance(61)
        await desktop.start()
        page = await browser.type_code(desktop.started["user_code"])
        assert "once more" in page.text
        refused = await browser.submit(page, "/enrol/decide", decision="approve", key="", pool="none")
        assert "not a valid API key" in refused.text
        assert chosen_pool(refused) == "none"
        theirs = await portal.another_key()
        assert "somebody else" in (await browser.submit(page, "/enrol/decide", decision="approve", key=theirs)).text
        assert await portal.nodes() == []
        done = await browser.submit(page, "/enrol/decide", decision="approve", key=portal.api_key)
        assert "Enrolled" in done.text


async def test_a_proved_pc_is_offered_at_once_with_the_choice_of_who_may_use_it(
    portal: Portal, browser: Browser
) -> None:
    async with Desktop(portal) as desktop:
        await browser.sign_in(portal.api_key)
        page = await browser.get(await proved_url(browser, desktop))
        assert "This is the PC you are using now" in page.text
        assert "may be another computer" not in page.text
        done = await browser.submit(page, "/enrol/decide", decision="approve", pool="own")
        assert "own keys" in done.text
    (node,) = await portal.nodes()
    assert node.pool == "own"


async def test_a_person_who_is_not_signed_in_comes_back_to_the_proved_pc(portal: Portal, browser: Browser) -> None:
    async with Desktop(portal) as desktop:
        onward = await browser.get(await proved_url(browser, desktop))
        found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', onward.text)
        assert found
        asked = await browser.get(html.unescape(found.group(1)))
        fields = {name: html.unescape(value) for name, value in hidden_fields(asked.text, "/enrol/sign-in").items()}
        shown = await browser.post("/enrol/sign-in", fields | {"key": portal.api_key})
    assert "This is the PC you are using now" in shown.text


async def test_a_proof_is_worth_nothing_in_another_browser(portal: Portal, browser: Browser) -> None:
    async with Desktop(portal) as desktop, Browser(portal) as victim:
        url = await proved_url(browser, desktop)
        await victim.sign_in(portal.api_key)
        page = await victim.get(url)
    assert "Kitchen PC" not in page.text
    assert "Type the code" in page.text


async def test_only_an_admin_may_give_a_pc_to_the_organisation(portal: Portal, browser: Browser) -> None:
    member = await portal.another_key("Member")
    async with Desktop(portal) as desktop:
        await browser.sign_in(member)
        page = await browser.get(await proved_url(browser, desktop))
        assert 'value="organisation"' not in page.text
        await browser.submit(page, "/enrol/decide", decision="approve", pool="organisation")
    (node,) = await portal.nodes()
    assert node.pool == "none"


async def test_markup_in_a_pcs_name_stays_text(portal: Portal, browser: Browser) -> None:
    async with Desktop(portal, name="<script>alert(1)</script>", os='"><img src=x>') as desktop:
        await desktop.start()
        await browser.sign_in(portal.api_key)
        page = await browser.type_code(desktop.started["user_code"])
    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_every_page_forbids_scripts_frames_and_caches(portal: Portal, browser: Browser) -> None:
    for url in ("/enrol", "/console", "/enrol/here/x", "/enrol/proved?proof=x"):
        headers = (await browser.get(url)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("headers", [{"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}])
async def test_a_form_sent_by_another_site_changes_nothing(
    portal: Portal, browser: Browser, headers: dict[str, str]
) -> None:
    async with Desktop(portal) as desktop:
        await desktop.start()
        await browser.sign_in(portal.api_key)
        page = await browser.type_code(desktop.started["user_code"])
        fields = hidden_fields(page.text, "/enrol/decide") | {"decision": "approve"}
        assert (await browser.post("/enrol/decide", fields, **headers)).status_code == 400
    assert await portal.nodes() == []


async def test_another_site_cannot_sign_a_person_in(portal: Portal, browser: Browser) -> None:
    refused = await browser.post("/enrol/sign-in", {"key": portal.api_key}, sec_fetch_site="cross-site")
    assert refused.status_code == 403
    assert not browser.cookies


async def test_an_old_browser_is_judged_by_its_origin(portal: Portal, browser: Browser) -> None:
    fields = {"key": portal.api_key, "next": "/enrol"}
    refused = await browser._http.post("/enrol/sign-in", data=fields, headers={"origin": "https://evil.example"})
    assert refused.status_code == 403
    welcome = await browser._http.post("/enrol/sign-in", data=fields, headers={"origin": portal.url})
    assert welcome.status_code == 303


async def test_a_form_of_another_sign_in_is_refused(portal: Portal, browser: Browser) -> None:
    async with Desktop(portal) as desktop, Browser(portal) as other:
        await desktop.start()
        await browser.sign_in(portal.api_key)
        await other.sign_in(await portal.another_key())
        theirs = hidden_fields((await other.type_code(desktop.started["user_code"])).text, "/enrol/decide")
        mine = hidden_fields((await browser.type_code(desktop.started["user_code"])).text, "/enrol/decide")
        assert (await browser.post("/enrol/decide", theirs | {"decision": "approve"})).status_code == 400
        mixed = mine | {"application": theirs["application"], "decision": "approve"}
        assert (await browser.post("/enrol/decide", mixed)).status_code == 410
    assert await portal.nodes() == []


async def test_revoking_a_key_ends_its_sign_ins(portal: Portal, browser: Browser) -> None:
    from relay.accounts import directory

    await browser.sign_in(portal.api_key)
    assert "Console" in (await browser.get("/console")).text
    await portal.database.write(
        lambda connection: directory.revoke_key(connection, portal.first.key.id, at_ms=portal.clock.now_ms())
    )
    assert "Sign in" in (await browser.get("/console")).text


async def test_a_sign_in_ends_after_an_hour_and_with_signing_out(portal: Portal, browser: Browser) -> None:
    home = await browser.sign_in(portal.api_key)
    await browser.submit(home, "/enrol/sign-out")
    assert "Sign in" in (await browser.get("/console")).text
    await browser.sign_in(portal.api_key)
    portal.clock.advance(3601)
    assert "Sign in" in (await browser.get("/console")).text


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/enrol/../x//evil",
        "javascript:alert(1)",
        "",
        "/v1",
    ],
)
def test_after_signing_in_only_pages_of_ours_follow(wanted: str) -> None:
    assert local_path(wanted, otherwise="/console") == "/console"


@pytest.mark.parametrize("wanted", ["/enrol", "/enrol/proved?proof=abc&again=1", "/console"])
def test_a_page_of_ours_follows_as_it_was_wanted(wanted: str) -> None:
    assert local_path(wanted, otherwise="/") == wanted
