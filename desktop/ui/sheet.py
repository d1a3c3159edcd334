"""The sheet: a page under its title, in a column narrow enough to read, that scrolls when it is long."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from desktop.ui.tokens import SPACE_L, SPACE_S, SPACE_XL

_WIDEST = 880
"""Logical pixels: a wider page would make its sentences hard to read."""


class _Page(QWidget):
    """As high as its texts need at the width it has. Qt would add what they would need at the least width."""

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), 0)


class Sheet(QScrollArea):
    """Holds `head`, `page` and perhaps `foot`. Takes the focus when it is asked to, and draws no ring for it."""

    def __init__(self, head: QWidget, page: QWidget, foot: QWidget | None = None) -> None:
        super().__init__()
        self.page = page
        self.content = _Page()
        self.content.setObjectName("page")
        column = QWidget()
        column.setMaximumWidth(_WIDEST)
        rows = QVBoxLayout(column)
        rows.setContentsMargins(SPACE_XL, SPACE_L, SPACE_XL, SPACE_L)
        rows.setSpacing(SPACE_L)
        rows.addWidget(head)
        rows.addWidget(page)
        rows.addStretch(1)
        if foot is not None:
            rows.addWidget(foot)
        centred = QHBoxLayout(self.content)
        centred.setContentsMargins(0, 0, 0, 0)
        centred.addWidget(column)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(self.content)
        self._claim_width()

    def _claim_width(self) -> None:
        """A scroll area hides its content's least width from the window; without this, narrow means cut off."""
        self.setMinimumWidth(self.content.minimumSizeHint().width() + SPACE_S)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.LayoutRequest and watched is self.content:
            self._claim_width()
        return super().eventFilter(watched, event)
