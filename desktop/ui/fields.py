"""Fields of a form: a choice, a number, a switch. What is shown is what was last told; only the hand makes a signal.

The wheel scrolls the page that holds them: it turns a field only where the owner has gone first.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionSpinBox,
    QWidget,
)
from typing_extensions import override

from desktop.ui.theme import Theme
from desktop.ui.tokens import SPACE_S

_BOX = 18
_CHEVRON = 4.0


class Choice(QComboBox):
    """One of a few values. `chosen` carries it."""

    chosen = Signal(float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown: tuple[tuple[tuple[float, str], ...], float] | None = None
        # The delegate of combo boxes takes no notice of the style sheet.
        self.setItemDelegate(QStyledItemDelegate(self))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.activated.connect(lambda at: self.chosen.emit(self.itemData(at)))
        theme.changed.connect(self.update)

    def show_value(self, options: tuple[tuple[float, str], ...], value: float) -> None:
        """`options` are values with their words; `value` is one of them."""
        if self._shown == (options, value) and self.currentData() == value:
            return
        if self._shown is None or self._shown[0] != options:
            self.clear()
            for each, words in options:
                self.addItem(words, each)
        self._shown = (options, value)
        self.setCurrentIndex([each for each, _ in options].index(value))

    @override
    def wheelEvent(self, e: QWheelEvent) -> None:
        super().wheelEvent(e) if self.hasFocus() else e.ignore()

    @override
    def paintEvent(self, e: QPaintEvent) -> None:
        super().paintEvent(e)
        painter = QPainter(self)
        rtl = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        at = QPointF(14 if rtl else self.width() - 14, self.height() / 2)
        _chevron(painter, at, self._theme.colours.muted, down=True)
        painter.end()


class Number(QDoubleSpinBox):
    """A number with at most one decimal, and its unit. `chosen` carries it once it was typed to its end, or stepped."""

    chosen = Signal(float)

    def __init__(self, theme: Theme, *, least: float, most: float, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setRange(least, most)
        self.setDecimals(1)
        self.setSuffix(f"\N{NO-BREAK SPACE}{unit}")
        # The style sheet's padding does not reach the text of a spin box.
        self.lineEdit().setTextMargins(SPACE_S, 0, SPACE_S, 0)
        self.setKeyboardTracking(False)
        self.setAccelerated(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.valueChanged.connect(self.chosen)
        theme.changed.connect(self.update)

    def show_value(self, value: float) -> None:
        """What is being typed stays as it is, where the value is the one that was."""
        if value != self.value():
            self.blockSignals(True)
            self.setValue(value)
            self.blockSignals(False)

    @override
    def textFromValue(self, val: float) -> str:
        return self.locale().toString(val, "f", 0 if val == round(val) else 1)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event) if self.hasFocus() else event.ignore()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        option = QStyleOptionSpinBox()
        self.initStyleOption(option)
        control, part = QStyle.ComplexControl.CC_SpinBox, QStyle.SubControl
        steps = {
            part.SC_SpinBoxUp: QAbstractSpinBox.StepEnabledFlag.StepUpEnabled,
            part.SC_SpinBoxDown: QAbstractSpinBox.StepEnabledFlag.StepDownEnabled,
        }
        painter = QPainter(self)
        for button, flag in steps.items():
            place = self.style().subControlRect(control, option, button, self)
            possible = self.isEnabled() and bool(self.stepEnabled() & flag)
            ink = self._theme.colours.muted if possible else self._theme.colours.edge
            _chevron(painter, QRectF(place).center(), ink, down=button is part.SC_SpinBoxDown)
        painter.end()


class Check(QCheckBox):
    """Yes or no. Painted by hand: a style sheet would need pictures for its tick."""

    def __init__(self, theme: Theme, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._theme = theme
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    @override
    def sizeHint(self) -> QSize:
        words = self.fontMetrics().horizontalAdvance(self.text())
        return QSize(_BOX + 6 + (SPACE_S + words if words else 0), max(self.fontMetrics().height(), _BOX) + 6)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def hitButton(self, pos: QPoint) -> bool:
        return self.rect().contains(pos)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours = self._theme.colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rtl = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        box = QRectF(self.width() - _BOX - 3 if rtl else 3, (self.height() - _BOX) / 2, _BOX, _BOX)
        on = self.isChecked()
        ground = colours.accent if on and self.isEnabled() else colours.field if self.isEnabled() else colours.calm_soft
        painter.setPen(QPen(QColor(colours.accent if on and self.isEnabled() else colours.control_edge), 1))
        painter.setBrush(QColor(ground))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        if on:
            _tick(painter, box, colours.on_accent if self.isEnabled() else colours.muted)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colours.accent), 2))
            painter.drawRoundedRect(box.adjusted(-2, -2, 2, 2), 7, 7)
        painter.setPen(QColor(colours.text if self.isEnabled() else colours.muted))
        words = (
            self.rect().adjusted(0, 0, -_BOX - 6 - SPACE_S, 0)
            if rtl
            else self.rect().adjusted(_BOX + 6 + SPACE_S, 0, 0, 0)
        )
        painter.drawText(words, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), self.text())
        painter.end()


def _chevron(painter: QPainter, at: QPointF, ink: str, *, down: bool) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(ink), 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    x, y, rise = at.x(), at.y(), _CHEVRON / 2 if down else -_CHEVRON / 2
    ends = QPointF(x - _CHEVRON, y - rise), QPointF(x + _CHEVRON, y - rise)
    painter.drawPolyline([ends[0], QPointF(x, y + rise), ends[1]])


def _tick(painter: QPainter, box: QRectF, ink: str) -> None:
    painter.setPen(QPen(QColor(ink), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    points = ((0.25, 0.52), (0.43, 0.70), (0.76, 0.32))
    painter.drawPolyline([QPointF(box.x() + box.width() * x, box.y() + box.height() * y) for x, y in points])
