"""The window: the sidebar, and the page where the owner is. With one place only there is no sidebar to choose from."""

from __future__ import annotations

import os
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMainWindow, QMessageBox, QStackedWidget, QWidget
from typing_extensions import override

from desktop.agent.state import Snapshot
from desktop.system.contention import owners_programs
from desktop.ui.icons import app_icon, mark
from desktop.ui.labels import Prose, Text
from desktop.ui.pages.home import HomePage
from desktop.ui.places import Opening, Place, Screen
from desktop.ui.program_prompt import ProgramPrompt
from desktop.ui.question import box_of
from desktop.ui.sheet import Sheet
from desktop.ui.sidebar import RAIL, Sidebar
from desktop.ui.theme import Theme, Type
from desktop.ui.tokens import SPACE_M
from desktop.ui.views import HomeView

_MARK = 28


class MainWindow(QMainWindow):
    """Never closes by itself: closing asks (`close_asked`), and who owns the window decides."""

    close_asked = Signal()
    quit_asked = Signal()
    program_named = Signal(str)
    visibility_changed = Signal()
    moved = Signal()
    """The owner went to another place."""

    def __init__(self, theme: Theme, openings: Sequence[Opening] = ()) -> None:
        super().__init__()
        self.setWindowTitle("Nightjar")
        self.setWindowIcon(app_icon())
        self.home = HomePage(theme)
        self.footer = Prose(role=Type.CAPTION, ink="muted")
        self.place = Place.HOME
        self._openings = {opening.place: opening for opening in openings}
        self._screens: dict[Place, Screen] = {}
        self._alone: tuple[Screen, Sheet] | None = None
        self._shown: HomeView | None = None
        self._question: QMessageBox | None = None
        self.sidebar = Sidebar(theme, self.places)
        self._pages = QStackedWidget()
        self._sheets = {Place.HOME: self._add(self.home, Place.HOME, self.footer)}
        self._frame = _Frame(self.sidebar, self._pages, alone=not openings)
        self.setCentralWidget(self._frame)
        # Else the first control would be focused, ring and all, before anybody touched a key.
        self.sheet.setFocus()
        self.resize(960 if openings else 800, 680 if openings else 640)
        self.sidebar.show_place(Place.HOME)
        self.sidebar.chosen.connect(self._chosen)
        self._bind_keys()

    def _bind_keys(self) -> None:
        QShortcut(QKeySequence(QKeySequence.StandardKey.Quit), self, self.quit_asked.emit)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Close), self, self.close)
        for at, place in enumerate(self.places, 1):
            QShortcut(QKeySequence(f"Ctrl+{at}"), self, lambda place=place: self.go(place))

    def _add(self, page: QWidget, place: Place, foot: QWidget | None = None) -> Sheet:
        head = self._brand() if not self._openings else Text(self.sidebar.title(place), Type.HEADLINE)
        sheet = Sheet(head, page, foot)
        sheet.setAccessibleName(self.sidebar.title(place))
        self._pages.addWidget(sheet)
        return sheet

    def _brand(self) -> QWidget:
        """What the sidebar shows where there is one."""
        picture = QLabel()
        picture.setPixmap(mark(_MARK, self.devicePixelRatioF()))
        brand = QWidget()
        row = QHBoxLayout(brand)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE_M)
        row.addWidget(picture)
        row.addWidget(Text("Nightjar", Type.TITLE))
        row.addStretch(1)
        return brand

    # --- one page alone --------------------------------------------------------------------------------------------

    def begin(self, screen: Screen) -> None:
        """One page in place of all others, until `end_alone`."""
        sheet = Sheet(self._brand(), screen.page)
        self._alone = screen, sheet
        self._rest()
        self._pages.addWidget(sheet)
        self._pages.setCurrentWidget(sheet)
        self._frame.be_alone(alone=True)
        self.moved.emit()

    def end_alone(self) -> None:
        """Home, and the way to the other pages."""
        if self._alone is None:
            return
        (screen, sheet), self._alone = self._alone, None
        screen.close()
        self._pages.setCurrentWidget(self.sheet)
        self._pages.removeWidget(sheet)
        sheet.deleteLater()
        self._frame.be_alone(alone=not self._openings)
        self.sheet.setFocus()
        self.moved.emit()

    # --- places ----------------------------------------------------------------------------------------------------

    @property
    def places(self) -> tuple[Place, ...]:
        """Those that there are, in the order of the sidebar."""
        return tuple(place for place in Place if place is Place.HOME or place in self._openings)

    @property
    def is_alone(self) -> bool:
        """Whether one page stands in place of all others."""
        return self._alone is not None

    @property
    def page(self) -> QWidget | None:
        """Where the owner is; None on Home."""
        screen = self._alone[0] if self._alone is not None else self._screens.get(self.place)
        return screen.page if screen is not None else None

    @property
    def sheet(self) -> Sheet:
        """Of the page where the owner is."""
        return self._sheets[self.place]

    def go(self, place: Place) -> None:
        """To the page itself, so that the next tab reaches its first control."""
        self._move(place)
        self.sheet.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _chosen(self, place: Place) -> None:
        """In the sidebar, where the focus stays."""
        self._move(place)

    def _move(self, place: Place) -> None:
        if place is self.place or self._alone is not None:
            return
        self._rest()
        self.place = place
        if place not in self._sheets:
            screen = self._screens[place] = self._openings[place].open()
            self._sheets[place] = self._add(screen.page, place)
        self._pages.setCurrentWidget(self.sheet)
        self.sidebar.show_place(place)
        self.moved.emit()

    def show_screen(self, snapshot: Snapshot | None) -> bool:
        """Shows the newest word on the page that is seen, if it is not Home. Whether it changes by the clock alone."""
        screen = self._alone[0] if self._alone is not None else self._screens.get(self.place)
        if screen is None:
            return False
        screen.show(snapshot)
        return screen.ticking

    def _rest(self) -> None:
        for screen in (self._screens.get(self.place), self._alone[0] if self._alone is not None else None):
            if screen is not None:
                screen.hide()

    def end(self) -> None:
        """Nightjar ends: nothing is shown any more, and what pages do is let go."""
        self.hide()
        for screen in (*self._screens.values(), *((self._alone[0],) if self._alone is not None else ())):
            screen.close()

    @property
    def seen(self) -> bool:
        """Whether anybody could see it: nothing is drawn or counted down otherwise."""
        return self.isVisible() and not self.isMinimized()

    @property
    def page_height(self) -> int:
        """Logical pixels that the whole page takes, whatever part of it is in sight."""
        return self.sheet.content.height()

    def show_view(self, view: HomeView) -> None:
        """Home, and how sharing stands, which every page shows."""
        if view != self._shown:
            self._shown = view
            self.home.show_view(view)
            self.sidebar.show_state(view.state)

    def show_models(self) -> None:
        """In front of the owner, with the models in sight."""
        self.show_place(Place.MODELS)
        if self._alone is None and Place.MODELS not in self.places:
            self.sheet.ensureWidgetVisible(self.home.models)

    def show_place(self, place: Place, token: str = "") -> None:
        """In front of the owner, as `raise_up`, at a place; where there is no such place, wherever they were."""
        self.raise_up(token)
        if place in self.places and self._alone is None:
            self.go(place)

    def raise_up(self, token: str = "") -> None:
        """In front of the owner, wherever it was. On Wayland that needs a `token` of whatever was clicked elsewhere."""
        if token:
            os.environ["XDG_ACTIVATION_TOKEN"] = token  # where Qt looks for it
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
        why = self.tr("This desktop has no tray, so a closed window could not be opened again.")
        box = box_of(self.tr("Keep Nightjar running?"), why, self)
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
        self._rest()
        self.visibility_changed.emit()

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.WindowStateChange:
            if self.isMinimized():
                self._rest()
            self.visibility_changed.emit()


