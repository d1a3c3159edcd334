"""Ten thousand snapshots through the real window, on every page: nothing of it grows. `./dev test -m soak` runs it."""

from __future__ import annotations

import gc
import itertools
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from desktop.agent.state import Snapshot
from desktop.system.paths import Paths
from desktop.ui import examples
from desktop.ui.appearance import Appearance
from desktop.ui.examples import NOW
from desktop.ui.faces import every_face
from desktop.ui.gallery import PLAIN
from desktop.ui.notice_book import NoticeBook
from desktop.ui.openings import openings_of
from desktop.ui.places import Place
from desktop.ui.preferences import Preferences
from desktop.ui.presenters import Presenter
from desktop.ui.theme import Theme
from desktop.ui.window import MainWindow
from tests.desktop.ui.works import Works

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

SNAPSHOTS = 10_000
GROWTH_MB = 3.0
"""Memory comes in pieces from the system; a kilobyte lost with each snapshot would be ten."""


def test_ten_thousand_snapshots_leave_no_trace(theme: Theme, presenter: Presenter, tmp_path: Path) -> None:
    paths = Paths.under(tmp_path)
    paths.make()
    works = Works(at_once=False)  # and never: what a page asks the relay or the disk is another matter
    openings = openings_of(
        theme,
        paths,
        works,
        PLAIN,
        appearance=Appearance(theme, Preferences(paths.data / "interface.json")),
        notices=NoticeBook(paths.data / "notices.json"),
        post=lambda _command: None,
    )
    window = MainWindow(theme, openings)
    window.show()

    def show(snapshot: Snapshot, now: float = NOW) -> None:
        window.show_view(presenter.home(snapshot, now))
        window.show_screen(snapshot)
        works.waiting.clear()
        QApplication.processEvents()

    def held() -> tuple[float, int, int]:
        window.go(Place.HOME)
        show(examples.serving())
        return _held()

    faces = [face for face in every_face().values() if face is not None]
    for place in window.places:
        window.go(place)
        for face in faces:  # Now every page has all the rows it will ever need.
            show(face)
    warm_mb, warm_objects, warm_widgets = held()
    places, states = itertools.cycle(window.places), itertools.cycle(faces)
    for number in range(1, SNAPSHOTS + 1):
        if number % 100 == 0:
            window.go(next(places))
        show(next(states) if number % 50 == 0 else _serving(number), NOW + number)
    mb, objects, widgets = held()
    print(f"{SNAPSHOTS} snapshots: {mb - warm_mb:+.2f} MB, {objects - warm_objects:+d} objects, {widgets} widgets")
    window.end()
    assert widgets == warm_widgets
    assert objects - warm_objects < SNAPSHOTS // 100
    assert mb - warm_mb < GROWTH_MB


def _serving(number: int) -> Snapshot:
    rates = tuple(float((number + second) % 60) for second in range(60))
    return replace(examples.serving(1 + number % 4), at=NOW + number, tokens_per_s=rates[-1], rate_history=rates)


def _held() -> tuple[float, int, int]:
    """Megabytes, objects that Python knows, widgets. To ask for all widgets makes Python know some more."""
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    widgets = len(QApplication.allWidgets())
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6, len(gc.get_objects()), widgets
