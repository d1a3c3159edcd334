"""The signs of the places, drawn in lines on a grid of 16 units, in any ink."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from desktop.ui.places import Place

_GRID = 16.0
_STROKE = 1.5


def paint_sign(painter: QPainter, place: Place, at: QRectF, ink: str) -> None:
    """Into the square `at`."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(at.topLeft())
    painter.scale(at.width() / _GRID, at.width() / _GRID)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    pen = QPen(QColor(ink), _STROKE, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    _PAINT[place](painter)
    painter.restore()


def _home(painter: QPainter) -> None:
    painter.drawPolyline(_points((2, 7.6), (8, 2.4), (14, 7.6)))
    painter.drawPolyline(_points((3.8, 6.6), (3.8, 13.4), (12.2, 13.4), (12.2, 6.6)))
    painter.drawPolyline(_points((6.6, 13.2), (6.6, 9.6), (9.4, 9.6), (9.4, 13.2)))


def _models(painter: QPainter) -> None:
    painter.drawPolygon(_points((8, 2), (14, 5), (8, 8), (2, 5)))
    for down in (8.0, 11.0):
        painter.drawPolyline(_points((2, down), (8, down + 3), (14, down)))


def _earnings(painter: QPainter) -> None:
    painter.drawPolyline(_points((2.2, 2.2), (2.2, 13.8), (13.8, 13.8)))
    for left, top in ((5.4, 9.6), (8.8, 6.8), (12.2, 3.6)):
        painter.drawLine(QPointF(left, top), QPointF(left, 11))


def _activity(painter: QPainter) -> None:
    painter.drawPolyline(_points((1.6, 8.4), (4.6, 8.4), (6.6, 3), (9.4, 13), (11.4, 8.4), (14.4, 8.4)))


def _rules(painter: QPainter) -> None:
    for down, knob in ((3.6, 10.4), (8.0, 5.2), (12.4, 9.2)):
        painter.drawLine(QPointF(2, down), QPointF(knob - 1.7, down))
        painter.drawLine(QPointF(knob + 1.7, down), QPointF(14, down))
        painter.drawEllipse(QPointF(knob, down), 1.6, 1.6)


def _settings(painter: QPainter) -> None:
    teeth, wheel = 8, QPainterPath()
    for step in range(teeth * 4):
        radius = 6.4 if step % 4 in {0, 1} else 4.9
        angle = (step - 0.5) * math.tau / (teeth * 4)
        point = QPointF(8 + radius * math.sin(angle), 8 - radius * math.cos(angle))
        wheel.lineTo(point) if step else wheel.moveTo(point)
    wheel.closeSubpath()
    painter.drawPath(wheel)
    painter.drawEllipse(QPointF(8, 8), 2.1, 2.1)


def _diagnostics(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(2.6, 3.4, 10.8, 10.8), 1.6, 1.6)
    painter.drawLine(QPointF(6, 1.8), QPointF(6, 4.6))
    painter.drawLine(QPointF(10, 1.8), QPointF(10, 4.6))
    painter.drawPolyline(_points((5.4, 9.2), (7.2, 11), (10.8, 7.2)))


def _points(*pairs: tuple[float, float]) -> list[QPointF]:
    return [QPointF(x, y) for x, y in pairs]


_PAINT: dict[Place, Callable[[QPainter], None]] = {
    Place.HOME: _home,
    Place.MODELS: _models,
    Place.EARNINGS: _earnings,
    Place.ACTIVITY: _activity,
    Place.RULES: _rules,
    Place.SETTINGS: _settings,
    Place.DIAGNOSTICS: _diagnostics,
}
