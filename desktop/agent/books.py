"""What the owner of one data folder asks the relay, from whatever program: catalogue, earnings, answers served.

Each question is one function over the folders; nothing here needs the running agent.
"""

from __future__ import annotations

from desktop.agent.listing import Listing
from desktop.agent.membership import Member, Memberships
from desktop.agent.relay_view import AnswerTold, EarningsTold, ReasonTold, RelaySilent, RelayView
from desktop.errors import CommandRefused
from desktop.models.catalogue import Catalogue
from desktop.system.paths import Paths


async def member_of(paths: Paths) -> Member | None:
    """This PC as a node, if it is one. Raises SettingsUnreadable, SecretUnavailable."""
    memberships = Memberships(paths)
    await memberships.load()
    return memberships.member


async def enrolled(paths: Paths) -> Member:
    """As `member_of`. Raises CommandRefused where there is none."""
    found = await member_of(paths)
    if found is None:
        remedy = "Enrol it: nightjar enroll --relay URL"
        if paths.local_node.data.exists():
            remedy += "; or start `nightjar local` again, whose own relay knows of its node"
        raise CommandRefused("This PC is not enrolled at a relay, which is who knows this.", remedy)
    return found


async def catalogue_now(paths: Paths) -> tuple[Catalogue, str]:
    """The relay's list; where it cannot be had, the last one, and a sentence that says so."""
    listing, node = Listing(paths.data), await member_of(paths)
    if node is None:
        return listing.current(None), "This PC is not enrolled at a relay; this is what comes with Nightjar."
    try:
        return await listing.refresh(node), ""
    except RelaySilent as error:
        return listing.current(node), f"{error} This is the catalogue as it was."


async def earned(paths: Paths, days: int) -> tuple[EarningsTold, list[ReasonTold]]:
    """Sums with the last `days` days, and what stands in the way of more. Raises DesktopError."""
    view = RelayView(await enrolled(paths))
    return await view.earnings(days), await view.reasons()


async def served(paths: Paths, limit: int) -> list[AnswerTold]:
    """The newest answers. Raises DesktopError."""
    return await RelayView(await enrolled(paths)).all_answers(limit)


async def served_and_reasons(paths: Paths, limit: int) -> tuple[list[AnswerTold], list[ReasonTold]]:
    """As `served`, with why there are not more. Raises DesktopError."""
    view = RelayView(await enrolled(paths))
    return await view.all_answers(limit), await view.reasons()
