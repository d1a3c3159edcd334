"""Questions before something is done: as wide as words need, and whole whatever an address looks like."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from desktop.ui.library_views import QuestionView
from desktop.ui.question import ask
from desktop.ui.theme import Theme

DETAIL = "A link asks for this. Agree only if you know who gave it to you."


@pytest.mark.parametrize("text", ["Remove it?", f"Connect this PC to https://{'a' * 60}.{'b' * 60}.example.org:8443?"])
def test_a_question_is_seen_whole_and_never_narrow(qtbot: QtBot, theme: Theme, text: str) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    box = ask(QuestionView(text, DETAIL, "Yes"), window, lambda: None)
    labels = [label for label in box.findChildren(QLabel) if label.text()]
    assert [label.text().replace("\N{ZERO WIDTH SPACE}", "") for label in labels] == [text, DETAIL]
    for label in labels:
        assert label.width() >= 360
        assert label.height() >= max(label.heightForWidth(label.width()), label.fontMetrics().height())
        assert label.wordWrap() or label.fontMetrics().horizontalAdvance(label.text()) <= label.width()
