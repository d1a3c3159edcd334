"""Asks for a program that runs now: the one whose end is to end a pause, or one to keep the PC free for."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QListWidget, QVBoxLayout, QWidget

from desktop.ui.buttons import Button
from desktop.ui.labels import Prose
from desktop.ui.tokens import SPACE_L, SPACE_M, SPACE_S


class ProgramPrompt(QDialog):
    """A list of `running` and a field that narrows it. `named` carries the name that was chosen.

    Unless `explain` says otherwise, it is for a pause.
    """

    named = Signal(str)

    def __init__(self, running: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Pause until a program closes"))
        self._running = running
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search"))
        self.search.setAccessibleName(self.tr("Search the programs that run"))
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Programs that run"))
        self.text = Prose(
            self.tr("Nothing is shared until the program you choose here has closed, for a week at the most.")
        )
        self.pause = Button(self.tr("Pause"), "primary")
        self.cancel = Button(self.tr("Cancel"), "quiet")
        self.pause.setDefault(True)
        self._lay_out()
        self.search.textChanged.connect(self._narrow)
        self.list.itemActivated.connect(lambda _item: self._choose())
        self.list.currentRowChanged.connect(lambda row: self.pause.setEnabled(row >= 0))
        self.pause.clicked.connect(self._choose)
        self.cancel.clicked.connect(self.reject)
        self._narrow("")

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_L, SPACE_L, SPACE_L, SPACE_L)
        column.setSpacing(SPACE_M)
        column.addWidget(self.text)
        column.addWidget(self.search)
        column.addWidget(self.list, 1)
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addStretch(1)
        row.addWidget(self.cancel)
        row.addWidget(self.pause)
        column.addLayout(row)
        self.resize(420, 440)

    def explain(self, title: str, text: str, choose: str) -> None:
        """What it is for, and what its button says."""
        self.setWindowTitle(title)
        self.text.say(text)
        self.pause.setText(choose)

    def _narrow(self, typed: str) -> None:
        self.list.clear()
        self.list.addItems([name for name in self._running if typed.strip().lower() in name.lower()])
        # Chosen for the owner only once they have narrowed the list.
        self.list.setCurrentRow(0 if typed.strip() and self.list.count() else -1)
        self.pause.setEnabled(self.list.currentRow() >= 0)

    def _choose(self) -> None:
        if (chosen := self.list.currentItem()) is not None:
            self.named.emit(chosen.text())
            self.accept()
