"""What the Earnings page does: asks the relay while the page is seen, and writes the sheet its owner wants."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from desktop.agent import books
from desktop.agent.relay_view import AnswerTold, EarningsTold, ReasonTold
from desktop.agent.sheets import csv_text, earnings_sheet
from desktop.system.files import write_asked_for
from desktop.system.paths import Paths
from desktop.ui.background import Runs
from desktop.ui.earnings_presenter import EarningsFacts, EarningsPresenter
from desktop.ui.page_acts import RelayActs
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


class EarningsActs(RelayActs[EarningsFacts, Earned]):
    """Asks again for another span of days."""

    def __init__(
        self,
        page: EarningsPage,
        asks: AsksBooks,
        background: Runs,
        presenter: EarningsPresenter,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(page, EarningsFacts(), background, every_ms=_ASK_MS)
        self.page, self._asks, self._presenter, self._clock = page, asks, presenter, clock
        page.days_chosen.connect(self._choose_days)
        page.again_asked.connect(self._look)
        page.file_chosen.connect(self._save)

    @override
    def _draw(self) -> None:
        self.page.show_view(self._presenter.page(self._facts, self._snapshot, self._clock()))

    @override
    def _wanted(self) -> int:
        return self._facts.days

    @override
    def _ask(self, wanted: int) -> Earned:
        return self._asks.earned(wanted)

    @override
    def _learned(self, told: Earned, wanted: int) -> EarningsFacts:
        earned, reasons = told
        return replace(self._facts, told=earned, reasons=tuple(reasons))

    @override
    def _forgotten(self) -> EarningsFacts:
        return EarningsFacts(days=self._facts.days)

    def _choose_days(self, days: int) -> None:
        self._know(days=days)
        self._look()

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
