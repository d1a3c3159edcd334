"""The tray's menu: built once; afterwards its rows only change text, check mark and enabled state.

Panels that draw the menu themselves (dbusmenu) lose a menu that is rebuilt under them. Every row here works; what has
no working server side has no row.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, SignalInstance
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

from desktop.agent.state import Mode
from desktop.ui.labels import as_row
from desktop.ui.pauses import Pause, PauseMenu
from desktop.ui.views import TrayView


class TrayMenu(QObject):
    """`menu` and the wishes that come from it."""

    open_asked = Signal()
    models_asked = Signal()
    mode_chosen = Signal(Mode)
    pause_chosen = Signal(Pause)
    program_asked = Signal()
    resume_asked = Signal()
    free_memory_asked = Signal()
    quit_asked = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.menu = QMenu()
        self.state = self._row(self.menu, self.tr("Starting…"), self.open_asked)
        self.earnings = self._row(self.menu, self.tr("Nothing earned yet"), self.open_asked)
        self.menu.addSeparator()
        self.sharing = self.menu.addMenu(self.tr("Sharing"))
        self.modes = self._add_modes()
        self.pause = PauseMenu(self.menu)
        self.pause.chosen.connect(self.pause_chosen)
        self.pause.program_asked.connect(self.program_asked)
        self.pause.addSeparator()
        self.resume = self._row(self.pause, self.tr("Resume now"), self.resume_asked)
        self.menu.addMenu(self.pause)
        self.free_memory = self._row(self.menu, self.tr("Free memory now"), self.free_memory_asked)
        self.menu.addSeparator()
        self.open = self._row(self.menu, self.tr("Open Nightjar…"), self.open_asked)
        self.models = self._row(self.menu, self.tr("Models…"), self.models_asked)
        self.menu.addSeparator()
        self.quit = self._row(self.menu, self.tr("Quit"), self.quit_asked)

    def _row(self, menu: QMenu, text: str, asked: SignalInstance) -> QAction:
        row = QAction(text, menu)
        # Without this macOS moves a row called "Quit" into the application's menu.
        row.setMenuRole(QAction.MenuRole.NoRole)
        row.triggered.connect(lambda _checked: asked.emit())
        menu.addAction(row)
        return row

    def _add_modes(self) -> dict[Mode, QAction]:
        group = QActionGroup(self)
        texts = {Mode.OFF: self.tr("Off"), Mode.IDLE: self.tr("When idle"), Mode.ALWAYS: self.tr("Always")}
        rows = {}
        for mode, text in texts.items():
            rows[mode] = self.sharing.addAction(text)
            rows[mode].setCheckable(True)
            group.addAction(rows[mode])
            rows[mode].triggered.connect(lambda _checked, mode=mode: self.mode_chosen.emit(mode))
        return rows

    def show_view(self, view: TrayView) -> None:
        rows = {self.state: view.state, self.earnings: view.earnings, self.models: view.models, self.quit: view.quit}
        for row, text in rows.items():
            row.setText(as_row(text))
        for mode, row in self.modes.items():
            row.setEnabled(view.can_choose)
            row.setChecked(mode is view.mode)
        self.pause.allow(allowed=view.can_pause or view.can_resume)
        self.resume.setEnabled(view.can_resume)
        self.free_memory.setEnabled(view.can_free_memory)
