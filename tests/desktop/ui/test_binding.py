"""What we must be able to take for granted in the Qt binding: a release that breaks it must not get into the lock."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication

CALLS = 2_000


@pytest.mark.parametrize("constant", [None, True, False], ids=str)
def test_calls_cost_no_reference_to_a_constant(qapp: QApplication, constant: object) -> None:
    """PySide6 6.12.0 drops one with each; on Python 3.11 the interpreter ends when the last is gone."""
    timer, action = QTimer(), QAction(checkable=True)
    action.triggered.connect(lambda _checked: None)
    works: list[Callable[[], object]] = [lambda: timer.setInterval(5), timer.isActive, action.trigger]
    gc.collect()
    before = sys.getrefcount(constant)
    for _ in range(CALLS):
        for work in works:
            work()
    assert sys.getrefcount(constant) > before - CALLS // 10
