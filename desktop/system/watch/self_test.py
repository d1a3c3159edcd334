"""What each source answers right now: the choice of sources, and why the others were not chosen, for people."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from desktop.errors import SourceSilent
from desktop.system.conditions import Power, Unknown
from desktop.system.watch.senses import Seats, Senses

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """`ok` is None where this PC lacks something it need not have."""

    concern: str
    source: str
    ok: bool | None
    says: str


async def self_test(senses: Senses) -> list[Finding]:
    """Asks every source once; takes some seconds where one hangs."""
    findings = await _idle(senses)
    for use in senses.uses:
        concern = "films and calls" if use.kind == "call_or_video" else "games and full screen"
        findings.append(await _asked(concern, use.name, use.look, lambda words: words or "nothing now"))
    for source in senses.power:
        findings.append(await _asked("power", source.name, source.look, _power))
    if senses.login is not None:
        findings.append(await _asked("sleep and lock", senses.login.name, senses.login.seats, _seats))
    if senses.network is not None:
        findings.append(await _asked("network", senses.network.name, senses.network.metered, _metered))
    heat = senses.heat()
    says = "no sensor" if heat.celsius is None else f"{heat.celsius:.0f} °C"
    findings.append(Finding("heat", "processor", None if heat.celsius is None else True, says))
    cards = await senses.cards.look()
    if isinstance(cards.others, Unknown):
        findings.append(Finding("graphics card", "driver", ok=False, says="it does not answer: it counts as in use"))
    elif senses.cards.there:
        findings.append(Finding("graphics card", "driver", ok=True, says=f"{cards.others:.0%} used by others"))
    else:
        findings.append(Finding("graphics card", "driver", ok=None, says="there is none that models can run on"))
    return findings


async def _idle(senses: Senses) -> list[Finding]:
    presence = await senses.idle.look()
    found = [
        Finding("last input", each.source, None if each.problem else True, each.problem or "answers")
        for each in senses.idle.verdicts
    ]
    if isinstance(presence.input_at, Unknown):
        return [
            *found,
            Finding("last input", "all together", ok=False, says=f"{presence.problem}: it counts as in use"),
        ]
    ago = max(0.0, time.time() - presence.input_at)
    return [*found, Finding("last input", "all together", ok=True, says=f"{ago:.0f} s ago")]


async def _asked(concern: str, source: str, look: Callable[[], Awaitable[T]], said: Callable[[T], str]) -> Finding:
    try:
        return Finding(concern, source, ok=True, says=said(await look()))
    except SourceSilent as error:
        return Finding(concern, source, ok=None, says=error.why)


def _power(power: Power) -> str:
    words = "on battery" if power.on_battery else "on mains"
    words += f", {power.percent:.0f} %" if power.percent is not None else ""
    return words + (", saving energy" if power.saver else "")


def _seats(seats: Seats) -> str:
    return ("locked" if seats.locked else "not locked") + (", somebody else is here" if seats.other_active else "")


def _metered(metered: bool) -> str:  # noqa: FBT001 -- what the network manager says
    return "costs by the byte" if metered else "does not cost by the byte"
