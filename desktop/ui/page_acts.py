"""What the acts of most pages have in common: they look when their page is opened and every so often while it is seen,
keep what they know as facts, and draw it anew when it changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from desktop.agent.state import Snapshot
from desktop.errors import DesktopError
from desktop.ui.background import Runs
from desktop.ui.relay_facts import RelayFacts

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Facts = TypeVar("Facts", bound="DataclassInstance")
Known = TypeVar("Known", bound=RelayFacts)
Told = TypeVar("Told")


class PageActs(QObject, Generic[Facts]):
    """A `Screen` but for its page: nothing is looked at or drawn while nobody sees it.

    A page's own acts say how they look (`_look`) and draw (`_draw`).
    """

    def __init__(self, page: QWidget, facts: Facts, background: Runs, *, every_ms: int) -> None:
        super().__init__(page)
        self._facts, self._background = facts, background
        self._snapshot: Snapshot | None = None
        self._seen = False
        self._again = QTimer(self, interval=every_ms)
        self._again.timeout.connect(self._look)

    def show(self, snapshot: Snapshot | None, /) -> None:
        """The newest snapshot, while the page is seen."""
        before, self._snapshot = self._standing, snapshot
        if not self._seen:
            self._seen = True
            self._again.start()
            self._opened()
        elif before != self._standing:
            self._stirred()
        self._refresh()

    def hide(self) -> None:
        """Nobody sees the page: nothing is looked at."""
        self._seen = False
        self._again.stop()

    def close(self) -> None:
        """For acts of which none takes long."""
        self.hide()

    @property
    def ticking(self) -> bool:
        """For a page of which no text counts down."""
        return False

    @property
    def _standing(self) -> object:
        """Which node this PC is, and whether there is contact with its relay; None while there is no agent."""
        there = self._snapshot
        return there and (there.enrolment.node_id, there.link.kind == "ready")

    def _opened(self) -> None:
        """The page is seen again."""
        self._look()

    def _stirred(self) -> None:
        """The standing is another one, so what the page says may not hold any more. Most pages look soon anyway."""

    def _look(self) -> None:
        raise NotImplementedError

    def _draw(self) -> None:
        raise NotImplementedError

    def _refresh(self) -> None:
        if self._seen:
            self._draw()

    def _know(self, **changed: object) -> None:
        self._facts = replace(self._facts, **changed)
        self._refresh()


class RelayActs(PageActs[Known], Generic[Known, Told]):
    """Asks the relay about this PC's node, one question at a time; a PC that no relay knows asks nothing.

    A page's own acts say what is wanted (`_wanted`: how many days, or answers), how it is asked for (`_ask`), and what
    facts its answer makes (`_learned`). What was told about a node that this PC no longer is is forgotten.
    """

    def __init__(self, page: QWidget, facts: Known, background: Runs, *, every_ms: int) -> None:
        super().__init__(page, facts, background, every_ms=every_ms)
        self._node = ""

    def _wanted(self) -> int:
        raise NotImplementedError

    def _ask(self, wanted: int) -> Told:
        """On a thread that is not Qt's. Blocks; raises DesktopError."""
        raise NotImplementedError

    def _learned(self, told: Told, wanted: int) -> Known:
        """What is known now that the relay told this, `wanted` having been asked for."""
        raise NotImplementedError

    def _forgotten(self) -> Known:
        """What is known of a node about which nothing was told yet."""
        raise NotImplementedError

    @override
    def _stirred(self) -> None:
        self._look()

    @override
    def _look(self) -> None:
        if self._snapshot is None:
            return
        enrolment = self._snapshot.enrolment
        if enrolment.node_id != self._node:
            self._node, self._facts = enrolment.node_id, self._forgotten()
        if self._facts.asking or enrolment.kind != "enrolled":
            return
        asked = _Asked(self._wanted(), self._node, self._standing)
        self._know(asking=True)
        self._background.run(
            lambda: self._ask(asked.wanted),
            lambda told: self._answered(told, asked),
            lambda error: self._unanswered(error, asked),
        )

    def _answered(self, told: Told, asked: _Asked) -> None:
        if asked.node == self._node:
            self._facts = self._learned(told, asked.wanted)
            self._ended(asked)

    def _unanswered(self, error: DesktopError, asked: _Asked) -> None:
        if asked.node == self._node:
            self._ended(asked, error.line())

    def _ended(self, asked: _Asked, problem: str = "") -> None:
        self._know(asking=False, problem=problem)
        if asked != _Asked(self._wanted(), self._node, self._standing):
            self._look()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question: what was wanted, of which node, and how things stood then."""

    wanted: int
    node: str
    standing: object
