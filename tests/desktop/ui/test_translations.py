"""Every text that the interface asks a translator for is there: under the context and words it was extracted with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QTranslator
from PySide6.QtWidgets import QApplication
from typing_extensions import override

from desktop.ui import examples
from desktop.ui.bridge import Bridge
from desktop.ui.examples import NOW
from desktop.ui.faces import every_face
from desktop.ui.gallery import PLAIN
from desktop.ui.interface import Interface
from desktop.ui.link_presenter import LinkPresenter
from desktop.ui.links import EnrolLink, Fault
from desktop.ui.notice_presenter import NoticePresenter
from desktop.ui.notices import Kind, Notice
from desktop.ui.page_faces import PAGES
from desktop.ui.presenters import Presenter
from desktop.ui.theme import Theme
from desktop.ui.tray import Tray
from desktop.ui.window import MainWindow
from tests.desktop.ui.agents import QuietAgent

UI = Path(__file__).parents[3] / "desktop" / "ui"

Text = tuple[str, str]
"""Context and source."""


class Listener(QTranslator):
    """Translates nothing and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[Text, bool] = {}
        """Whether a number came with it."""

    @override
    def translate(
        self, context: bytes | str, sourceText: bytes | str, disambiguation: bytes | str | None = None, n: int = -1
    ) -> str:
        self.asked[_text(context), _text(sourceText)] = n >= 0
        return ""

    @override
    def isEmpty(self) -> bool:
        return False


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


@pytest.fixture
def listener(qapp: QApplication) -> Iterator[Listener]:
    made = Listener()
    qapp.installTranslator(made)
    yield made
    qapp.removeTranslator(made)


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> dict[Text, bool]:
    """What translators get to see, and whether it has plural forms."""
    catalogue = tmp_path_factory.mktemp("translations") / "nightjar_ro.ts"
    tool = Path(sys.executable).with_name("pyside6-lupdate")
    files = sorted(str(path) for path in UI.rglob("*.py"))
    subprocess.run([str(tool), *files, "-ts", str(catalogue)], check=True, capture_output=True)
    return {
        (context.findtext("name", ""), message.findtext("source", "")): message.get("numerus") == "yes"
        for context in ET.parse(catalogue).getroot().iter("context")  # noqa: S314 - a file this test just made
        for message in context.iter("message")
    }


@pytest.fixture(params=[True, False], ids=["tray", "no tray"])
def asked(
    request: pytest.FixtureRequest, listener: Listener, agent: QuietAgent, theme: Theme, tray: Tray
) -> dict[Text, bool]:
    """All that tray, window and pages ask for, with every face shown once."""
    request.getfixturevalue("panel").there = request.param
    window = MainWindow(theme)
    interface = Interface(Bridge(agent), tray, window, clock=lambda: NOW)
    interface.start(background=False)
    presenter = Presenter(QCoreApplication.translate, PLAIN)
    for face in every_face().values():
        window.show_view(presenter.home(face, NOW))
        tray.rows.show_view(presenter.tray(face, NOW))
    window.ask_before_closing()
    words = NoticePresenter(QCoreApplication.translate, PLAIN)
    for kind in Kind:
        words.notice(Notice(kind), examples.snapshot())
    _ask_about_links()
    for make in PAGES.values():
        shiboken6.delete(make(theme, PLAIN))
    interface.stop()
    shiboken6.delete(interface)
    shiboken6.delete(window)
    return {text: number for text, number in listener.asked.items() if text[0][0] != "Q"}


def _ask_about_links() -> None:
    words = LinkPresenter(QCoreApplication.translate)
    for fault in Fault:
        words.refusal(fault)
    for token in (None, "token"):
        words.enrolment(EnrolLink(examples.RELAY, token), examples.snapshot())
    words.known(EnrolLink(examples.RELAY))
    words.later()


def test_every_text_that_is_shown_can_be_translated(asked: dict[Text, bool], extracted: dict[Text, bool]) -> None:
    assert len(asked) > 200
    assert {text: number for text, number in asked.items() if extracted.get(text) is not number} == {}


def test_a_count_has_plural_forms_and_only_a_count(extracted: dict[Text, bool]) -> None:
    assert {source for (_, source), plural in extracted.items() if plural is not ("%Ln" in source)} == set()
