"""Whose models and earnings a verb is about: the app's node, or that of `nightjar local` where only that one runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.system.paths import Paths

if TYPE_CHECKING:
    from desktop.agent.membership import Member
    from desktop.models.catalogue import Catalogue
    from desktop.models.store import Store


def paths() -> Paths:
    """The folders of the agent that is meant."""
    own = Paths.for_user()
    local = own.local_node
    return local if local.control.exists() and not own.control.exists() else own


async def enrolled() -> Member:
    """This PC as a node. Raises CommandRefused where it is none."""
    from desktop.agent import books

    return await books.enrolled(paths())


def store() -> Store:
    """The library of the agent that is meant."""
    from desktop.models.store import Store

    return Store(paths().data)


async def catalogue_now() -> tuple[Catalogue, str]:
    """The relay's list; where it cannot be had, the last one, and a sentence that says so."""
    from desktop.agent import books

    return await books.catalogue_now(paths())
