"""The console's home: where the API is, which nodes there are and what they do, how to point a client here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Connection, func, select

from relay.clock import Clock
from relay.console.enrol import sign_in_page, strange_form
from relay.console.pages import go_to, is_only_here, page, site_of, style
from relay.console.visitors import Visitor, Visitors
from relay.nodes import store
from relay.nodes.link import NodeLink
from relay.nodes.registry import Registry
from relay.nodes.store import NodeRecord, NoSuchNode, Pool
from relay.storage.engine import Database
from relay.storage.ids import NodeId
from relay.storage.tables import providers

POOL_NAMES: Final[dict[Pool, str]] = {
    "none": "Nobody yet",
    "own": "Only you",
    "organisation": "Your organisation",
    "trusted": "Trusted organisations",
    "community": "Everyone",
}
SAVED: Final[dict[Pool, str]] = {
    "none": "Saved: nobody may use {name} for now.",
    "own": "Saved: {name} now serves calls made with your own keys.",
    "organisation": "Saved: {name} now serves everyone in your organisation.",
}
PAUSES: Final = {
    "no_model": "Connected, but it has no model to run.",
    "shutting_down": "Nightjar is being closed on that PC.",
    "mode_off": "Its owner has turned sharing off.",
    "owner_active": "Paused while its owner uses it.",
    "warming_up": "Loading its model.",
}
"""By the word a node gives as its reason; a word that is not here is of a newer app."""
CHOICES: Final[tuple[Pool, ...]] = ("own", "organisation", "none")
"""What can be chosen here; the other pools come with the rules they need."""


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node as the page shows it. `tone` is one of good, calm, attention, bad."""

    id: NodeId
    name: str
    state: str
    tone: str
    models: str
    pool: Pool
    pool_name: str
    may_change: bool


def router(database: Database, registry: Registry, visitors: Visitors, *, clock: Clock) -> APIRouter:
    """GET /console; POST /console/nodes/{id}/{pool, revoke}; the style sheet."""
    routes = APIRouter(prefix="/console", include_in_schema=False)
    pages = _HomePages(database, registry, visitors, clock)
    routes.add_api_route("", pages.home, methods=["GET"])
    routes.add_api_route("/nodes/{node}/pool", pages.set_pool, methods=["POST"])
    routes.add_api_route("/nodes/{node}/revoke", pages.revoke, methods=["POST"])
    routes.add_api_route("/static/{name}.css", _style, methods=["GET"])
    return routes


async def _style(name: str) -> Response:  # noqa: ARG001 - it is there to change with the content
    return style()


class _HomePages:
    def __init__(self, database: Database, registry: Registry, visitors: Visitors, clock: Clock) -> None:
        self._database = database
        self._registry = registry
        self._visitors = visitors
        self._clock = clock

    async def home(self, request: Request) -> Response:
        visitor = await self._visitors.recognise(request)
        if visitor is None:
            return sign_in_page("/console")
        organisation = visitor.who.organisation

        def look(connection: Connection) -> tuple[Sequence[NodeRecord], int]:
            return store.nodes_of(connection, organisation), _providers(connection)

        nodes, provider_count = await self._database.read(look)
        relay = site_of(request)
        now_s = self._clock.now_ms() / 1000
        rows = [_row(node, self._registry.get(node.id), visitor, now_s) for node in nodes]
        choices = [pool for pool in CHOICES if pool != "organisation" or visitor.who.is_admin]
        models = sorted(
            {name for name, links in self._registry.models().items() for link in links if _may_see(link, visitor)}
        )
        return page(
            "home.html",
            visitor=visitor,
            notice=_notice(request, nodes),
            relay=relay,
            only_here=is_only_here(relay),
            endpoint=relay + "/v1",
            nodes=rows,
            providers=_provider_sentence(provider_count),
            choices=[(pool, POOL_NAMES[pool]) for pool in choices],
            models=models,
            example_model=models[0] if models else "MODEL",
        )

    async def set_pool(self, request: Request, node: str) -> Response:
        sent = await self._visitors.own_form(request)
        if sent is None:
            return strange_form()
        visitor, fields = sent
        pool = next((each for each in CHOICES if each == fields.get("pool")), None)
        if pool is None or (pool == "organisation" and not visitor.who.is_admin):
            return strange_form()
        return await self._change(
            visitor,
            NodeId(node),
            lambda connection: store.set_pool(
                connection, NodeId(node), pool=pool, organisation=visitor.who.organisation
            ),
            then=f"/console?saved={node}",
        )

    async def revoke(self, request: Request, node: str) -> Response:
        sent = await self._visitors.own_form(request)
        if sent is None:
            return strange_form()
        visitor, _ = sent
        at_ms = self._clock.now_ms()
        return await self._change(
            visitor,
            NodeId(node),
            lambda connection: store.revoke(
                connection, NodeId(node), organisation=visitor.who.organisation, at_ms=at_ms
            ),
            then="/console?revoked",
        )

    async def _change(
        self, visitor: Visitor, node: NodeId, change: Callable[[Connection], None], *, then: str
    ) -> Response:
        """Only the node's owner and the organisation's admins may."""

        def work(connection: Connection) -> bool:
            found = store.known(connection, node)
            if found is None or not _may_change(found.record, visitor):
                return False
            change(connection)
            return True

        try:
            done = await self._database.write(work)
        except NoSuchNode:
            done = False
        if not done:
            text = "There is no such node, or it is not yours to change."
            return page("word.html", status=404, title="Not changed", text=text, tone="attention")
        return go_to(then)


