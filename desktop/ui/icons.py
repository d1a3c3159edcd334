"""The seven signs and Nightjar's own mark, painted from code: sharp at every size, in any ink.

A tray gets pixmaps of the usual sizes, never an SVG (some panels lose them). The grid is 16 units wide, because the
smallest tray is: whole units land on whole pixels there.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QLinearGradient, QPainter, QPainterPath, QPen, QPixmap

from desktop.ui.tokens import PANEL_ATTENTION, PANEL_INK
from desktop.ui.views import Shape

SIZES = (16, 20, 22, 24, 32, 40, 48, 64)
"""Pixels: what trays of Windows, macOS and Linux ask for, at 100 % and 200 %."""

_GRID = 16.0
_CENTRE = QPointF(8, 8)
_RING = 5.9
_STROKE = 1.9


def sign(shape: Shape, ink: str, size: int, *, ratio: float = 1.0) -> QPixmap:
    """One sign on nothing, `size` logical pixels wide."""
    pixmap = _blank(size, ratio)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size / _GRID, size / _GRID)
    _PAINT[shape](painter, QColor(ink))
    painter.end()
    return pixmap


def tray_icon(shape: Shape) -> QIcon:
    """A sign in the panel's ink. On macOS a mask: the menu bar colours it itself."""
    ink = PANEL_ATTENTION if shape is Shape.NEEDS_YOU else PANEL_INK
    icon = _icon(lambda size: sign(shape, ink, size))
    icon.setIsMask(sys.platform == "darwin")
    return icon


def app_icon() -> QIcon:
    """The window's and the launcher's icon."""
    return _icon(mark, (*SIZES, 128, 256))


def mark(size: int, ratio: float = 1.0) -> QPixmap:
    """Nightjar's mark: a moon in the night."""
    pixmap = _blank(size, ratio)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size / _GRID, size / _GRID)
    night = QLinearGradient(0, 0, _GRID, _GRID)
    night.setColorAt(0, QColor("#5a5cf0"))
    night.setColorAt(1, QColor("#2b2c86"))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(night)
    painter.drawRoundedRect(QRectF(0, 0, _GRID, _GRID), 4, 4)
    painter.setBrush(QColor("#ffffff"))
    painter.drawPath(_crescent())
    painter.end()
    return pixmap


def _crescent() -> QPainterPath:
    moon, shade = QPainterPath(), QPainterPath()
    moon.addEllipse(QPointF(7.6, 8.2), 4.4, 4.4)
    shade.addEllipse(QPointF(9.7, 6.5), 3.7, 3.7)
    return moon.subtracted(shade)


def _icon(draw: Callable[[int], QPixmap], sizes: tuple[int, ...] = SIZES) -> QIcon:
    icon = QIcon()
    for size in sizes:
        icon.addPixmap(draw(size))
    return icon


def _blank(size: int, ratio: float) -> QPixmap:
    pixmap = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    return pixmap


def _outline(painter: QPainter, ink: QColor, width: float = _STROKE) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(ink, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))


def _solid(painter: QPainter, ink: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)


def _filled(painter: QPainter, ink: QColor) -> None:
    _solid(painter, ink)
    painter.drawEllipse(_CENTRE, _RING + _STROKE / 2, _RING + _STROKE / 2)


def _ring(painter: QPainter, ink: QColor) -> None:
    _outline(painter, ink)
    painter.drawEllipse(_CENTRE, _RING, _RING)


def _clock(painter: QPainter, ink: QColor) -> None:
    _ring(painter, ink)
    _outline(painter, ink, 1.6)
    painter.drawPolyline([QPointF(8, 4.7), QPointF(8, 8), QPointF(10.4, 9.4)])


def _bars(painter: QPainter, ink: QColor) -> None:
    _solid(painter, ink)
    for left in (3.0, 9.0):
        painter.drawRoundedRect(QRectF(left, 2, 4, 12), 1.25, 1.25)


def _slash(painter: QPainter, ink: QColor) -> None:
    _ring(painter, ink)
    reach = _RING * math.sqrt(0.5)
    painter.drawLine(QPointF(8 - reach, 8 + reach), QPointF(8 + reach, 8 - reach))


def _exclamation(painter: QPainter, ink: QColor) -> None:
    _solid(painter, ink)
    painter.drawRoundedRect(QRectF(6, 1, 4, 8.5), 1.8, 1.8)
    painter.drawEllipse(QPointF(8, 12.75), 2.1, 2.1)


def _dots(painter: QPainter, ink: QColor) -> None:
    _solid(painter, ink)
    for step in range(8):
        angle = step * math.pi / 4
        painter.drawEllipse(QPointF(8 + _RING * math.cos(angle), 8 + _RING * math.sin(angle)), 1.4, 1.4)


_PAINT: dict[Shape, Callable[[QPainter, QColor], None]] = {
    Shape.SERVING: _filled,
    Shape.READY: _ring,
    Shape.WAITING: _clock,
    Shape.PAUSED: _bars,
    Shape.OFF: _slash,
    Shape.NEEDS_YOU: _exclamation,
    Shape.NO_CONTACT: _dots,
}
