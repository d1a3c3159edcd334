"""The sidebar: Nightjar's mark, the places, and how sharing stands, on every page.

Where the window is narrow it is a rail of signs; the names are then in the tooltips, and always in the ear.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from desktop.ui.icons import mark
from desktop.ui.labels import Text, as_tip
from desktop.ui.meters import Badge
from desktop.ui.place_signs import paint_sign
from desktop.ui.places import Place
from desktop.ui.theme import Theme, Type, font
from desktop.ui.tokens import RADIUS_CONTROL, SPACE_L, SPACE_M, SPACE_S
from desktop.ui.views import StateView

RAIL = 60
"""Logical pixels of the narrow form."""

_NARROWEST, _WIDEST = 196, 280
_SIGN, _ROW_PAD = 18, 9
_MARK, _BADGE = 28, 28

_Index = QModelIndex | QPersistentModelIndex
_Flag = Qt.AlignmentFlag


class Sidebar(QWidget):
    """`chosen` comes from the owner's hand alone, never from `show_place`."""

    chosen = Signal(Place)

    def __init__(self, theme: Theme, places: Sequence[Place], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.rail = False
        self.list = QListWidget()
        self.badge = Badge(theme, _BADGE)
        self._state = Text("", Type.CAPTION)
        self._name = Text("Nightjar", Type.TITLE)
        self.list.setAccessibleName(self.tr("Pages"))
        self.list.setProperty("sidebar", "true")
        self.list.setItemDelegate(_Rows(self, theme))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setMouseTracking(True)
        for at, place in enumerate(places):
            self.list.addItem(self._row(place, at))
        self._lay_out()
        self.list.currentRowChanged.connect(lambda row: self.chosen.emit(places[row]))
        theme.changed.connect(self.update)

    def title(self, place: Place) -> str:
        return {
            Place.HOME: self.tr("Home"),
            Place.MODELS: self.tr("Models"),
            Place.EARNINGS: self.tr("Earnings"),
            Place.ACTIVITY: self.tr("Activity"),
            Place.RULES: self.tr("Sharing rules"),
            Place.SETTINGS: self.tr("Settings"),
            Place.DIAGNOSTICS: self.tr("Diagnostics"),
        }[place]

    def _row(self, place: Place, at: int) -> QListWidgetItem:
        title = self.title(place)
        item = QListWidgetItem(title)
        item.setData(Qt.ItemDataRole.UserRole, place)
        item.setToolTip(f"{title}  (Ctrl+{at + 1})")
        return item

    def _lay_out(self) -> None:
        picture = QLabel()
        picture.setPixmap(mark(_MARK, self.devicePixelRatioF()))
        head = QHBoxLayout()
        head.setContentsMargins(SPACE_S, 0, SPACE_S, 0)
        head.setSpacing(SPACE_M)
        head.addWidget(picture)
        head.addWidget(self._name)
        head.addStretch(1)
        foot = QHBoxLayout()
        foot.setContentsMargins(SPACE_S, 0, SPACE_S, 0)
        foot.setSpacing(SPACE_S)
        foot.addWidget(self.badge)
        self._state.setWordWrap(True)
        foot.addWidget(self._state, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_S, SPACE_L, SPACE_S, SPACE_L)
        column.setSpacing(SPACE_L)
        column.addLayout(head)
        column.addWidget(self.list, 1)
        column.addLayout(foot)

    # --- width -----------------------------------------------------------------------------------------------------

    @property
    def full_width(self) -> int:
        """Of the wide form: as wide as the longest title, within reason."""
        metrics = QFontMetrics(font(Type.STRONG))  # as the place where one is stands there
        words = [self.list.item(row).text() for row in range(self.list.count())]
        longest = max((metrics.horizontalAdvance(word) for word in words), default=0)
        need = longest + _SIGN + 2 * SPACE_M + SPACE_M + 2 * SPACE_S + SPACE_S
        return max(_NARROWEST, min(need, _WIDEST))

    def show_rail(self, *, rail: bool) -> None:
        if rail != self.rail:
            self.rail = rail
            self._name.setVisible(not rail)
            self._state.setVisible(not rail)
            self.list.viewport().update()

    # --- what it shows ---------------------------------------------------------------------------------------------

    def show_place(self, place: Place) -> None:
        for row in range(self.list.count()):
            if self.list.item(row).data(Qt.ItemDataRole.UserRole) is place:
                self.list.blockSignals(True)
                self.list.setCurrentRow(row)
                self.list.blockSignals(False)

    def show_state(self, view: StateView) -> None:
        self.badge.show_sign(view.shape, view.tone)
        self.badge.setToolTip(as_tip(view.headline))
        self.badge.setAccessibleName(view.headline)
        self._state.setText(view.headline)
        self._state.setToolTip(as_tip(view.detail))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = self._theme.colours
        painter.fillRect(self.rect(), QColor(colours.card))
        painter.setPen(QPen(QColor(colours.edge), 1))
        rtl = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        edge = 0 if rtl else self.width() - 1
        painter.drawLine(edge, 0, edge, self.height())
        painter.end()


class _Rows(QStyledItemDelegate):
    """One place: sign and title; where one is, on a soft ground; under the keyboard, in a ring."""

    def __init__(self, sidebar: Sidebar, theme: Theme) -> None:
        super().__init__(sidebar)
        self._sidebar, self._theme = sidebar, theme

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        height = max(self._sidebar.list.fontMetrics().height(), _SIGN) + 2 * _ROW_PAD
        return QSize(RAIL - 2 * SPACE_S, height + 2)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        # The type stubs do not know the fields that an option has from its C++ parents.
        state, rect = option.state, QRect(option.rect)
        colours = self._theme.colours
        here = bool(state & QStyle.StateFlag.State_Selected)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        ground = QRectF(rect).adjusted(1, 1, -1, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if here or hovered:
            painter.setBrush(QColor(colours.accent_soft if here else colours.calm_soft))
            painter.drawRoundedRect(ground, RADIUS_CONTROL, RADIUS_CONTROL)
        if here and self._sidebar.list.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colours.accent), 2))
            painter.drawRoundedRect(ground.adjusted(1, 1, -1, -1), RADIUS_CONTROL, RADIUS_CONTROL)
        self._words(painter, rect, index, ink=colours.accent if here else colours.muted, here=here)
        painter.restore()

    def _words(self, painter: QPainter, rect: QRect, index: _Index, *, ink: str, here: bool) -> None:
        rtl = self._sidebar.layoutDirection() is Qt.LayoutDirection.RightToLeft
        place = index.data(Qt.ItemDataRole.UserRole)
        top = rect.center().y() - _SIGN / 2 + 0.5
        if self._sidebar.rail:
            paint_sign(painter, place, QRectF(rect.center().x() - _SIGN / 2 + 0.5, top, _SIGN, _SIGN), ink)
            return
        left = rect.right() - SPACE_M - _SIGN if rtl else rect.left() + SPACE_M
        paint_sign(painter, place, QRectF(left, top, _SIGN, _SIGN), ink)
        taken = SPACE_M + _SIGN + SPACE_M
        room = rect.adjusted(SPACE_S, 0, -taken, 0) if rtl else rect.adjusted(taken, 0, -SPACE_S, 0)
        painter.setFont(font(Type.STRONG if here else Type.BODY))
        painter.setPen(QColor(self._theme.colours.text if here else ink))
        title = painter.fontMetrics().elidedText(index.data(), Qt.TextElideMode.ElideRight, room.width())
        side = _Flag.AlignRight if rtl else _Flag.AlignLeft
        painter.drawText(room, int(side | _Flag.AlignVCenter), title)
