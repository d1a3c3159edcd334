"""Whose models and earnings a verb is about: the app's node, or that of `nightjar local` where only that one runs."""

from __future__ import annotations

from desktop.agent.membership import Member, Memberships
from desktop.errors import CommandRefused
from desktop.system.paths import Paths


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
        raise CommandRefused(
            "This PC is not enrolled at a relay, which is who knows this.", "Enrol it: nightjar enroll --relay URL"
        )
    return found
