"""The column chart: one column a day, the value of one under the pointer or the arrow keys written out above it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from desktop.ui.chart_views import ChartView
from desktop.ui.theme import Theme, Type, font
from desktop.ui.tokens import SPACE_S, SPACE_XS

_PLOT = 132
_WIDEST = 34
_GAP = 0.28
"""Of a column's place, left free."""

_LEAST = 2.0
"""Logical pixels of a column that is not nothing."""


class ColumnChart(QWidget):
    """Reached by the tab key; Left, Right, Home and End go from column to column, and a reader hears each."""

    pointed = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._view = ChartView((), 1.0, "", "")
        self.at: int | None = None
        self._caption = font(Type.CAPTION)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_view(self, view: ChartView) -> None:
        if view == self._view:
            return
        self._view = view
        if self.at is not None and self.at >= len(view.columns):
            self.at = None
        self.setAccessibleName(view.summary)
        self._describe()
        self.update()

    @property
    def said(self) -> str:
        """The line above the columns: of the one that is pointed at, else of them all."""
        return self._view.columns[self.at].text if self.at is not None else self._view.summary

    def point(self, at: int | None) -> None:
        """At a column, or at none."""
        if at == self.at:
            return
        self.at = at
        self._describe()
        self.update()
        self.pointed.emit(-1 if at is None else at)

    def _describe(self) -> None:
        self.setAccessibleDescription("" if self.at is None else self.said)
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.DescriptionChanged))

    # --- the hand --------------------------------------------------------------------------------------------------

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        last = len(self._view.columns) - 1
        key = Qt.Key(event.key())
        if last < 0 or (key not in steps and key not in {Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Escape}):
            super().keyPressEvent(event)
        elif key is Qt.Key.Key_Escape:
            self.point(None)
        elif key in steps:
            step = -steps[key] if self._mirrored else steps[key]
            self.point(last if self.at is None else min(max(self.at + step, 0), last))
        else:
            self.point(0 if key is Qt.Key.Key_Home else last)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._view.columns and self.at is None and event.reason() is not Qt.FocusReason.MouseFocusReason:
            self.point(len(self._view.columns) - 1)

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.point(None)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.point(self._column_at(event.position().x()))

    @override
    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if not self.hasFocus():
            self.point(None)

    # --- the picture -----------------------------------------------------------------------------------------------

    @property
    def _line(self) -> int:
        return QFontMetrics(self._caption).height()

    @property
    def _mirrored(self) -> bool:
        return self.layoutDirection() is Qt.LayoutDirection.RightToLeft

    @override
    def sizeHint(self) -> QSize:
        return QSize(320, _PLOT + 2 * self._line + 3 * SPACE_S)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def _step(self) -> float:
        """The width of one column's place."""
        return self.width() / max(1, len(self._view.columns))

    def _column_at(self, x: float) -> int | None:
        count = len(self._view.columns)
        if not count:
            return None
        at = min(max(int(x / self._step()), 0), count - 1)
        return count - 1 - at if self._mirrored else at

    def _place(self, at: int) -> QRectF:
        """Where the column stands, of full height."""
        step = self._step()
        slot = len(self._view.columns) - 1 - at if self._mirrored else at
        width = min(step * (1 - _GAP), _WIDEST)
        top = self._line + 2 * SPACE_S
        return QRectF(slot * step + (step - width) / 2, top, width, _PLOT)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._caption)
        self._paint_words(painter)
        self._paint_grid(painter)
        for at in range(len(self._view.columns)):
            self._paint_column(painter, at)
        self._paint_labels(painter)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(self._theme.colours.accent), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        painter.end()

    def _paint_words(self, painter: QPainter) -> None:
        """What is pointed at on the leading side, what the upper line stands for on the other."""
        colours = self._theme.colours
        line = QRectF(SPACE_XS, SPACE_XS, self.width() - 2 * SPACE_XS, self._line)
        painter.setPen(QColor(colours.muted))
        far = Qt.AlignmentFlag.AlignLeft if self._mirrored else Qt.AlignmentFlag.AlignRight
        near = Qt.AlignmentFlag.AlignRight if self._mirrored else Qt.AlignmentFlag.AlignLeft
        painter.drawText(line, int(far | Qt.AlignmentFlag.AlignVCenter), self._view.top)
        painter.setPen(QColor(colours.text if self.at is not None else colours.muted))
        room = line.width() - QFontMetrics(self._caption).horizontalAdvance(self._view.top) - SPACE_S
        said = QFontMetrics(self._caption).elidedText(self.said, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(line, int(near | Qt.AlignmentFlag.AlignVCenter), said)

    def _paint_grid(self, painter: QPainter) -> None:
        top = self._line + 2 * SPACE_S
        painter.setPen(QPen(QColor(self._theme.colours.edge), 1))
        for share in (0.0, 0.5, 1.0):
            y = round(top + _PLOT * share) + 0.5
            painter.drawLine(QPointF(0, y), QPointF(self.width(), y))

    def _paint_column(self, painter: QPainter, at: int) -> None:
        column, place = self._view.columns[at], self._place(at)
        if column.value <= 0:
            return
        height = max(min(column.value / self._view.scale, 1.0) * _PLOT, _LEAST)
        body = QRectF(place.x(), place.bottom() - height, place.width(), height)
        colours = self._theme.colours
        ink = QColor(colours.accent_hover if at == self.at else colours.accent)
        if self.at is not None and at != self.at:
            ink.setAlphaF(0.45)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        radius = min(4.0, place.width() / 3, height / 2)
        painter.drawRoundedRect(body, radius, radius)

    def _paint_labels(self, painter: QPainter) -> None:
        """As many as stand beside each other with room between: the newest always."""
        count = len(self._view.columns)
        if not count:
            return
        metrics = QFontMetrics(self._caption)
        widest = max(metrics.horizontalAdvance(column.label) for column in self._view.columns)
        every = max(1, -(-(widest + 2 * SPACE_S) // max(1, int(self._step()))))
        y = self._line + 2 * SPACE_S + _PLOT + SPACE_XS
        painter.setPen(QColor(self._theme.colours.muted))
        for at in range(count - 1, -1, -every):
            text = self._view.columns[at].label
            width = metrics.horizontalAdvance(text)
            x = min(max(self._place(at).center().x() - width / 2, 0), self.width() - width)
            painter.drawText(QRectF(x, y, width + 1, self._line), int(Qt.AlignmentFlag.AlignCenter), text)
