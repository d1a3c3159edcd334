from __future__ import annotations

import io
import sys

import pytest

from desktop.verbs.output import Bar, bar, progress, table


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("done", "size", "text"),
    [
        (0, 100, "[........................]   0 %"),
        (50, 100, "[############............]  50 %"),
        (100, 100, "[########################] 100 %"),
        (150, 100, "[########################] 100 %"),
        (0, 0, "[########################] 100 %"),
    ],
)
def test_a_bar_is_as_full_as_what_is_done(done: int, size: int, text: str) -> None:
    assert bar(done, size) == text


def test_figures_that_nobody_knows_are_left_out() -> None:
    assert progress(1_200_000_000, 4_700_000_000, 12e6, 292.0).endswith("1.2 GB of 4.7 GB, 12.0 MB/s, 4:52 left")
    assert progress(0, 4_700_000_000, 0.0, None).endswith("0 MB of 4.7 GB")


def test_columns_are_as_wide_as_they_need_to_be() -> None:
    assert table(("A", "B"), [("x", "long"), ("longer", "")]) == "A       B\nx       long\nlonger"


def test_a_line_that_changes_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    line = Bar(quiet=False)
    line.show("a long line")
    line.show("short")
    line.clear()
    line.clear()
    assert screen.getvalue() == "\ra long line" + "\rshort      " + "\r     \r"


def test_nobody_who_watches_no_screen_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, file = Screen(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    Bar(quiet=True).show("x")
    monkeypatch.setattr(sys, "stderr", file)
    Bar(quiet=False).show("x")
    assert screen.getvalue() + file.getvalue() == ""
