"""A question before something is done: a button that does it, and the way out as the default. Or only a word."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from desktop.ui.labels import breakable
from desktop.ui.library_views import QuestionView


def ask(view: QuestionView, parent: QWidget, agreed: Callable[[], None]) -> QMessageBox:
    """Opens the question and returns at once; `agreed` is called if the owner says yes. Enter and Escape mean no."""
    box = _box(view.text, view.detail, parent)
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
    box = _box(sentence, "", parent)
    box.addButton(QCoreApplication.translate("Question", "Close"), QMessageBox.ButtonRole.AcceptRole)
    box.finished.connect(box.deleteLater)
    box.open()
    return box


def _box(text: str, detail: str, parent: QWidget) -> QMessageBox:
    """What others wrote is shown as it is, not as markup, and makes no box wider than a screen."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.NoIcon)
    box.setWindowTitle("Nightjar")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(breakable(text))
    box.setInformativeText(breakable(detail))
    return box
