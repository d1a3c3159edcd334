"""A table to read, and to walk through with the arrow keys: the figures behind a chart, a list of answers."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableWidget, QTableWidgetItem, QWidget
from typing_extensions import override

from desktop.ui.chart_views import TableView
from desktop.ui.labels import as_tip

_MOST_ROWS = 12
"""In sight at once; the rest is scrolled to."""

_LEAST_WIDE = 140
"""Logical pixels of the column that takes what room is left."""


class Table(QTableWidget):
    """As high as its rows, up to a dozen. A long text is elided; with `wraps` it takes the lines it needs."""

    def __init__(self, name: str, *, wraps: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view: TableView | None = None
        self.setAccessibleName(name)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(wraps)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.verticalHeader().hide()
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setSectionsClickable(False)
        if wraps:
            # Qt looks at heights only when words change, not when a column gets narrower. Queued: the signal comes
            # before the column has its new width.
            head.sectionResized.connect(self.resizeRowsToContents, Qt.ConnectionType.QueuedConnection)
            self.verticalHeader().sectionResized.connect(self.updateGeometry)

    def show_view(self, view: TableView) -> None:
        if view == self._view:
            return
        self._view = view
        self.setColumnCount(len(view.head))
        self.setRowCount(len(view.rows))
        for column, title in enumerate(view.head):
            self.setHorizontalHeaderItem(column, self._cell(title, number=column in view.numbers))
        for at, row in enumerate(view.rows):
            for column, text in enumerate(row):
                self.setItem(at, column, self._cell(text, number=column in view.numbers))
        self._share_width(view)
        if self.wordWrap():
            self.resizeRowsToContents()
        self.updateGeometry()

    def _cell(self, text: str, *, number: bool) -> QTableWidgetItem:
        item = QTableWidgetItem(text)
        side = Qt.AlignmentFlag.AlignTrailing if number else Qt.AlignmentFlag.AlignLeading
        item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        item.setToolTip(as_tip(text) if len(text) > 24 else "")
        return item

    def _share_width(self, view: TableView) -> None:
        head = self.horizontalHeader()
        for column in range(len(view.head)):
            mode = QHeaderView.ResizeMode
            head.setSectionResizeMode(column, mode.Stretch if column == _wide(view) else mode.ResizeToContents)

    @override
    def sizeHint(self) -> QSize:
        rows = min(self.rowCount(), _MOST_ROWS)
        height = self.horizontalHeader().sizeHint().height() + 2 * self.frameWidth() + 2
        height += sum(self.rowHeight(row) for row in range(rows))
        return QSize(320, height)

    @override
    def minimumSizeHint(self) -> QSize:
        """Room for every column, of the wide one for some of its words."""
        if self._view is None:
            return QSize(_LEAST_WIDE, 0)
        rest = [column for column in range(self.columnCount()) if column != _wide(self._view)]
        head = self.horizontalHeader()
        width = sum(max(self.sizeHintForColumn(column), head.sectionSizeHint(column)) for column in rest)
        width += _LEAST_WIDE + self.verticalScrollBar().sizeHint().width() + 2 * self.frameWidth()
        return QSize(width, self.sizeHint().height())


def _wide(view: TableView) -> int:
    if view.wide is not None:
        return view.wide
    words = [column for column in range(len(view.head)) if column not in view.numbers]
    return words[-1] if words else len(view.head) - 1
