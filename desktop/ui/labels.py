"""Labels that hold whatever they are given: prose wraps, even inside a long path; a long name is elided, not cut."""

from __future__ import annotations

import html
import re

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy
from typing_extensions import override

from desktop.ui.theme import Type, font, restyle
from desktop.ui.views import Tone

_BREAK = "\u200b"
_UNBROKEN = 20
"""Characters that certainly fit the narrowest card in one line."""


class Text(QLabel):
    """One line in one step of the type scale."""

    def __init__(self, text: str = "", role: Type = Type.BODY, *, ink: str = "text") -> None:
        super().__init__(text)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(font(role))
        self.setProperty("ink", ink)
        self._align()

    def _align(self) -> None:
        """To the edge where the page's language begins; Qt would go by the text: a path begins with Latin letters."""
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        edge = Qt.AlignmentFlag.AlignRight if mirrored else Qt.AlignmentFlag.AlignLeft
        self.setAlignment(edge | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter)


class Prose(Text):
    """A sentence: as many lines as it needs."""

    def __init__(self, text: str = "", role: Type = Type.BODY, *, ink: str = "text") -> None:
        super().__init__("", role, ink=ink)
        self.setWordWrap(True)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.say(text)

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.LayoutDirectionChange:
            self._align()

    def say(self, text: str) -> None:
        """Shows `text`; a screen reader gets it without the break marks."""
        self.setText(breakable(text))
        self.setAccessibleName(text)
        self.setVisible(bool(text))


class Name(Text):
    """A name of any length in the room there is; the whole of it in the tooltip."""

    def __init__(self, role: Type = Type.STRONG) -> None:
        super().__init__("", role)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def say(self, text: str) -> None:
        self.setText(text)
        self._explain()

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().averageCharWidth() * 8, super().minimumSizeHint().height())

    @override
    def resizeEvent(self, event: object) -> None:
        self._explain()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().windowText().color())
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, self.width())
        alignment = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeading
        painter.drawText(QRect(0, 0, self.width(), self.height()), int(alignment), shown)
        painter.end()

    def _explain(self) -> None:
        cut = self.fontMetrics().horizontalAdvance(self.text()) > self.width()
        self.setToolTip(as_tip(self.text()) if cut else "")


class Pill(Text):
    """One word in a soft round ground."""

    def __init__(self) -> None:
        super().__init__("", Type.CAPTION)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        # Margins, not the style sheet's padding: a label asks its size before the sheet is looked at again.
        self.setContentsMargins(9, 3, 9, 3)

    def say(self, text: str, tone: Tone) -> None:
        self.setText(text)
        restyle(self, "pill", tone.value)


def as_tip(text: str) -> str:
    """`text` for a tooltip, which has no switch for plain text: Qt would take `<b>` in a file's name for markup."""
    escaped = html.escape(text, quote=False)
    return text if escaped == text else f"<qt>{escaped}</qt>"


def as_row(text: str) -> str:
    """`text` for a row of a menu, where a lone `&` would underline the next letter."""
    return text.replace("&", "&&")


def breakable(text: str) -> str:
    """Lets a line break inside what has no spaces: after the joints of paths and names, else every few letters."""
    return re.sub(rf"\S{{{_UNBROKEN},}}", lambda match: _joints(match.group()), text)


def _joints(word: str) -> str:
    parts = re.split(r"(?<=[/\\._:?&=-])", word)
    pieces = [part[at : at + _UNBROKEN] for part in parts for at in range(0, len(part), _UNBROKEN)]
    return _BREAK.join(pieces)
