"""Off, When idle, Always: radio buttons that look like one switch, and stay radio buttons to keyboard and reader."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QRadioButton, QSizePolicy, QWidget
from typing_extensions import override

from desktop.agent.state import Mode
from desktop.ui.theme import Theme
from desktop.ui.tokens import RADIUS_CONTROL

_PAD_X, _PAD_Y, _INSET = 16, 8, 3

_TABBED, _NOT_TABBED = Qt.FocusPolicy.TabFocus, Qt.FocusPolicy.NoFocus
"""The chosen segment alone is reached by the tab key, as in every group of radio buttons; Qt sees to it too late."""

_LEAST_TEXT_HEIGHT = 18
"""As in the style sheet's buttons: the switch is as high as the button beside it."""


class _Segment(QRadioButton):
    """One choice. Painted by hand: a style sheet cannot centre a radio button's text."""

    def __init__(self, text: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(text, parent)
        self._theme = theme
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(_NOT_TABBED)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    @override
    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        height = max(metrics.height(), _LEAST_TEXT_HEIGHT) + 2 * _PAD_Y
        return QSize(metrics.horizontalAdvance(self.text()) + 2 * _PAD_X, height)

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
        ground = QRectF(self.rect()).adjusted(_INSET, _INSET, -_INSET, -_INSET)
        radius = RADIUS_CONTROL - 2
        if self.isChecked():
            painter.setPen(QPen(QColor(colours.edge), 1))
            painter.setBrush(QColor(colours.accent if self.isEnabled() else colours.card))
            painter.drawRoundedRect(ground.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colours.text if self.isChecked() else colours.accent), 2))
            painter.drawRoundedRect(ground.adjusted(1, 1, -1, -1), radius, radius)
        painter.setPen(QColor(self._ink()))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self.text())
        painter.end()

    def _ink(self) -> str:
        colours = self._theme.colours
        if not self.isEnabled():
            return colours.muted
        if self.isChecked():
            return colours.on_accent
        return colours.text if self.underMouse() else colours.muted


class ModeSwitch(QWidget):
    """`chosen` comes only from the owner's hand, never from `show_mode`."""

    chosen = Signal(Mode)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAccessibleName(self.tr("When this PC shares"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._segments = {
            Mode.OFF: self._add(row, Mode.OFF, self.tr("Off"), self.tr("Share never")),
            Mode.IDLE: self._add(row, Mode.IDLE, self.tr("When idle"), self.tr("Share while nobody uses this PC")),
            Mode.ALWAYS: self._add(row, Mode.ALWAYS, self.tr("Always"), self.tr("Share even while this PC is used")),
        }
        theme.changed.connect(self.update)

    def _add(self, row: QHBoxLayout, mode: Mode, text: str, meaning: str) -> _Segment:
        segment = _Segment(text, self._theme, self)
        segment.setToolTip(meaning)
        segment.setAccessibleDescription(meaning)
        segment.toggled.connect(lambda checked: segment.setFocusPolicy(_TABBED if checked else _NOT_TABBED))
        segment.clicked.connect(lambda: self.chosen.emit(mode))
        row.addWidget(segment)
        return segment

    def show_mode(self, mode: Mode | None) -> None:
        """None: nobody knows yet, so nothing can be chosen."""
        self.setEnabled(mode is not None)
        if mode is not None:
            self._segments[mode].setChecked(True)

    def segment(self, mode: Mode) -> QRadioButton:
        return self._segments[mode]

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self._theme.colours.edge), 1))
        painter.setBrush(QColor(self._theme.colours.calm_soft))
        outline = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(outline, RADIUS_CONTROL, RADIUS_CONTROL)
        painter.end()
