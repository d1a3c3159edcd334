"""The window: Nightjar's mark, the home page, and one line about what closing it means."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMainWindow, QMessageBox, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from desktop.system.contention import owners_programs
from desktop.ui.icons import app_icon, mark
from desktop.ui.labels import Prose, Text
from desktop.ui.pages.home import HomePage
from desktop.ui.program_prompt import ProgramPrompt
from desktop.ui.theme import Theme, Type
from desktop.ui.tokens import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop.ui.views import HomeView

_WIDEST = 880
"""Logical pixels: a wider page would make its sentences hard to read."""

_MARK = 28


class _Page(QWidget):
    """As high as its texts need at the width it has. Qt would add what they would need at the least width."""

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), 0)


class MainWindow(QMainWindow):
    """Never closes by itself: closing asks (`close_asked`), and who owns the window decides."""

    close_asked = Signal()
    quit_asked = Signal()
    program_named = Signal(str)
    visibility_changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setWindowTitle("Nightjar")
        self.setWindowIcon(app_icon())
        self.home = HomePage(theme)
        self.footer = Prose(role=Type.CAPTION, ink="muted")
        self._shown: HomeView | None = None
        self._content = self._page()
        self._question: QMessageBox | None = None
        area = self._area = self._scrolled(self._content)
        self.setCentralWidget(area)
        # Else the first control would be focused, ring and all, before anybody touched a key.
        area.setFocus()
        self.resize(800, 640)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Quit), self, self.quit_asked.emit)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Close), self, self.close)

    def _page(self) -> QWidget:
        column = QWidget()
        column.setMaximumWidth(_WIDEST)
        rows = QVBoxLayout(column)
        rows.setContentsMargins(SPACE_XL, SPACE_L, SPACE_XL, SPACE_L)
        rows.setSpacing(SPACE_L)
        rows.addLayout(self._header())
        rows.addWidget(self.home)
        rows.addStretch(1)
        rows.addWidget(self.footer)
        page = _Page()
        page.setObjectName("page")
        centred = QHBoxLayout(page)
        centred.setContentsMargins(0, 0, 0, 0)
        centred.addWidget(column)
        return page

    def _header(self) -> QHBoxLayout:
        picture = QLabel()
        picture.setPixmap(mark(_MARK, self.devicePixelRatioF()))
        row = QHBoxLayout()
        row.setSpacing(SPACE_M)
        row.addWidget(picture)
        row.addWidget(Text("Nightjar", Type.TITLE))
        row.addStretch(1)
        return row

    def _scrolled(self, page: QWidget) -> QScrollArea:
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(page)
        # A scroll area hides its content's least width from the window; without this, narrow means cut off.
        area.setMinimumWidth(page.minimumSizeHint().width() + SPACE_S)
        return area

    @property
    def seen(self) -> bool:
        """Whether anybody could see it: nothing is drawn or counted down otherwise."""
        return self.isVisible() and not self.isMinimized()

    @property
    def page_height(self) -> int:
        """Logical pixels that the whole page takes, whatever part of it is in sight."""
        return self._content.height()

    def show_view(self, view: HomeView) -> None:
        if view != self._shown:
            self._shown = view
            self.home.show_view(view)

    def show_models(self) -> None:
        """In front of the owner, with the models in sight."""
        self.raise_up()
        self._area.ensureWidgetVisible(self.home.models)

    def raise_up(self) -> None:
        """In front of the owner, wherever it was."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def ask_for_program(self) -> None:
        """Which program's end is to end a pause: `program_named` if one is chosen."""
        self.raise_up()
        prompt = ProgramPrompt(owners_programs(), self)
        prompt.named.connect(self.program_named)
        prompt.open()

    def ask_before_closing(self) -> None:
        """For desktops without a tray, where a closed window could not be found again."""
        if self._question is not None and self._question.isVisible():
            self._question.raise_()
            return
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.NoIcon)
        box.setWindowTitle("Nightjar")
        box.setText(self.tr("Keep Nightjar running?"))
        box.setInformativeText(self.tr("This desktop has no tray, so a closed window could not be opened again."))
        keep = box.addButton(self.tr("Keep running, minimised"), QMessageBox.ButtonRole.AcceptRole)
        leave = box.addButton(self.tr("Quit"), QMessageBox.ButtonRole.DestructiveRole)
        box.setEscapeButton(box.addButton(self.tr("Cancel"), QMessageBox.ButtonRole.RejectRole))
        box.setDefaultButton(keep)
        keep.clicked.connect(self.showMinimized)
        leave.clicked.connect(self.quit_asked)
        self._question = box
        box.open()

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        self.close_asked.emit()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.visibility_changed.emit()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.visibility_changed.emit()

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.WindowStateChange:
            self.visibility_changed.emit()
