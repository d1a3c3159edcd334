"""The tray icon, on desktops that have a tray, from the moment they have one.

Three facts rule here. Qt shows no error where there is no tray, so `isSystemTrayAvailable` is asked, at the start and
by a timer. An icon made before the panel's watcher was there never appears, so it is made only once there is a tray.
And an icon or tooltip set every second makes panels flicker and burn power, so mere numbers change every five seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QSystemTrayIcon

from desktop.ui.icons import tray_icon
from desktop.ui.tray_menu import TrayMenu
from desktop.ui.views import Shape, TrayView

_LOOK_MS = 2_000
"""How often a missing tray is looked for: a login brings it within seconds."""

_CHECK_MS = 30_000
"""How often a present one is checked: a panel may crash, and a hidden window with it would leave nothing to click."""

_NUMBERS_MS = 5_000


class Tray(QObject):
    """Owns the icon; `rows` is its menu. `availability_changed` comes with every change after `start`."""

    availability_changed = Signal(bool)
    balloon_clicked = Signal()

    def __init__(
        self, parent: QObject | None = None, *, is_available: Callable[[], bool] = QSystemTrayIcon.isSystemTrayAvailable
    ) -> None:
        super().__init__(parent)
        self.rows = TrayMenu(self)
        self.icon: QSystemTrayIcon | None = None
        self.available = False
        self._is_available = is_available
        self._view: TrayView | None = None
        self._shown: TrayView | None = None
        self._look = QTimer(self)
        self._look.timeout.connect(self.look)
        self._later = QTimer(self, interval=_NUMBERS_MS, singleShot=True)
        self._later.timeout.connect(self._apply)
        self.rows.menu.aboutToShow.connect(self._apply)

    def start(self) -> None:
        self.available = self._is_available()
        self._arrange()

    def look(self) -> None:
        """Has the tray come or gone?"""
        available = self._is_available()
        if available is not self.available:
            self.available = available
            self._arrange()
            self.availability_changed.emit(available)

    def _arrange(self) -> None:
        if self.available and self.icon is None:
            self.icon = self._make()
        self._look.start(_CHECK_MS if self.available else _LOOK_MS)

    def _make(self) -> QSystemTrayIcon:
        view = self._view
        icon = QSystemTrayIcon(tray_icon(view.shape if view is not None else Shape.NO_CONTACT), self)
        icon.setToolTip(view.tooltip if view is not None else "Nightjar")
        # Before show(): some panels never ask again.
        icon.setContextMenu(self.rows.menu)
        icon.activated.connect(self._clicked)
        icon.messageClicked.connect(self.balloon_clicked)
        icon.show()
        return icon

    def _clicked(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in {QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick}:
            self.rows.open_asked.emit()

    def show_view(self, view: TrayView) -> None:
        self._view = view
        if self._shown is None or self.rows.menu.isVisible() or _changes_more_than_numbers(self._shown, view):
            self._apply()
        elif view != self._shown and not self._later.isActive():
            self._later.start()

    def _apply(self) -> None:
        view, before = self._view, self._shown
        self._later.stop()
        if view is None or view == before:
            return
        self._shown = view
        self.rows.show_view(view)
        if self.icon is None:
            return
        if before is None or before.shape is not view.shape:
            self.icon.setIcon(tray_icon(view.shape))
        self.icon.setToolTip(view.tooltip)

    def close(self) -> None:
        """Takes the icon away at once; a dead icon would stay in some panels until the mouse passes."""
        self._look.stop()
        self._later.stop()
        if self.icon is not None:
            self.icon.hide()


def _changes_more_than_numbers(before: TrayView, after: TrayView) -> bool:
    return _without_numbers(before) != _without_numbers(after)


def _without_numbers(view: TrayView) -> TrayView:
    return replace(view, tooltip="", state="", earnings="", models="")