def _notice(request: Request, nodes: Sequence[NodeRecord]) -> str:
    """What the form before did. An address says only which node; the words are from what is stored about it now."""
    if "revoked" in request.query_params:
        return "Revoked. The PC is no node of this relay any more."
    saved = next((node for node in nodes if node.id == request.query_params.get("saved")), None)
    return SAVED[saved.pool].format(name=saved.name) if saved is not None and saved.pool in SAVED else ""


def _may_change(node: NodeRecord, visitor: Visitor) -> bool:
    return node.organisation == visitor.who.organisation and (node.owner == visitor.who.person or visitor.who.is_admin)


def _may_see(link: NodeLink, visitor: Visitor) -> bool:
    return link.node.organisation == visitor.who.organisation


def _providers(connection: Connection) -> int:
    query = select(func.count()).select_from(providers).where(providers.c.disabled_ms.is_(None))
    return connection.execute(query).scalar_one()


def _provider_sentence(count: int) -> str:
    if count == 0:
        return "No cloud provider is set up."
    return "One cloud provider is set up." if count == 1 else f"{count} cloud providers are set up."


def _row(node: NodeRecord, link: NodeLink | None, visitor: Visitor, now_s: float) -> NodeRow:
    state, tone = _state(node, link, now_s)
    return NodeRow(
        id=node.id,
        name=node.name,
        state=state,
        tone=tone,
        models=", ".join(sorted(link.models)) if link is not None else "",
        pool=node.pool,
        pool_name=POOL_NAMES[node.pool],
        may_change=_may_change(node, visitor),
    )


def _state(node: NodeRecord, link: NodeLink | None, now_s: float) -> tuple[str, str]:
    """What the node is doing, in one sentence, and its tone."""
    if node.suspended_ms is not None:
        cloned = node.suspended_reason == "cloned"
        reason = "its key was used on two computers" if cloned else str(node.suspended_reason)
        return f"Suspended: {reason}. Revoke it, then enrol the PC again.", "bad"
    if link is None:
        return ("Not connected." if node.seen_ms else "Enrolled, not connected yet."), "calm"
    if link.running:
        return f"Answering {link.running} call{'s' if link.running != 1 else ''}.", "good"
    if link.takes_calls:
        return "Ready for calls.", "good"
    return pause_of(link, now_s), "attention"


def pause_of(link: NodeLink, now_s: float) -> str:
    """Why a connected node takes no calls, as a sentence."""
    status = link.status
    if status is None:
        return "Connected, starting."
    if status.sharing:
        return PAUSES["shutting_down"]
    if status.reason == "snoozed":
        return f"Paused by its owner{_for_another(status.until, now_s)}."
    return PAUSES.get(status.reason, "Connected, not sharing just now.")


def _for_another(until: float | None, now_s: float) -> str:
    """A span, not a time of day: the page does not know the reader's time zone."""
    minutes = 0 if until is None else math.ceil((until - now_s) / 60)
    if minutes <= 0:
        return ""
    if minutes >= 120:
        return f" for another {round(minutes / 60)} hours"
    return f" for another {minutes} minute{'s' if minutes != 1 else ''}"