class _Frame(QWidget):
    """Sidebar and page side by side. The sidebar gives way to the page: it is wide only where both have room."""

    def __init__(self, sidebar: Sidebar, pages: QStackedWidget, *, alone: bool) -> None:
        super().__init__()
        self._sidebar, self._pages, self._alone = sidebar, pages, alone
        sidebar.setParent(self)
        pages.setParent(self)
        sidebar.setVisible(not alone)

    def be_alone(self, *, alone: bool) -> None:
        """Whether the page has the whole window."""
        self._alone = alone
        self._sidebar.setVisible(not alone)
        self.updateGeometry()
        self._place()

    @override
    def minimumSizeHint(self) -> QSize:
        least = self._pages.minimumSizeHint()
        return least if self._alone else QSize(least.width() + RAIL, least.height())

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.LayoutRequest:
            self.updateGeometry()
            self._place()
        return super().event(event)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._place()

    def _place(self) -> None:
        left = 0
        if not self._alone:
            wide = self._sidebar.full_width
            rail = self.width() < wide + self._pages.minimumSizeHint().width()
            self._sidebar.show_rail(rail=rail)
            left = RAIL if rail else wide
        rest = QRect(left, 0, self.width() - left, self.height())
        side = QRect(0, 0, left, self.height())
        if self.layoutDirection() is Qt.LayoutDirection.RightToLeft:
            rest.moveLeft(0)
            side.moveLeft(self.width() - left)
        self._sidebar.setGeometry(side)
        self._pages.setGeometry(rest)
