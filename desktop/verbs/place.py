"""Whose models and earnings a verb is about: the app's node, or that of `nightjar local` where only that one runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.agent.membership import Member, Memberships
from desktop.errors import CommandRefused
from desktop.system.paths import Paths

if TYPE_CHECKING:
    from desktop.models.catalogue import Catalogue
    from desktop.models.store import Store


def paths() -> Paths:
    """The folders of the agent that is meant."""
    own = Paths.for_user()
    local = own.local_node
    return local if local.control.exists() and not own.control.exists() else own


async def member() -> Member | None:
    """This PC as a node, if it is one. Raises SettingsUnreadable, SecretUnavailable."""
    memberships = Memberships(paths())
    await memberships.load()
    return memberships.member


async def enrolled() -> Member:
    """As `member`. Raises CommandRefused where there is none."""
    found = await member()
    if found is None:
        remedy = "Enrol it: nightjar enroll --relay URL"
        if paths().local_node.data.exists():
            remedy += "; or start `nightjar local` again, whose own relay knows of its node"
        raise CommandRefused("This PC is not enrolled at a relay, which is who knows this.", remedy)
    return found


def store() -> Store:
    """The library of the agent that is meant."""
    from desktop.models.store import Store

    return Store(paths().data)


async def catalogue_now() -> tuple[Catalogue, str]:
    """The relay's list; where it cannot be had, the last one, and a sentence that says so."""
    from desktop.agent.listing import Listing
    from desktop.agent.relay_view import RelaySilent

    listing, node = Listing(paths().data), await member()
    if node is None:
        return listing.current(None), "This PC is not enrolled at a relay; this is what comes with Nightjar."
    try:
        return await listing.refresh(node), ""
    except RelaySilent as error:
        return listing.current(node), f"{error} This is the catalogue as it was."
