"""Tray and window together: shows each snapshot where it can be seen, and turns the owner's wishes into commands."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QLocale, QObject, QTimer, Signal

from desktop.agent.commands import CancelEnrolment, Enrol, FreeMemory, Quit, Resume, SetMode, Snooze
from desktop.agent.state import Mode, Reason, Snapshot
from desktop.ui.bridge import Bridge
from desktop.ui.first_run_acts import FirstRunActs
from desktop.ui.formats import formats_of
from desktop.ui.pauses import AT_MOST_S, Pause
from desktop.ui.places import Place
from desktop.ui.presenters import Presenter
from desktop.ui.tray import Tray
from desktop.ui.window import MainWindow

_log = logging.getLogger(__name__)

_SECOND_MS = 1_000
_TRAY_GRACE_MS = 10_000
"""How long a start at login waits for the panel before it opens the window instead."""

_LONGEST_GOODBYE_MS = 40_000
"""The agent drains for 30 s at most; one that has not ended by then is left to the end of the process."""


class Interface(QObject):
    """`finished` carries the exit status once there is nothing left to show."""

    finished = Signal(int)

    def __init__(
        self,
        bridge: Bridge,
        tray: Tray,
        window: MainWindow,
        *,
        clock: Callable[[], float],
        first_run: FirstRunActs | None = None,
    ) -> None:
        super().__init__()
        self._bridge, self._tray, self._window, self._clock = bridge, tray, window, clock
        self._presenter = Presenter(QCoreApplication.translate, formats_of(QLocale()))
        self._snapshot: Snapshot | None = None
        self._lost = False
        self._asked_to_quit = 0
        self._second = QTimer(self, interval=_SECOND_MS)
        self._second.timeout.connect(self._refresh_window)
        self._grace = QTimer(self, singleShot=True)
        self._grace.timeout.connect(self._ensure_something_to_click)
        self._goodbye = QTimer(self, interval=_LONGEST_GOODBYE_MS, singleShot=True)
        self._goodbye.timeout.connect(lambda: self.finished.emit(1))
        self._connect()
        if first_run is not None:
            first_run.finished.connect(window.end_alone)
            first_run.settings_asked.connect(lambda: window.show_place(Place.SETTINGS))
            window.begin(first_run)

    def _connect(self) -> None:
        rows, window, home = self._tray.rows, self._window, self._window.home
        self._bridge.arrived.connect(self._arrived)
        self._bridge.ended.connect(self._ended)
        self._tray.availability_changed.connect(self._tray_changed)
        window.visibility_changed.connect(self._refresh_window)
        window.moved.connect(self._refresh_window)
        window.close_asked.connect(self._close_asked)
        rows.open_asked.connect(window.raise_up)
        rows.models_asked.connect(window.show_models)
        for quit_asked in (rows.quit_asked, window.quit_asked):
            quit_asked.connect(self.quit)
        for mode_chosen in (rows.mode_chosen, home.state.mode_chosen):
            mode_chosen.connect(self._choose_mode)
        for pause_chosen in (rows.pause_chosen, home.state.pause_chosen):
            pause_chosen.connect(self._pause)
        for program_asked in (rows.program_asked, home.state.program_asked):
            program_asked.connect(window.ask_for_program)
        window.program_named.connect(self._pause_for)
        for resumed in (rows.resume_asked, home.state.resume_chosen):
            resumed.connect(lambda: self._bridge.post(Resume()))
        rows.free_memory_asked.connect(lambda: self._bridge.post(FreeMemory()))
        home.enrolment.relay_given.connect(lambda relay: self._bridge.post(Enrol(relay)))
        home.enrolment.cancelled.connect(lambda: self._bridge.post(CancelEnrolment()))
        home.enrolment.private_asked.connect(lambda: window.show_place(Place.SETTINGS))

    def start(self, *, background: bool, grace_ms: int = _TRAY_GRACE_MS) -> None:
        """In the background only the tray shows, unless there is none after a while."""
        self._tray.start()
        self._tray_changed(self._tray.available)
        if not background:
            self._window.raise_up()
        elif not self._tray.available:
            self._grace.start(grace_ms)
        self._refresh()
        self._bridge.start()

    def stop(self) -> None:
        """No signal from the tray or the window means anything afterwards."""
        for timer in (self._second, self._grace, self._goodbye):
            timer.stop()
        self._bridge.close()
        self._tray.close()
        self._window.end()

    # --- up --------------------------------------------------------------------------------------------------------

    def _arrived(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._refresh()

    def _ended(self) -> None:
        """Wanted by us or by `nightjar quit`; or not wanted by anybody, and then the owner is told."""
        stopping = self._snapshot is not None and self._snapshot.sharing.reason is Reason.SHUTTING_DOWN
        if self._asked_to_quit or stopping:
            self.finished.emit(0)
            return
        _log.error("agent ended by itself")
        self._lost = True
        self._refresh()

    def _refresh(self) -> None:
        self._tray.show_view(self._presenter.tray(self._snapshot, self._clock(), lost=self._lost))
        self._refresh_window()

    def _refresh_window(self) -> None:
        """Nothing is made for a window that nobody sees, and no clock runs for it."""
        if not self._window.seen:
            self._second.stop()
            return
        view = self._presenter.home(self._snapshot, self._clock(), lost=self._lost)
        self._window.show_view(view)
        on_page = self._window.show_screen(None if self._lost else self._snapshot)
        ticking = on_page or (view.ticking and self._window.place is Place.HOME)
        if not ticking:
            self._second.stop()
        elif not self._second.isActive():
            self._second.start()

    # --- the tray comes and goes -----------------------------------------------------------------------------------

    def _tray_changed(self, available: bool) -> None:  # noqa: FBT001 - a Qt slot
        self._window.footer.say(
            self.tr("Closing this window leaves Nightjar running in the tray.")
            if available
            else self.tr(
                "This desktop shows no tray, so Nightjar lives in this window. "
                "On GNOME, the extension “AppIndicator Support” adds one."
            )
        )
        if available:
            self._grace.stop()
        elif self._tray.icon is not None and not self._window.isVisible():
            # The panel may be restarting: it gets as long as at login.
            self._grace.start(_TRAY_GRACE_MS)

    def _ensure_something_to_click(self) -> None:
        if not self._tray.available and not self._window.isVisible():
            self._window.raise_up()

    def _close_asked(self) -> None:
        if self._lost:
            self.finished.emit(1)
        elif self._tray.available:
            self._window.hide()
        else:
            self._window.ask_before_closing()

    # --- down ------------------------------------------------------------------------------------------------------

    def _choose_mode(self, mode: Mode) -> None:
        self._bridge.post(SetMode(mode))

    def _pause(self, pause: Pause) -> None:
        self._bridge.post(Snooze(pause.until(self._clock()), pause.ends_with))

    def _pause_for(self, program: str) -> None:
        self._bridge.post(Snooze(self._clock() + AT_MOST_S, program))

    def quit(self) -> None:
        """Running answers are finished first. Asked a second time, they are not; a third time, nobody waits at all."""
        self._asked_to_quit += 1
        if self._lost or self._asked_to_quit > 2:
            self.finished.emit(1)
            return
        self._bridge.post(Quit(drain=self._asked_to_quit == 1))
        self._goodbye.start()
