"""All pages together, as the composition root mounts them."""

from __future__ import annotations

from fastapi import APIRouter

from relay.accounts.keys import Keyring
from relay.clock import Clock
from relay.console import enrol, home
from relay.console.visitors import Visitors
from relay.nodes.enrolment import Enrolment
from relay.nodes.registry import Registry
from relay.storage.engine import Database


def router(
    database: Database, keyring: Keyring, enrolment: Enrolment, *, registry: Registry, clock: Clock
) -> APIRouter:
    """Everything under /enrol and /console."""
    visitors = Visitors(database, keyring, enrolment.seals, clock=clock, settings=enrolment.settings)
    routes = APIRouter()
    routes.include_router(enrol.router(enrolment, visitors))
    routes.include_router(home.router(database, registry, visitors, clock=clock))
    return routes
