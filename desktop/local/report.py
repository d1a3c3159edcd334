"""What a person, or a program, hears of a run of `nightjar local`, from the relay's first moment on.

People get the addresses as soon as the relay listens, and below them one line for what the node is doing if that takes
long. A program gets one line, once the first call would be answered, or the error that keeps it from ever being so.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Protocol

from typing_extensions import override

from desktop.agent.sharing.words import typed
from desktop.agent.state import Reason, Sharing, Snapshot
from desktop.errors import DesktopError, LocalNodeFailed
from desktop.local.ready import Ready, as_json, as_text

PATIENCE_S = 3.0
"""A demo model is ready sooner; a line for each step of an ordinary start would be noise."""

_READY = "Ready: this PC answers now."


class Report(Protocol):
    """`began` once; then `look` on the agent's thread, for every snapshot."""

    def began(self, ready: Ready) -> None: ...

    def look(self, snapshot: Snapshot) -> None: ...


MakeReport = Callable[[Callable[[DesktopError], None]], Report]
"""Given what ends the run with an error."""


class TextReport(Report):
    """For people; never ends a run: relay and console are of use without a node too."""

    def __init__(self, fail: Callable[[DesktopError], None]) -> None:  # noqa: ARG002 -- one of two kinds
        self._timer: asyncio.TimerHandle | None = None
        self._sharing: Sharing | None = None
        self._said = ""

    @override
    def began(self, ready: Ready) -> None:
        _write(as_text(ready))

    @override
    def look(self, snapshot: Snapshot) -> None:
        self._sharing = snapshot.sharing
        if snapshot.sharing.sharing:
            self._stop()
            self._say(_READY)
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._still)

    def _still(self) -> None:
        self._stop()
        if self._sharing is not None and self._sharing.reason is not Reason.SHUTTING_DOWN:
            self._say(f"{self._sharing.sentence} {_remedy(self._sharing)}".strip())

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _say(self, line: str) -> None:
        if line != self._said:
            self._said = line
            _write(line)


class JsonReport(Report):
    """For programs: one line when ready. What will not go away by itself ends the run instead, until then."""

    def __init__(self, fail: Callable[[DesktopError], None]) -> None:
        self._fail = fail
        self._ready: Ready | None = None

    @override
    def began(self, ready: Ready) -> None:
        self._ready = ready

    @override
    def look(self, snapshot: Snapshot) -> None:
        if self._ready is None:
            return
        if snapshot.sharing.sharing:
            _write(as_json(self._ready))
        elif (error := lasting(snapshot)) is not None:
            self._fail(error)
        else:
            return
        self._ready = None


def lasting(snapshot: Snapshot) -> LocalNodeFailed | None:
    """What keeps this node from serving until somebody does something about it."""
    sharing, enrolment = snapshot.sharing, snapshot.enrolment
    barred = sharing.reason is Reason.NOT_ENROLLED and enrolment.kind == "none" and bool(enrolment.problem)
    refused = sharing.reason is Reason.RELAY_UNREACHABLE and snapshot.link.refused
    if barred or refused or sharing.reason in (Reason.NO_MODEL, Reason.MODE_OFF):
        return LocalNodeFailed(sharing.sentence, _remedy(sharing))
    return None


def _remedy(sharing: Sharing) -> str:
    """Nobody need enrol this node: every start sees to that."""
    return "Start `nightjar local` again." if sharing.reason is Reason.NOT_ENROLLED else typed(sharing)


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
