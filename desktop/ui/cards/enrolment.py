"""The enrolment card: asks for a relay's address, then shows the code that is approved in the browser."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.ui.buttons import Button
from desktop.ui.cards.frame import Card
from desktop.ui.labels import Prose, Text
from desktop.ui.presenters import relay_address
from desktop.ui.theme import Type
from desktop.ui.tokens import SPACE_M, SPACE_S
from desktop.ui.views import EnrolmentView

_SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard


class EnrolmentCard(Card):
    """Two faces, one at a time: `ask` and `wait`. `private_asked` wants to see the relay that this PC could run."""

    relay_given = Signal(str)
    cancelled = Signal()
    private_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Connect to a relay"), parent)
        self._url = self._proposed = ""
        self.problem = Prose(ink="bad")
        self.ask, self.wait = QWidget(), QWidget()
        self._build_ask(QVBoxLayout(self.ask))
        self._build_wait(QVBoxLayout(self.wait))
        self.body.setSpacing(SPACE_M)
        for part in (self.problem, self.ask, self.wait):
            self.body.addWidget(part)

    def _build_ask(self, column: QVBoxLayout) -> None:
        self.address = QLineEdit()
        self.address.setPlaceholderText("relay.example.org")
        self.address.setClearButtonEnabled(True)
        self.connect_button = Button(self.tr("Connect in browser"), "primary")
        self.connect_button.setEnabled(False)
        label = Text(self.tr("Address of the &relay"))
        label.setBuddy(self.address)
        self.address.setAccessibleName(self.tr("Address of the relay"))
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addWidget(self.address, 1)
        row.addWidget(self.connect_button)
        _column(column)
        column.addWidget(label)
        column.addLayout(row)
        how = self.tr("You sign in there with your browser and approve this PC. No password is typed here.")
        column.addWidget(Prose(how, Type.CAPTION, ink="muted"))
        self.private_button = Button(self.tr("Set up a private relay…"))
        private = QHBoxLayout()
        private.setContentsMargins(0, SPACE_S, 0, 0)
        private.setSpacing(SPACE_S)
        private.addWidget(Prose(self.tr("No relay at hand? This PC can run a private one, for your own programs.")), 1)
        private.addWidget(self.private_button)
        column.addLayout(private)
        self.private_button.clicked.connect(self.private_asked)
        self.address.textChanged.connect(lambda text: self.connect_button.setEnabled(bool(relay_address(text))))
        self.address.returnPressed.connect(self._give)
        self.connect_button.clicked.connect(self._give)

    def _build_wait(self, column: QVBoxLayout) -> None:
        self.code = Text("", Type.CODE)
        self.code.setProperty("code", "true")
        self.code.setTextInteractionFlags(_SELECTABLE)
        self.expiry = Prose(role=Type.CAPTION, ink="muted")
        self.page = QLineEdit()
        self.page.setReadOnly(True)
        self.page.setAccessibleName(self.tr("Address of the approval page"))
        self.copy_page_button = Button(self.tr("Copy address"))
        self.open_button = Button(self.tr("Open the approval page"), "primary")
        self.copy_button = Button(self.tr("Copy code"))
        self.cancel_button = Button(self.tr("Cancel"), "quiet")
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        for button in (self.open_button, self.copy_button, self.cancel_button):
            row.addWidget(button)
        row.addStretch(1)
        _column(column)
        column.addWidget(Prose(self.tr("Approve this PC in your browser. The code it shows or asks for is this one:")))
        code_row = QHBoxLayout()
        code_row.addWidget(self.code)
        code_row.addStretch(1)
        column.addLayout(code_row)
        column.addWidget(self.expiry)
        column.addLayout(row)
        # Where no browser opens, or the owner's is on another PC, the address is typed or carried there.
        page_row = QHBoxLayout()
        page_row.setSpacing(SPACE_S)
        page_row.addWidget(self.page, 1)
        page_row.addWidget(self.copy_page_button)
        column.addLayout(page_row)
        self.copy_page_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._url))
        self.open_button.clicked.connect(self._open)
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.code.text()))
        self.cancel_button.clicked.connect(self.cancelled)

    def show_view(self, view: EnrolmentView) -> None:
        waiting = bool(view.code)
        self.ask.setVisible(not waiting)
        self.wait.setVisible(waiting)
        self.problem.say(view.problem)
        if view.relay != self._proposed:  # Once: who clears the field wants to type another.
            self._proposed = view.relay
            self.address.setText(self.address.text() or view.relay)
        self._url = view.url
        self.code.setText(view.code)
        self.code.setAccessibleName(self.tr("Code: %1").replace("%1", " ".join(view.code)))
        self.expiry.say(view.expiry)
        if view.url != self.page.text():
            self.page.setText(view.url)
            self.page.setCursorPosition(0)
        for widget in (self.open_button, self.page, self.copy_page_button):
            widget.setVisible(_is_web(view.url))

    def _give(self) -> None:
        if relay := relay_address(self.address.text()):
            self.relay_given.emit(relay)

    def _open(self) -> None:
        if _is_web(self._url):
            QDesktopServices.openUrl(QUrl(self._url))


def _column(layout: QVBoxLayout) -> None:
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(SPACE_S)


def _is_web(address: str) -> bool:
    """A relay could send any address; only pages are opened, never files or other programs."""
    return QUrl(address).scheme() in {"http", "https"}
