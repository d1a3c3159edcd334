"""Which source is believed, and that nobody's silence is taken for absence."""

from __future__ import annotations

import time
from typing import Any

import pytest

from desktop.errors import SourceSilent
from desktop.system.bus import Bus
from desktop.system.idle import choose
from desktop.system.idle.choose import IdleClock, linux_sources
from desktop.system.idle.x11 import XServer


class Told:
    """A source that says what it is told to; silent where that is a reason."""

    def __init__(self, name: str, idle_s: float | str) -> None:
        self.name = name
        self.says = idle_s
        self.opened = 0
        self.closed = 0

    async def open(self) -> None:
        self.opened += 1
        if isinstance(self.says, str):
            raise SourceSilent(self.name, self.says)

    async def input_at(self, now: float) -> float:
        if isinstance(self.says, str):
            raise SourceSilent(self.name, self.says)
        return now - self.says

    async def close(self) -> None:
        self.closed += 1


async def idle_s(clock: IdleClock) -> Any:
    presence = await clock.look()
    moment = presence.input_at
    return round(time.time() - moment) if isinstance(moment, float) else presence.problem


async def test_the_first_that_answers_is_believed_and_the_others_are_let_be() -> None:
    first, second, third = Told("a", "not here"), Told("b", 100), Told("c", 5)
    clock = IdleClock([first, second, third], None, graphical=True)
    assert await idle_s(clock) == 100
    assert third.opened == 0
    assert [(verdict.source, verdict.problem) for verdict in clock.verdicts] == [("a", "not here"), ("b", "")]


async def test_who_types_over_ssh_counts_beside_the_desktop() -> None:
    """A person at a remote shell: FoldingAtHome/fah-issues#1674, BOINC/boinc#5132."""
    assert await idle_s(IdleClock([Told("desktop", 4000)], Told("terminals", 20), graphical=True)) == 20


async def test_on_a_server_terminals_are_enough() -> None:
    presence = await IdleClock([], Told("terminals", 300), graphical=False).look()
    assert presence.source == "terminals"


async def test_a_desktop_that_none_can_read_is_unknown_however_quiet_its_terminals() -> None:
    """Always idle on a desktop nobody could read: BOINC/boinc#1187, #3715, #5223."""
    clock = IdleClock([Told("a", "not here")], Told("terminals", 9000), graphical=True)
    assert await idle_s(clock) == "this desktop offers no source that it knows"


async def test_a_container_with_nothing_is_unknown() -> None:
    clock = IdleClock([], Told("terminals", "there is no console here"), graphical=False)
    assert await idle_s(clock) == "there is neither a desktop nor a console here"


async def test_a_chosen_source_that_falls_silent_is_unknown_at_once_and_chosen_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desktop = Told("desktop", 100)
    clock = IdleClock([desktop], Told("terminals", 9000), graphical=True)
    assert await idle_s(clock) == 100
    desktop.says = "it hangs"
    assert await idle_s(clock) == "it hangs"
    desktop.says = 200
    assert await idle_s(clock) == "it hangs", "it is not asked again at once"
    monkeypatch.setattr(choose, "_SOON_S", 0.0)
    clock._not_before = float("-inf")
    assert await idle_s(clock) == 200


@pytest.mark.parametrize(
    ("session", "names"),
    [
        ({}, []),
        ({"DISPLAY": ":0"}, ["X11 (XScreenSaver)"]),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, ["Wayland (ext_idle_notify_v1)"]),
        (
            {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x", "DISPLAY": ":0"},
            ["GNOME (Mutter)", "KDE Plasma", "X11 (XScreenSaver)"],
        ),
    ],
)
def test_what_a_session_may_offer_and_that_xwayland_is_not_asked(
    session: dict[str, str], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in session.items():
        monkeypatch.setenv(name, value)
    assert [source.name for source in linux_sources(Bus("session"), XServer())] == names
    assert choose.graphical() is bool(set(session) - {"DBUS_SESSION_BUS_ADDRESS"})
