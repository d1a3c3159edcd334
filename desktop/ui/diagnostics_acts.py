"""What the Diagnostics page does: runs the self-test when the page is first seen, follows the log, makes the report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from PySide6.QtGui import QGuiApplication
from typing_extensions import override

from desktop.agent.report import report
from desktop.agent.self_test import AGENT, examine
from desktop.errors import DesktopError
from desktop.system.crashes import Crashes, Fault
from desktop.system.files import write_asked_for
from desktop.system.logs import LOG_FILE, last_lines, plain
from desktop.system.paths import Paths
from desktop.system.watch.self_test import Finding
from desktop.ui.background import Runs
from desktop.ui.diagnostics_presenter import LOG_LINES, DiagnosticsFacts, DiagnosticsPresenter
from desktop.ui.folders import open_folder
from desktop.ui.page_acts import PageActs
from desktop.ui.pages.diagnostics import DiagnosticsPage

_LOOK_MS = 1_000
"""How often the log is looked at while the page is seen."""

_FRESH_S = 60.0
"""A self-test that is older is run anew when the page is opened: "Everything works." is not true for ever."""


class Checks(Protocol):
    """`Upkeep`, or a test's. All but `folder` block; all raise DesktopError."""

    @property
    def folder(self) -> Path: ...
    def examine(self) -> tuple[Finding, ...]: ...
    def log(self) -> tuple[str, ...]: ...
    def fault(self) -> Fault | None: ...
    def forget_fault(self) -> None: ...
    def report(self) -> str: ...
    def write(self, path: Path, text: str, /) -> None: ...


class Upkeep:
    """What is done for the page, for a thread that is not Qt's."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    @property
    def folder(self) -> Path:
        return self._paths.logs

    def examine(self) -> tuple[Finding, ...]:
        """An agent that is not running is no matter of choice here: the window has one, or had."""
        found = asyncio.run(examine(self._paths))
        return tuple(replace(each, ok=False) if each.concern == AGENT and each.ok is None else each for each in found)

    def log(self) -> tuple[str, ...]:
        lines = last_lines(self._paths.logs / LOG_FILE, LOG_LINES)
        return tuple(plain(line) for line in lines)

    def fault(self) -> Fault | None:
        return Crashes(self._paths.logs).last()

    def forget_fault(self) -> None:
        Crashes(self._paths.logs).forget()

    def report(self) -> str:
        return asyncio.run(report(self._paths))

    def write(self, path: Path, text: str, /) -> None:
        """Raises CommandRefused."""
        write_asked_for(path, text)


class DiagnosticsActs(PageActs[DiagnosticsFacts]):
    """Nothing of it needs the agent: it must work when nothing else does.

    The self-test runs when the page is opened, unless it just has, and when what it found may not hold any more.
    """

    def __init__(
        self,
        page: DiagnosticsPage,
        checks: Checks,
        background: Runs,
        presenter: DiagnosticsPresenter,
        *,
        clock: Callable[[], float] = time.time,
        open_folder: Callable[[Path], None] = open_folder,
    ) -> None:
        super().__init__(page, DiagnosticsFacts(folder=str(checks.folder)), background, every_ms=_LOOK_MS)
        self.page, self._checks, self._presenter, self._clock = page, checks, presenter, clock
        self._reading = False
        self._tested: object = None
        page.test_asked.connect(self._test)
        page.report_asked.connect(self._report)
        page.file_chosen.connect(self._save)
        page.copied.connect(lambda text: QGuiApplication.clipboard().setText(text))
        page.fault_dropped.connect(self._drop_fault)
        page.folder_asked.connect(lambda: open_folder(checks.folder))

    @property
    @override
    def _standing(self) -> object:
        there = self._snapshot
        return there and (super()._standing, there.missing, there.unkept)

    @override
    def _stirred(self) -> None:
        self._test()

    @override
    def _opened(self) -> None:
        self._look()
        self._background.run(self._checks.fault, lambda fault: self._know(fault=fault), self._log_unread)
        if self._tested != self._standing or not 0 <= self._clock() - (self._facts.tested_at or 0.0) < _FRESH_S:
            self._test()

    @override
    def _draw(self) -> None:
        self.page.show_view(self._presenter.page(self._facts, self._clock()))

    def _test(self) -> None:
        if self._facts.testing:
            return
        self._tested = self._standing
        self._know(testing=True, untested="")
        self._background.run(
            self._checks.examine,
            lambda found: self._test_ended(findings=found, tested_at=self._clock()),
            lambda error: self._test_ended(untested=error.line()),
        )

    def _test_ended(self, **changed: object) -> None:
        self._know(testing=False, **changed)
        if self._seen and self._tested != self._standing:
            self._test()

    @override
    def _look(self) -> None:
        """At the log."""
        if self._reading:
            return
        self._reading = True
        self._background.run(self._checks.log, self._log_read, self._log_unread)

    def _log_read(self, lines: tuple[str, ...]) -> None:
        self._reading = False
        if lines != self._facts.log:
            self._know(log=lines)

    def _log_unread(self, error: DesktopError) -> None:
        self._reading = False
        self._know(problem=error.line())

    def _drop_fault(self) -> None:
        """One that cannot be dropped is still there."""

        def drop() -> Fault | None:
            self._checks.forget_fault()
            return self._checks.fault()

        self._background.run(drop, lambda fault: self._know(fault=fault), self._log_unread)

    def _report(self) -> None:
        if self._facts.reporting:
            return
        self._know(reporting=True, saved="", problem="")
        self._background.run(
            self._checks.report,
            lambda text: self._know(reporting=False, report=text),
            lambda error: self._know(reporting=False, problem=error.line()),
        )

    def _save(self, path: Path) -> None:
        text = self._facts.report
        if text is None:
            return
        self._background.run(
            lambda: self._checks.write(path, text),
            lambda _none: self._know(saved=str(path), problem=""),
            lambda error: self._know(problem=error.line(), saved=""),
        )
