"""What the Activity page does: asks the relay for the answers of this PC while the page is seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from typing_extensions import override

from desktop.ui.activity_presenter import PAGE, ActivityFacts, ActivityPresenter
from desktop.ui.background import Runs
from desktop.ui.earnings_acts import Served
from desktop.ui.page_acts import RelayActs
from desktop.ui.pages.activity import ActivityPage

_ASK_MS = 30_000
"""How often the relay is asked while the page is seen."""


class AsksServed(Protocol):
    """`Books`, or a test's. Blocking; raises DesktopError."""

    def served(self, limit: int, /) -> Served: ...


class ActivityActs(RelayActs[ActivityFacts, Served]):
    """Asks again for more answers."""

    def __init__(
        self,
        page: ActivityPage,
        asks: AsksServed,
        background: Runs,
        presenter: ActivityPresenter,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(page, ActivityFacts(), background, every_ms=_ASK_MS)
        self.page, self._asks, self._presenter, self._clock = page, asks, presenter, clock
        page.again_asked.connect(self._look)
        page.more_asked.connect(self._want_more)

    @override
    def _draw(self) -> None:
        self.page.show_view(self._presenter.page(self._facts, self._snapshot, self._clock()))

    @override
    def _wanted(self) -> int:
        return self._facts.wanted

    @override
    def _ask(self, wanted: int) -> Served:
        """For one answer more than is shown: it tells whether there are older ones."""
        return self._asks.served(wanted + 1)

    @override
    def _learned(self, told: Served, wanted: int) -> ActivityFacts:
        answers, reasons = told
        return replace(self._facts, answers=tuple(answers[:wanted]), reasons=tuple(reasons), more=len(answers) > wanted)

    @override
    def _forgotten(self) -> ActivityFacts:
        return ActivityFacts()

    def _want_more(self) -> None:
        self._know(wanted=self._facts.wanted + PAGE)
        self._look()
