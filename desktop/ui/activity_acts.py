"""What the Activity page does: asks the relay for the answers of this PC while the page is seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from PySide6.QtCore import QObject, QTimer

from desktop.agent.state import Snapshot
from desktop.errors import DesktopError
from desktop.ui.activity_presenter import PAGE, ActivityFacts, ActivityPresenter
from desktop.ui.background import Runs
from desktop.ui.earnings_acts import Served
from desktop.ui.pages.activity import ActivityPage

_ASK_MS = 30_000
"""How often the relay is asked while the page is seen."""


class AsksServed(Protocol):
    """`Books`, or a test's. Blocking; raises DesktopError."""

    def served(self, limit: int, /) -> Served: ...


class ActivityActs(QObject):
    """Asks only while the page is seen, and only for a PC that a relay knows."""

    def __init__(
        self,
        page: ActivityPage,
        asks: AsksServed,
        background: Runs,
        presenter: ActivityPresenter,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(page)
        self.page, self._asks, self._background = page, asks, background
        self._presenter, self._clock = presenter, clock
        self._facts = ActivityFacts()
        self._snapshot: Snapshot | None = None
        self._node = ""
        self._seen = False
        self._again = QTimer(self, interval=_ASK_MS)
        self._again.timeout.connect(self._ask)
        page.again_asked.connect(self._ask)
        page.more_asked.connect(self._want_more)

    def show(self, snapshot: Snapshot | None) -> None:
        """The newest snapshot, while the page is seen."""
        node = snapshot.enrolment.node_id if snapshot is not None else self._node
        another = node != self._node
        if another:
            self._node, self._facts = node, ActivityFacts()
        self._snapshot = snapshot
        if not self._seen or another:
            self._seen = True
            self._again.start()
            self._ask()
        self._refresh()

    def hide(self) -> None:
        """Nobody sees the page: nobody is asked."""
        self._seen = False
        self._again.stop()

    def close(self) -> None:
        """Nothing of it takes long."""
        self.hide()

    @property
    def ticking(self) -> bool:
        """No text of the page counts down."""
        return False

    def _refresh(self) -> None:
        if self._seen:
            self.page.show_view(self._presenter.page(self._facts, self._snapshot, self._clock()))

    def _know(self, **changed: object) -> None:
        self._facts = replace(self._facts, **changed)  # type: ignore[arg-type]
        self._refresh()

    def _ask(self) -> None:
        """For one answer more than is shown: it tells whether there are older ones."""
        known = self._snapshot is not None and self._snapshot.enrolment.kind == "enrolled"
        if self._facts.asking or not known:
            return
        wanted, node = self._facts.wanted, self._node
        self._know(asking=True)
        self._background.run(
            lambda: self._asks.served(wanted + 1),
            lambda found: self._told(found, wanted, node),
            lambda error: self._not_told(error, node),
        )

    def _told(self, found: Served, wanted: int, node: str) -> None:
        if node != self._node:
            return
        answers, reasons = found
        self._know(
            answers=tuple(answers[:wanted]),
            reasons=tuple(reasons),
            more=len(answers) > wanted,
            asking=False,
            problem="",
        )
        if wanted != self._facts.wanted:
            self._ask()

    def _not_told(self, error: DesktopError, node: str) -> None:
        if node == self._node:
            self._know(asking=False, problem=error.line())

    def _want_more(self) -> None:
        self._know(wanted=self._facts.wanted + PAGE)
        self._ask()
