"""The Models page: what is here, what is coming, what would be worth having, and the disk it all takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QMenu, QMessageBox, QVBoxLayout, QWidget

from desktop.models.imports import Found
from desktop.ui.buttons import Button
from desktop.ui.cards.act import ActCard
from desktop.ui.cards.library import RowsCard
from desktop.ui.labels import Prose, as_row, as_tip
from desktop.ui.library_views import DiskView, LibraryView, QuestionView
from desktop.ui.meters import Bar
from desktop.ui.question import ask
from desktop.ui.theme import Theme, Type
from desktop.ui.tokens import SPACE_L, SPACE_M, SPACE_S

_TYPING_MS = 250
"""A search waits for the hand to rest."""


class ModelsPage(QWidget):
    """Only shows and asks: `asked` carries a `Wanted` and a name; the rest say what they are."""

    asked = Signal(object, str)
    words_given = Signal(str)
    refresh_asked = Signal()
    import_wanted = Signal()
    file_chosen = Signal(Path)
    found_chosen = Signal(object)
    folder_chosen = Signal(Path)
    stop_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.act = ActCard(theme)
        self.library = RowsCard(theme, self.tr("On this PC"))
        self.queue = RowsCard(theme, self.tr("On the way here"))
        self.disk = _DiskStrip(theme)
        self.search = QLineEdit()
        self.notice = Prose(role=Type.CAPTION, ink="muted")
        self.catalogue = RowsCard(theme, self.tr("Worth having on this PC, best first"))
        self.question: QMessageBox | None = None
        self._typing = QTimer(self, interval=_TYPING_MS, singleShot=True)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self.search.setPlaceholderText(self.tr("Search by name, kind or size"))
        self.search.setAccessibleName(self.tr("Search the catalogue"))
        self.search.setClearButtonEnabled(True)
        self.search.setMaxLength(100)
        self.library.body.addWidget(self.disk)
        self.catalogue.body.insertWidget(1, self.search)
        self.catalogue.body.insertWidget(2, self.notice)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_L)
        for card in (self.act, self.queue, self.library, self.catalogue):
            column.addWidget(card)
        column.addStretch(1)

    def _connect(self) -> None:
        for card in (self.library, self.queue, self.catalogue):
            card.asked.connect(self.asked)
        self._typing.timeout.connect(lambda: self.words_given.emit(self.search.text()))
        self.search.textChanged.connect(self._typed)
        self.search.returnPressed.connect(lambda: self.words_given.emit(self.search.text()))
        self.disk.bring.clicked.connect(self.import_wanted)
        self.disk.move_button.clicked.connect(self._choose_folder)
        self.act.stopped.connect(self.stop_asked)

    def propose(self, name: str) -> None:
        """Searches the catalogue for one model, for its owner to look at."""
        self.search.setText(name)
        self._typing.stop()
        self.words_given.emit(name)
        self.search.setFocus(Qt.FocusReason.OtherFocusReason)

    def _typed(self) -> None:
        self._typing.start()

    def show_view(self, view: LibraryView) -> None:
        self.act.show_act(view.act, view.problem, view.told)
        self.library.show_rows(view.models, view.models_empty)
        self.queue.show_rows(view.downloads)
        self.queue.setVisible(bool(view.downloads))
        self.catalogue.show_rows(view.found, view.found_empty)
        self.notice.say(view.notice)
        self.disk.show_view(view.disk, can_change=view.can_change)

    # --- questions -------------------------------------------------------------------------------------------------

    def confirm(self, view: QuestionView, agreed: Callable[[], None]) -> None:
        """Asks before something goes."""
        self.question = ask(view, self, agreed)

    def offer_imports(self, found: tuple[Found, ...]) -> QMenu:
        """Below its button: a file of the owner's choice, or a model of another program."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Choose a GGUF file…")).triggered.connect(self._choose_file)
        if found:
            menu.addSeparator()
        for each in found:
            action = menu.addAction(as_row(each.name))
            action.setEnabled(not each.problem)
            action.setToolTip(as_tip(each.problem or str(each.path)))
            action.triggered.connect(lambda _checked=False, each=each: self.found_chosen.emit(each))
        menu.setToolTipsVisible(True)
        button = self.disk.bring
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))
        return menu

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Import a model"), str(Path.home()), self.tr("Models (*.gguf)"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: self.file_chosen.emit(Path(path)))
        self._open(dialog)

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Keep models in another folder"), self.disk.place)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda path: self.folder_chosen.emit(Path(path)))
        self._open(dialog)

    def _open(self, dialog: QFileDialog) -> None:
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


class _DiskStrip(QWidget):
    """How much of the disk models take, where, and what can be done about it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.place = ""
        self.bar = Bar(theme)
        self.text = Prose(role=Type.CAPTION, ink="muted")
        self.folder = Prose(role=Type.CAPTION, ink="muted")
        self.bring = Button(self.tr("Import a model…"))
        self.move_button = Button(self.tr("Move folder…"))
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE_S)
        buttons.addWidget(self.bring)
        buttons.addWidget(self.move_button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, SPACE_M, 0, 0)
        column.setSpacing(SPACE_S)
        for widget in (self.bar, self.text, self.folder):
            column.addWidget(widget)
        column.addSpacing(SPACE_S)
        column.addLayout(buttons)

    def show_view(self, view: DiskView | None, *, can_change: bool) -> None:
        self.bar.setVisible(view is not None)
        for button in (self.bring, self.move_button):
            button.setEnabled(can_change)
        if view is None:
            self.text.say("")
            self.folder.say("")
            return
        self.place = view.folder
        self.bar.show_share(view.share, view.tone)
        self.bar.setAccessibleName(view.text)
        self.text.say(view.text)
        self.folder.say(view.folder)
