"""The gallery paints what there is and lists it on a page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.ui import gallery
from desktop.ui.labels import Prose


def test_a_page_lists_every_picture_by_its_state(tmp_path: Path) -> None:
    for name in ("ready-light-1x.png", "ready-dark-2xlong.png", "first-run-model-light-1x.png"):
        (tmp_path / name).touch()
    gallery.write_index(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert page.count("<h2>") == 2
    assert "<h2>first-run-model</h2>" in page
    assert page.index("ready-dark-2xlong.png") < page.index("ready-light-1x.png")


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["a", "--wide"], ["a", "--long", "--mirrored"]])
def test_a_command_line_that_makes_no_sense_paints_nothing(arguments: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "desktop.ui.gallery", *arguments]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}, check=False
    )
    assert done.returncode == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("direction", "edge"),
    [
        (Qt.LayoutDirection.LeftToRight, Qt.AlignmentFlag.AlignLeft),
        (Qt.LayoutDirection.RightToLeft, Qt.AlignmentFlag.AlignRight),
    ],
)
def test_a_path_stands_where_the_pages_language_begins(
    qtbot: QtBot, direction: Qt.LayoutDirection, edge: Qt.AlignmentFlag
) -> None:
    label = Prose("/home/maria")
    qtbot.addWidget(label)
    label.setLayoutDirection(direction)
    assert label.alignment() & edge
    assert label.alignment() & Qt.AlignmentFlag.AlignAbsolute
