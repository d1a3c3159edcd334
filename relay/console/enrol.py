"""The pages on which a person approves a PC.

Two ways lead here. With the loopback proof the page knows that the PC is the one this browser runs on, and offers it at
once. With a typed code it may be anybody's PC: the page says so, shows what is known of it, and wants a fresh sign-in.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from relay.console.description import describe
from relay.console.pages import FormUnreadable, form, go_to, is_only_here, local_path, page, site_of
from relay.console.visitors import Person, Visitor, Visitors, sent_by_another_site
from relay.nodes.enrolment import Enrolment, EnrolmentRefused
from relay.nodes.enrolments import Application
from relay.nodes.store import Pool

BROWSER_COOKIE: Final = "nightjar_browser"
_DECISION: Final = "enrolment decision"
_POOLS: Final[Mapping[str, Pool]] = {"own": "own", "organisation": "organisation", "none": "none"}


def router(enrolment: Enrolment, visitors: Visitors) -> APIRouter:
    """GET /enrol, /enrol/here/{…}, /enrol/proved; POST /enrol/{sign-in, sign-out, code, decide}."""
    routes = APIRouter(prefix="/enrol", include_in_schema=False)
    pages = _EnrolPages(enrolment, visitors)
    routes.add_api_route("", pages.code, methods=["GET"])
    routes.add_api_route("/here/{sealed}", pages.here, methods=["GET"])
    routes.add_api_route("/proved", pages.proved, methods=["GET"])
    routes.add_api_route("/sign-in", pages.sign_in, methods=["POST"])
    routes.add_api_route("/sign-out", pages.sign_out, methods=["POST"])
    routes.add_api_route("/code", pages.look_up, methods=["POST"])
    routes.add_api_route("/decide", pages.decide, methods=["POST"])
    return routes


def sign_in_page(next_page: str, problem: str = "", *, status: int = 200) -> Response:
    return page("sign_in.html", status=status, next_page=next_page, problem=problem)


def strange_form(*, status: int = 400) -> Response:
    text = "This form is too old, or another site sent it. Go back to the page, reload it and try again."
    return page("word.html", status=status, title="That did not work", text=text, tone="bad")


class _EnrolPages:
    def __init__(self, enrolment: Enrolment, visitors: Visitors) -> None:
        self._enrolment = enrolment
        self._visitors = visitors

    # --- signing in -------------------------------------------------------------------------------------------------

    async def sign_in(self, request: Request) -> Response:
        try:
            fields = await form(request)
        except FormUnreadable:
            return strange_form()
        if sent_by_another_site(request):
            return strange_form(status=403)
        next_page = local_path(fields.get("next", ""), otherwise="/console")
        who = await self._visitors.check_key(request, fields.get("key", ""))
        if isinstance(who, str):
            return sign_in_page(next_page, who, status=401)
        response = go_to(next_page)
        self._visitors.sign_in(response, who, secure=request.url.scheme == "https")
        return response

    async def sign_out(self, request: Request) -> Response:
        if sent_by_another_site(request):
            return strange_form(status=403)
        response = go_to("/console")
        self._visitors.sign_out(response)
        return response

    # --- by code ----------------------------------------------------------------------------------------------------

    async def code(self, request: Request) -> Response:
        visitor = await self._visitors.recognise(request)
        if visitor is None:
            return sign_in_page("/enrol")
        return self._code_page(request, visitor)

    async def look_up(self, request: Request) -> Response:
        sent = await self._visitors.own_form(request)
        if sent is None:
            return strange_form()
        visitor, fields = sent
        typed = fields.get("code", "")
        try:
            application = await self._enrolment.find(typed, visitor.who.person)
        except EnrolmentRefused as refused:
            return self._code_page(request, visitor, refused.message, typed[:16])
        return self._confirm_page(visitor, application, proved=False)

    # --- by the loopback proof --------------------------------------------------------------------------------------

    async def here(self, request: Request, sealed: str) -> Response:
        browser = secrets.token_urlsafe(32)
        target = self._enrolment.visit(sealed, browser)
        if target is None:
            return _expired()
        response = go_to(target)
        # Lax: the desktop sends the browser back from 127.0.0.1, which is another site.
        response.set_cookie(
            BROWSER_COOKIE,
            browser,
            max_age=round(self._enrolment.settings.code_s),
            httponly=True,
            secure=request.url.scheme == "https",
            samesite="lax",
            path="/enrol",
        )
        return response

    async def proved(self, request: Request, proof: str = "", again: bool = False) -> Response:  # noqa: FBT001, FBT002
        visitor = await self._visitors.recognise(request)
        here = f"/enrol/proved?proof={proof}&again=1"
        if visitor is None:
            # The strict cookie does not come along from 127.0.0.1. A page of ours that goes on by itself brings it.
            return sign_in_page(here) if again else page("onward.html", url=here)
        application = await self._enrolment.proved(proof, request.cookies.get(BROWSER_COOKIE, ""))
        if application is None:
            return self._code_page(request, visitor)
        try:
            application = await self._enrolment.again(application.id)
        except EnrolmentRefused as refused:
            return page("word.html", title="Too late", text=refused.message, tone="attention")
        return self._confirm_page(visitor, application, proved=True)

    # --- deciding ---------------------------------------------------------------------------------------------------

    async def decide(self, request: Request) -> Response:
        sent = await self._visitors.own_form(request)
        if sent is None:
            return strange_form()
        visitor, fields = sent
        facts = self._visitors.entrusted(visitor.who, _DECISION, fields.get("application", ""))
        if facts is None:
            return _expired()
        proved = facts["proved"] == "yes"
        try:
            application = await self._enrolment.again(bytes.fromhex(facts["id"]))
            if fields.get("decision") != "approve":
                await self._enrolment.deny(application, visitor.who.approver)
                return page("declined.html", name=application.name)
            pool = self._pool(visitor, fields.get("pool", "none"))
            if not proved and not self._is_fresh(visitor):
                problem = await self._other_than(request, fields.get("key", ""), visitor.who)
                if problem:
                    return self._confirm_page(visitor, application, proved=False, pool=pool, problem=problem)
            node = await self._enrolment.approve(application, visitor.who.approver, pool=pool)
        except EnrolmentRefused as refused:
            return page("word.html", title="That did not work", text=refused.message, tone="attention")
        return page("approved.html", name=node.name, pool=node.pool, organisation=visitor.who.organisation_name)

    # --- parts ------------------------------------------------------------------------------------------------------

    async def _other_than(self, request: Request, key: str, who: Person) -> str:
        """Why a key typed once more does not confirm that it is still this person; empty if it does."""
        again = await self._visitors.check_key(request, key)
        if isinstance(again, str):
            return again
        same = again.person == who.person and again.organisation == who.organisation
        return "" if same else "This key is somebody else's. Use one of your own."

    def _is_fresh(self, visitor: Visitor) -> bool:
        return visitor.age_s <= self._enrolment.settings.fresh_sign_in_s

    def _pool(self, visitor: Visitor, wanted: str) -> Pool:
        if wanted == "organisation" and not visitor.who.is_admin:
            return "none"
        return _POOLS.get(wanted, "none")

    def _code_page(self, request: Request, visitor: Visitor, problem: str = "", typed: str = "") -> Response:
        relay = site_of(request)
        return page(
            "code.html",
            status=400 if problem else 200,
            visitor=visitor,
            problem=problem,
            typed=typed,
            relay=relay,
            only_here=is_only_here(relay),
        )

    def _confirm_page(
        self, visitor: Visitor, application: Application, *, proved: bool, pool: Pool = "own", problem: str = ""
    ) -> Response:
        facts = {"id": application.id.hex(), "proved": "yes" if proved else "no"}
        return page(
            "confirm.html",
            status=400 if problem else 200,
            visitor=visitor,
            application=self._visitors.entrust(visitor.who, _DECISION, facts),
            name=application.name,
            rows=describe(application.facts, application.address),
            proved=proved,
            pool=pool,
            wants_key=not proved and not self._is_fresh(visitor),
            problem=problem,
        )


def _expired() -> Response:
    text = "This page is no longer valid. Start the enrolment again in the app on the PC."
    return page("word.html", status=410, title="Too late", text=text, tone="attention")
