"""A question before something is done: a button that does it, and the way out as the default. Or only a word."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QGridLayout, QMessageBox, QSpacerItem, QWidget

from desktop.ui.labels import breakable
from desktop.ui.library_views import QuestionView
from desktop.ui.tokens import SPACE_L, SPACE_M

_WIDE = 360
"""Logical pixels of a question's words, at least."""


def ask(view: QuestionView, parent: QWidget, agreed: Callable[[], None]) -> QMessageBox:
    """Opens the question and returns at once; `agreed` is called if the owner says yes. Enter and Escape mean no."""
    box = box_of(view.text, view.detail, parent)
    yes = box.addButton(view.yes, QMessageBox.ButtonRole.DestructiveRole)
    no = box.addButton(QCoreApplication.translate("Question", "Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(no)
    box.setEscapeButton(no)
    yes.clicked.connect(agreed)
    box.finished.connect(box.deleteLater)
    box.open()
    return box


def tell(sentence: str, parent: QWidget) -> QMessageBox:
    """Says `sentence`, and returns at once."""
    box = box_of(sentence, "", parent)
    box.addButton(QCoreApplication.translate("Question", "Close"), QMessageBox.ButtonRole.AcceptRole)
    box.finished.connect(box.deleteLater)
    box.open()
    return box


def box_of(text: str, detail: str, parent: QWidget) -> QMessageBox:
    """Without buttons. What others wrote is shown as it is, not as markup, and makes no box wider than a screen."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.NoIcon)
    box.setWindowTitle("Nightjar")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(breakable(text))
    box.setInformativeText(breakable(detail))
    box.setProperty("asks", bool(detail))
    _lay_out(box)
    return box


def _lay_out(box: QMessageBox) -> None:
    """As the rest of the window: Qt indents for a picture that is not there, and makes short questions very narrow."""
    grid = box.layout()
    if isinstance(grid, QGridLayout):
        grid.setContentsMargins(SPACE_L, SPACE_L, SPACE_L, SPACE_L)
        grid.setHorizontalSpacing(0)
        grid.setVerticalSpacing(SPACE_M)
        grid.setColumnMinimumWidth(1, _WIDE)
        for item in map(grid.itemAt, range(grid.count())):
            if isinstance(item, QSpacerItem):
                item.changeSize(0, 0)
