"""Every state of every page without a mouse: the tab key reaches all of it, and a reader hears what each thing is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QButtonGroup, QWidget
from pytestqt.qtbot import QtBot

from desktop.ui.charts import ColumnChart
from desktop.ui.gallery import PLAIN
from desktop.ui.page_faces.every_page import PAGES
from desktop.ui.theme import Theme
from desktop.ui.week_grid import WeekGrid

_PAINTED = (ColumnChart, WeekGrid)
"""Painted by hand; they say in words what they are, and have no role of their own yet."""


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, qtbot: QtBot, theme: Theme) -> Iterator[QWidget]:
    made = PAGES[request.param](theme, PLAIN)
    made.resize(700, 900)
    made.show()
    QApplication.processEvents()
    yield made
    shiboken6.delete(made)


def stops(page: QWidget) -> list[QWidget]:
    """All that the keyboard can act on."""
    tab = Qt.FocusPolicy.TabFocus
    there = (each for each in page.findChildren(QWidget) if each.isVisible() and each.isEnabled())
    return [each for each in there if each.focusPolicy() & tab == tab and each.focusProxy() is None]


def test_a_reader_hears_what_everything_is_that_the_keyboard_acts_on(page: QWidget) -> None:
    for each in stops(page):
        heard = QAccessible.queryAccessibleInterface(each)
        assert heard.text(QAccessible.Text.Name), each
        assert heard.role() is not QAccessible.Role.NoRole, each
        assert heard.role() is not QAccessible.Role.Client or isinstance(each, _PAINTED), each


def test_the_tab_key_leads_through_the_whole_page(page: QWidget) -> None:
    """Of buttons of which one is chosen it reaches one; the arrow keys lead to the others."""
    wanted = stops(page)
    page.activateWindow()
    page.setFocus()
    reached: set[object] = set()
    for _ in range(2 * len(wanted) + 2):
        here = page.window().focusWidget() or page
        reached |= {here, _choice(here)}
        QTest.keyClick(here, Qt.Key.Key_Tab)
    missed = [each for each in wanted if each not in reached and _choice(each) not in reached]
    assert [f"{type(each).__name__} {each.accessibleName()}" for each in missed] == []


def _choice(widget: QWidget) -> QButtonGroup | QWidget:
    """The buttons of which it is one, where only one of them is chosen."""
    group = widget.group() if isinstance(widget, QAbstractButton) else None
    return group if group is not None and group.exclusive() else widget
