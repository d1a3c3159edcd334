"""A question before something goes: what it removes, a button that does it, and the way out as the default."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from desktop.ui.library_views import QuestionView


def ask(view: QuestionView, parent: QWidget, agreed: Callable[[], None]) -> QMessageBox:
    """Opens the question and returns at once; `agreed` is called if the owner says yes. Enter and Escape mean no."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.NoIcon)
    box.setWindowTitle("Nightjar")
    box.setText(view.text)
    box.setInformativeText(view.detail)
    yes = box.addButton(view.yes, QMessageBox.ButtonRole.DestructiveRole)
    no = box.addButton(QCoreApplication.translate("Question", "Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(no)
    box.setEscapeButton(no)
    yes.clicked.connect(agreed)
    box.finished.connect(box.deleteLater)
    box.open()
    return box
