"""The push button. Clicking it does not give it the focus, so the focus ring is there for who uses the keyboard.

Return presses the button that has the focus, as it does in dialogs; Qt leaves pages to the space bar.
"""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QPushButton
from typing_extensions import override


class Button(QPushButton):
    """`primary`: what the page is for; `quiet`: the way out; `plain`: everything else. The style sheet draws them."""

    def __init__(self, text: str, kind: Literal["primary", "plain", "quiet"] = "plain") -> None:
        super().__init__(text)
        self.setProperty("kind", kind)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.click()
        else:
            super().keyPressEvent(event)
