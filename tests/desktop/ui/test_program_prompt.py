from __future__ import annotations

from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.ui.program_prompt import ProgramPrompt


@pytest.fixture
def prompt(qtbot: QtBot) -> Iterator[ProgramPrompt]:
    made = ProgramPrompt(("bash", "Blender", "firefox"))
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    made.show()
    yield made
    shiboken6.delete(made)


def shown(prompt: ProgramPrompt) -> list[str]:
    return [prompt.list.item(row).text() for row in range(prompt.list.count())]


def test_no_program_is_chosen_until_the_owner_chooses_one(prompt: ProgramPrompt) -> None:
    assert shown(prompt) == ["bash", "Blender", "firefox"]
    assert not prompt.pause.isEnabled()
    prompt.list.setCurrentRow(2)
    assert prompt.pause.isEnabled()


def test_typing_narrows_the_list_and_the_return_key_takes_the_first(qtbot: QtBot, prompt: ProgramPrompt) -> None:
    QTest.keyClicks(prompt.search, "blen")
    assert shown(prompt) == ["Blender"]
    with qtbot.waitSignal(prompt.named) as named:
        QTest.keyClick(prompt.search, Qt.Key.Key_Return)
    assert named.args == ["Blender"]
    assert not prompt.isVisible()


def test_a_program_that_does_not_run_cannot_be_waited_for(prompt: ProgramPrompt) -> None:
    QTest.keyClicks(prompt.search, "photoshop")
    assert shown(prompt) == []
    assert not prompt.pause.isEnabled()


def test_cancelling_names_nothing(qtbot: QtBot, prompt: ProgramPrompt) -> None:
    with qtbot.assertNotEmitted(prompt.named):
        QTest.mouseClick(prompt.cancel, Qt.MouseButton.LeftButton)
    assert not prompt.isVisible()
