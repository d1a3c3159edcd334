"""The week as a grid of half hours, painted open and closed with the mouse or with the keyboard.

A stroke covers all half hours, on all days, between where it began and where it is; what it began on says whether it
opens or closes. It is shown while it lasts, and told when it ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QFocusEvent,
    QFontMetrics,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from desktop.agent.sharing.schedule import DAY_SLOTS, SLOT_MINUTES
from desktop.ui.rules_views import WeekView
from desktop.ui.theme import Theme, Type, font
from desktop.ui.tokens import SPACE_M, SPACE_S, SPACE_XS, Colours

_DAYS = 7
_ROW, _GAP = 22, 4
_PAD = SPACE_S
"""Around the grid, for the ring of the focus."""

_LEAST_STEP = 7
"""Logical pixels of a half hour, at the least."""

_ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Home: (0, -DAY_SLOTS),
    Qt.Key.Key_End: (0, DAY_SLOTS),
}


@dataclass(frozen=True, slots=True)
class Stroke:
    """`before` is what was open when it began at `begin`."""

    begin: int
    opens: bool
    before: frozenset[int]

    def to(self, end: int) -> frozenset[int]:
        """What is open after it."""
        days = sorted((self.begin // DAY_SLOTS, end // DAY_SLOTS))
        times = sorted((self.begin % DAY_SLOTS, end % DAY_SLOTS))
        covered = {
            day * DAY_SLOTS + time for day in range(days[0], days[1] + 1) for time in range(times[0], times[1] + 1)
        }
        return self.before | covered if self.opens else self.before - covered


class WeekGrid(QWidget):
    """Arrows, Home and End go from half hour to half hour, space switches one, shift with them paints on.

    `painted` carries the half hours that are open then, `pointed` says the one under the hand in words.
    """

    painted = Signal(object)
    pointed = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._view = WeekView(frozenset(), None, "", ("",) * _DAYS, ("",) * _DAYS, ("",) * (DAY_SLOTS + 1))
        self._caption = font(Type.CAPTION)
        self._stroke: Stroke | None = None
        self._by_mouse = False
        self.open: frozenset[int] = frozenset()
        self.at = 0
        self._under: int | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_view(self, view: WeekView) -> None:
        """A stroke of the mouse that is not at its end yet stays what it is."""
        if view == self._view and view.slots == self.open:
            return
        named = (view.short_days, view.times) != (self._view.short_days, self._view.times)
        self._view = view
        if not self._by_mouse and view.slots != self.open:
            self.open, self._stroke = view.slots, None
        name = self.tr("Hours of the week in which this PC may share")
        self.setAccessibleName(f"{name}. {view.summary}")
        self._tell()
        if named:
            self.updateGeometry()
        self.update()

    @property
    def now(self) -> float | None:
        """The minute of the week that is marked."""
        return self._view.now

    def words(self, slot: int) -> str:
        """`Monday 18:00-18:30: open`."""
        day, time = divmod(slot, DAY_SLOTS)
        view = self._view
        text = self.tr("%1 %2–%3: open") if slot in self.open else self.tr("%1 %2–%3: closed")
        return text.replace("%3", view.times[time + 1]).replace("%2", view.times[time]).replace("%1", view.days[day])

    def _tell(self) -> None:
        slot = self._under if self._under is not None else self.at if self.hasFocus() else None
        self.pointed.emit("" if slot is None else self.words(slot))
        said = self.words(self.at)
        if said != self.accessibleDescription():
            self.setAccessibleDescription(said)
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.DescriptionChanged))

    def _open(self, slots: frozenset[int]) -> None:
        self.open = slots
        self._tell()
        self.update()

    # --- the keyboard ----------------------------------------------------------------------------------------------

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, shift = Qt.Key(event.key()), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in _ARROWS:
            self._step(*_ARROWS[key], paints=shift)
        elif key is Qt.Key.Key_Space:
            self._stroke = Stroke(self.at, self.at not in self.open, self.open)
            self._open(self._stroke.to(self.at))
            self.painted.emit(self.open)
        elif key is Qt.Key.Key_Escape and self._by_mouse:
            self._give_up()
        else:
            super().keyPressEvent(event)

    def _step(self, days: int, times: int, *, paints: bool) -> None:
        if self._mirrored and abs(times) == 1:
            times = -times
        day, time = divmod(self.at, DAY_SLOTS)
        if not paints:
            self._stroke = None
        elif self._stroke is None:
            self._stroke = Stroke(self.at, self.at in self.open, self.open)
        self.at = min(max(day + days, 0), _DAYS - 1) * DAY_SLOTS + min(max(time + times, 0), DAY_SLOTS - 1)
        self._under = None
        if self._stroke is None:
            self._open(self.open)
        else:
            self._open(self._stroke.to(self.at))
            self.painted.emit(self.open)

    @override
    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        super().keyReleaseEvent(event)
        if Qt.Key(event.key()) is Qt.Key.Key_Shift and not event.isAutoRepeat() and not self._by_mouse:
            self._stroke = None

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._tell()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if not self._by_mouse:
            self._stroke = None
        self._tell()

    # --- the mouse -------------------------------------------------------------------------------------------------

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        slot = self._slot_at(event.position())
        if event.button() is not Qt.MouseButton.LeftButton or slot is None:
            super().mousePressEvent(event)
            return
        self._by_mouse, self.at, self._under = True, slot, slot
        self._stroke = Stroke(slot, slot not in self.open, self.open)
        self._open(self._stroke.to(slot))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        slot = self._slot_at(event.position(), nearest=self._by_mouse)
        if slot == self._under:
            return
        self._under = slot
        if self._by_mouse and self._stroke is not None and slot is not None:
            self.at = slot
            self._open(self._stroke.to(slot))
        else:
            self._open(self.open)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._by_mouse or event.button() is not Qt.MouseButton.LeftButton:
            super().mouseReleaseEvent(event)
            return
        self._by_mouse, self._stroke = False, None
        self.painted.emit(self.open)

    @override
    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._under = None
        self._open(self.open)

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        """The hand lets go of what is no longer there: its end would never be heard of."""
        super().hideEvent(event)
        if self._by_mouse:
            self._give_up()

    def _give_up(self) -> None:
        """The stroke never was."""
        self._by_mouse, self._stroke = False, None
        self._open(self._view.slots)

    # --- places ----------------------------------------------------------------------------------------------------

    @property
    def _mirrored(self) -> bool:
        return self.layoutDirection() is Qt.LayoutDirection.RightToLeft

    @property
    def _head(self) -> int:
        return _PAD + QFontMetrics(self._caption).height() + SPACE_XS

    @property
    def _side(self) -> int:
        """Width of the days' names."""
        metrics = QFontMetrics(self._caption)
        return _PAD + max(metrics.horizontalAdvance(day) for day in self._view.short_days) + SPACE_M

    @property
    def _step_width(self) -> float:
        return (self.width() - self._side - _PAD) / DAY_SLOTS

    def place(self, slot: int, *, wide: int = 1) -> QRectF:
        """Where a half hour is, with those after it up to `wide` of them."""
        day, time = divmod(slot, DAY_SLOTS)
        left, width = time * self._step_width, wide * self._step_width
        x = self.width() - self._side - left - width if self._mirrored else self._side + left
        return QRectF(x, self._head + day * (_ROW + _GAP), width, _ROW)

    def _slot_at(self, at: QPointF, *, nearest: bool = False) -> int | None:
        across = (self.width() - at.x() if self._mirrored else at.x()) - self._side
        time, day = int(across // self._step_width), int((at.y() - self._head) // (_ROW + _GAP))
        if not nearest and not (0 <= time < DAY_SLOTS and 0 <= day < _DAYS):
            return None
        return min(max(day, 0), _DAYS - 1) * DAY_SLOTS + min(max(time, 0), DAY_SLOTS - 1)

    @override
    def sizeHint(self) -> QSize:
        return QSize(self.minimumSizeHint().width() + 200, self.minimumSizeHint().height())

    @override
    def minimumSizeHint(self) -> QSize:
        height = self._head + _DAYS * (_ROW + _GAP) - _GAP + _PAD
        return QSize(self._side + _PAD + DAY_SLOTS * _LEAST_STEP, height)

    # --- the picture -----------------------------------------------------------------------------------------------

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours = self._theme.colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._caption)
        self._paint_names(painter, colours)
        for day in range(_DAYS):
            self._paint_day(painter, colours, day)
        self._paint_hours(painter, colours)
        self._paint_now(painter, colours)
        self._paint_hand(painter, colours)
        painter.end()

    def _paint_names(self, painter: QPainter, colours: Colours) -> None:
        painter.setPen(QColor(colours.muted))
        near = Qt.AlignmentFlag.AlignLeft  # Where writing begins: the painter mirrors it.
        for day, name in enumerate(self._view.short_days):
            row = self.place(day * DAY_SLOTS)
            line = QRectF(_PAD, row.y(), self.width() - 2 * _PAD, _ROW)
            painter.drawText(line, int(near | Qt.AlignmentFlag.AlignVCenter), name)
        metrics = QFontMetrics(self._caption)
        widest = max(metrics.horizontalAdvance(time) for time in self._view.times) + SPACE_S
        hours = next((hours for hours in (2, 3, 6) if hours * 2 * self._step_width >= widest), 12)
        for slot in range(0, DAY_SLOTS, hours * 2):
            place = self.place(slot, wide=hours * 2)
            painter.drawText(QRectF(place.x(), _PAD, place.width(), self._head), int(near), self._view.times[slot])

    def _paint_day(self, painter: QPainter, colours: Colours, day: int) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.calm_soft))
        painter.drawRoundedRect(self.place(day * DAY_SLOTS, wide=DAY_SLOTS), 4, 4)
        painter.setBrush(QColor(colours.accent if self.isEnabled() else colours.control_edge))
        first = day * DAY_SLOTS
        run = 0
        for slot in range(first, first + DAY_SLOTS + 1):
            if slot in self.open and slot < first + DAY_SLOTS:
                run += 1
            elif run:
                painter.drawRoundedRect(self.place(slot - run, wide=run), 4, 4)
                run = 0

    def _paint_hours(self, painter: QPainter, colours: Colours) -> None:
        """Between the hours the ground shows through."""
        bottom = self.place((_DAYS - 1) * DAY_SLOTS).bottom()
        for slot in range(2, DAY_SLOTS, 2):
            place = self.place(slot)
            x = round(place.right() if self._mirrored else place.x()) + 0.5
            painter.setPen(QPen(QColor(colours.card), 2 if slot % 12 == 0 else 1))
            painter.drawLine(QPointF(x, self._head), QPointF(x, bottom))

    def _paint_now(self, painter: QPainter, colours: Colours) -> None:
        if self._view.now is None:
            return
        slot, part = divmod(self._view.now, SLOT_MINUTES)
        place = self.place(int(slot))
        into = place.width() * part / SLOT_MINUTES
        x = place.right() - into if self._mirrored else place.x() + into
        for width, ink in ((5, colours.card), (2, colours.text)):
            painter.setPen(QPen(QColor(ink), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(x, place.top() - 1), QPointF(x, place.bottom() + 1))

    def _paint_hand(self, painter: QPainter, colours: Colours) -> None:
        """A ring around the half hour of the keyboard, a thin one around that of the mouse."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        rings = [(self._under, 1)] if self._under is not None else []
        if self.hasFocus():
            rings.append((self.at, 2))
        for slot, width in rings:
            ring = self.place(slot).adjusted(-1.5, -1.5, 1.5, 1.5)
            for pen, ink in ((width + 2, colours.card), (width, colours.text)):
                painter.setPen(QPen(QColor(ink), pen))
                painter.drawRoundedRect(ring, 4, 4)
        if self.hasFocus():
            painter.setPen(QPen(QColor(colours.accent), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
