"""Whether what is written has the room it needs."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QPushButton, QRadioButton, QWidget

from desktop.ui.labels import Name, Prose


def cut_off(window: QWidget) -> list[str]:
    """Every visible text or control that has less room than it needs, or sticks out of the window."""
    found = []
    for widget in window.findChildren(QWidget):
        if not widget.isVisible() or not isinstance(
            widget, QLabel | QPushButton | QRadioButton | QLineEdit | QCheckBox | QComboBox
        ):
            continue
        if isinstance(widget, Prose):
            fits = widget.height() >= widget.heightForWidth(widget.width())
        elif isinstance(widget, Name):
            fits = widget.width() >= widget.minimumSizeHint().width()
        elif isinstance(widget, QLineEdit):
            fits = widget.width() >= 120
        else:
            need = widget.sizeHint()
            fits = widget.width() >= need.width() and widget.height() >= need.height()
        right = widget.mapTo(window, widget.rect().topRight()).x()
        if not fits or right > window.width():
            found.append(f"{type(widget).__name__}: {getattr(widget, 'text', str)()!r}")
    return found
