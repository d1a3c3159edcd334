"""The mouse over one widget. `QTest.mouseMove` moves the screen's own pointer: whatever window lies on top hears it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget


def point_at(widget: QWidget, at: QPoint, *, pressed: bool = False) -> None:
    """The pointer comes to `at`, with the left button `pressed` or none."""
    held = Qt.MouseButton.LeftButton if pressed else Qt.MouseButton.NoButton
    nothing, keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    where = QPointF(widget.mapToGlobal(at))
    QApplication.sendEvent(widget, QMouseEvent(QEvent.Type.MouseMove, QPointF(at), where, nothing, held, keys))
