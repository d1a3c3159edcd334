"""What the Earnings page does: asks the relay while the page is seen, and writes the sheet its owner wants."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, QTimer

from desktop.agent import books
from desktop.agent.relay_view import AnswerTold, EarningsTold, ReasonTold
from desktop.agent.sheets import csv_text, earnings_sheet
from desktop.agent.state import Snapshot
from desktop.errors import DesktopError
from desktop.system.files import write_asked_for
from desktop.system.paths import Paths
from desktop.ui.background import Runs
from desktop.ui.earnings_presenter import EarningsFacts, EarningsPresenter
from desktop.ui.pages.earnings import EarningsPage

_ASK_MS = 60_000
"""How often the relay is asked while the page is seen."""

Earned = tuple[EarningsTold, list[ReasonTold]]
Served = tuple[list[AnswerTold], list[ReasonTold]]


class AsksBooks(Protocol):
    """`Books`, or a test's. Blocking; raises DesktopError."""

    def earned(self, days: int, /) -> Earned: ...
    def served(self, limit: int, /) -> Served: ...
    def write(self, path: Path, text: str, /) -> None: ...


class Books:
    """The relay's books about the node of one data folder, for a thread that is not Qt's."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def earned(self, days: int, /) -> Earned:
        return asyncio.run(books.earned(self._paths, days))

    def served(self, limit: int, /) -> Served:
        return asyncio.run(books.served_and_reasons(self._paths, limit))

    def write(self, path: Path, text: str, /) -> None:
        """Raises CommandRefused."""
        write_asked_for(path, text)


class EarningsActs(QObject):
    """Asks only while the page is seen, and only for a PC that a relay knows."""

    def __init__(
        self,
        page: EarningsPage,
        asks: AsksBooks,
        background: Runs,
        presenter: EarningsPresenter,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(page)
        self.page, self._asks, self._background = page, asks, background
        self._presenter, self._clock = presenter, clock
        self._facts = EarningsFacts()
        self._snapshot: Snapshot | None = None
        self._node = ""
        self._seen = False
        self._again = QTimer(self, interval=_ASK_MS)
        self._again.timeout.connect(self._ask)
        page.days_chosen.connect(self._choose_days)
        page.again_asked.connect(self._ask)
        page.file_chosen.connect(self._save)

    def show(self, snapshot: Snapshot | None) -> None:
        """The newest snapshot, while the page is seen."""
        node = snapshot.enrolment.node_id if snapshot is not None else self._node
        another = node != self._node
        if another:
            self._node, self._facts = node, EarningsFacts(days=self._facts.days)
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
        known = self._snapshot is not None and self._snapshot.enrolment.kind == "enrolled"
        if self._facts.asking or not known:
            return
        days, node = self._facts.days, self._node
        self._know(asking=True)
        self._background.run(
            lambda: self._asks.earned(days),
            lambda found: self._told(found, days, node),
            lambda error: self._not_told(error, node),
        )

    def _told(self, found: Earned, days: int, node: str) -> None:
        if node != self._node:
            return
        told, reasons = found
        self._know(told=told, reasons=tuple(reasons), asking=False, problem="")
        if days != self._facts.days:
            self._ask()

    def _not_told(self, error: DesktopError, node: str) -> None:
        if node == self._node:
            self._know(asking=False, problem=error.line())

    def _choose_days(self, days: int) -> None:
        self._know(days=days)
        self._ask()

    def _save(self, path: Path) -> None:
        told = self._facts.told
        if told is None:
            return
        text = csv_text(*earnings_sheet(told))
        self._background.run(
            lambda: self._asks.write(path, text),
            lambda _none: self._know(saved=self._presenter.saved(str(path)), problem=""),
            lambda error: self._know(problem=error.line(), saved=""),
        )
