"""What is painted by hand on the cards: the line of the last minute's speed, a bar, and the round sign of the state."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from desktop.ui.icons import sign
from desktop.ui.theme import Theme
from desktop.ui.views import Shape, Tone

_SECONDS = 60
_HEIGHT = 64
_BAR = 6
_HEADROOM = 1.15
_LOWEST_PEAK = 1.0
"""Tokens/s below which the line stays low: noise near nothing must not look like work."""


class Sparkline(QWidget):
    """Tokens/s over the last minute, now at the right. No axis: the figure above it is the number."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._values: tuple[float, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_values(self, values: tuple[float, ...]) -> None:
        if values != self._values:
            self._values = values
            self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, _HEIGHT)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(120, _HEIGHT)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        floor = self.height() - 1.5
        painter.setPen(QPen(QColor(self._theme.colours.edge), 1))
        painter.drawLine(QPointF(0, floor + 1), QPointF(self.width(), floor + 1))
        if any(value > 0 for value in self._values):
            self._paint_line(painter, floor)
        painter.end()

    def _paint_line(self, painter: QPainter, floor: float) -> None:
        ink = QColor(self._theme.colours.accent)
        points = self._points(floor)
        line = QPainterPath(points[0])
        for point in points[1:]:
            line.lineTo(point)
        area = QPainterPath(line)
        area.lineTo(points[-1].x(), floor)
        area.lineTo(points[0].x(), floor)
        fade = QLinearGradient(0, 0, 0, floor)
        for at, strength in ((0.0, 70), (1.0, 8)):
            fade.setColorAt(at, QColor(ink.red(), ink.green(), ink.blue(), strength))
        painter.fillPath(area, fade)
        painter.setPen(QPen(ink, 1.75, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.drawPath(line)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        painter.drawEllipse(points[-1], 3, 3)

    def _points(self, floor: float) -> list[QPointF]:
        values = self._values[-_SECONDS:]
        peak = max(*values, _LOWEST_PEAK) * _HEADROOM
        right = self.width() - 4.0
        step = right / (_SECONDS - 1)
        first = right - step * (len(values) - 1)
        return [QPointF(first + step * at, floor - (floor - 4) * value / peak) for at, value in enumerate(values)]


class Bar(QWidget):
    """How much of something is there. Its words stand beside it: the bar is for the eye alone."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown = (0.0, Tone.CALM)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_BAR)
        theme.changed.connect(self.update)

    def show_share(self, share: float, tone: Tone) -> None:
        """`share` from 0 to 1."""
        if (share, tone) != self._shown:
            self._shown = (share, tone)
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        share, tone = self._shown
        colours = self._theme.colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        groove = QRectF(self.rect())
        painter.setBrush(QColor(colours.edge))
        painter.drawRoundedRect(groove, _BAR / 2, _BAR / 2)
        if share > 0:
            width = max(groove.width() * min(share, 1.0), _BAR)
            at = groove.width() - width if self.layoutDirection() is Qt.LayoutDirection.RightToLeft else 0.0
            painter.setBrush(QColor(colours.accent if tone is Tone.GOOD else colours.ink(tone)))
            painter.drawRoundedRect(QRectF(at, 0, width, _BAR), _BAR / 2, _BAR / 2)
        painter.end()


class Badge(QWidget):
    """The state's sign, large, on a soft round ground in its tone."""

    def __init__(self, theme: Theme, size: int = 56, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown = (Shape.NO_CONTACT, Tone.CALM)
        self.setFixedSize(size, size)
        theme.changed.connect(self.update)

    def show_sign(self, shape: Shape, tone: Tone) -> None:
        if (shape, tone) != self._shown:
            self._shown = (shape, tone)
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        shape, tone = self._shown
        colours = self._theme.colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.ground(tone)))
        painter.drawEllipse(QRectF(self.rect()))
        inner = self.width() // 2
        at = (self.width() - inner) / 2
        painter.drawPixmap(QPointF(at, at), sign(shape, colours.ink(tone), inner, ratio=self.devicePixelRatioF()))
        painter.end()
