"""Every text that the interface asks a translator for is there, in every catalogue, and translated."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QTranslator
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QWidget
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
from desktop.ui.page_faces.every_page import PAGES
from desktop.ui.page_faces.models import FOUND
from desktop.ui.presenters import Presenter
from desktop.ui.private_relay_presenter import PrivateRelayPresenter
from desktop.ui.theme import Theme
from desktop.ui.tray import Tray
from desktop.ui.window import MainWindow
from tests.desktop.ui.agents import QuietAgent
from tests.packaging.scripts import script

LANGUAGES = script("languages")

MARK = "¤"

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


@pytest.fixture(scope="module", params=sorted(LANGUAGES.CATALOGUES.glob("nightjar_*.ts")), ids=lambda path: path.stem)
def kept(request: pytest.FixtureRequest) -> Path:
    """A catalogue of the checkout."""
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def collected(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, brought up to date with the code."""
    catalogue = Path(shutil.copy(kept, tmp_path_factory.mktemp("translations")))
    LANGUAGES.collect(catalogue)
    return catalogue


@pytest.fixture(scope="module")
def extracted(collected: Path) -> dict[Text, bool]:
    """What translators get to see, and whether it has plural forms."""
    return {
        (context.findtext("name", ""), message.findtext("source", "")): message.get("numerus") == "yes"
        for context in ET.parse(collected).getroot().iter("context")  # noqa: S314 - a file this test just made
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
    PrivateRelayPresenter(QCoreApplication.translate, PLAIN).question(examples.snapshot())
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


def test_a_catalogue_has_every_text_of_the_code_and_no_other(kept: Path, collected: Path) -> None:
    assert collected.read_text() == kept.read_text(), "./dev translate brings it up to date"


def test_every_text_is_translated_with_its_facts_and_in_every_plural_form(collected: Path) -> None:
    assert [fault.line() for fault in LANGUAGES.faults(collected)] == []


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ('<message><source>Off</source><translation type="unfinished"></translation></message>', "is not translated"),
        ("<message><source>Off</source><translation></translation></message>", "is not translated"),
        ("<message><source>%1 of %2</source><translation>%1 din %1</translation></message>", "has other placeholders"),
        ("<message><source>by {app}</source><translation>de {ap}</translation></message>", "has other placeholders"),
        ("<message><source>Start</source><translation>Porniţi</translation></message>", "has a cedilla"),
        ('<message numerus="yes"><source>%Ln</source><translation/></message>', "has 0 plural forms instead of 3"),
    ],
)
def test_what_a_translator_has_still_to_do_is_told(tmp_path: Path, message: str, fault: str) -> None:
    catalogue = tmp_path / "nightjar_ro.ts"
    catalogue.write_text(f"<TS><context><name>Page</name>{message}</context></TS>")
    (found,) = LANGUAGES.faults(catalogue)
    assert (found.language, found.context) == ("ro", "Page")
    assert found.fault.startswith(fault)


def test_the_script_names_what_is_missing_and_fails(kept: Path, tmp_path: Path) -> None:
    catalogue = Path(shutil.copy(kept, tmp_path))
    catalogue.write_text(re.sub(r"(<source>Home</source>\s*<translation).*?</", r"\1></", catalogue.read_text()))
    command = [sys.executable, str(LANGUAGES.__file__), str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    language = kept.stem.rpartition("_")[2]
    assert (done.returncode, done.stdout) == (1, f"{language}: Sidebar: “Home” is not translated\n")
    done = subprocess.run([*command, "--json"], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "faults": [{"language": language, "context": "Sidebar", "text": "Home", "fault": "is not translated"}]
    }
    assert (tmp_path / f"{kept.stem}.qm").exists()


class Marker(QTranslator):
    """Puts a mark before all that it is asked for."""

    @override
    def translate(
        self, context: bytes | str, sourceText: bytes | str, disambiguation: bytes | str | None = None, n: int = -1
    ) -> str:
        return MARK + _text(sourceText)

    @override
    def isEmpty(self) -> bool:
        return False


@pytest.fixture
def marker(qapp: QApplication) -> Iterator[None]:
    made = Marker()
    qapp.installTranslator(made)
    yield
    qapp.removeTranslator(made)


def unseen(page: QWidget) -> set[str]:
    """Sentences that no translator saw. Fewer words are names and figures, and so are titles of models."""
    texts = [label.text() for label in page.findChildren(QLabel)]
    texts += [button.text() for button in page.findChildren(QAbstractButton)]
    texts += [field.placeholderText() for field in page.findChildren(QLineEdit)]
    texts += [widget.toolTip() for widget in page.findChildren(QWidget)]
    return {text for text in texts if MARK not in text and len(text.split()) > 3} - {each.entry.title for each in FOUND}


@pytest.mark.usefixtures("marker")
@pytest.mark.parametrize("page", sorted(PAGES))
def test_no_page_says_what_no_translator_saw(theme: Theme, page: str) -> None:
    shown = PAGES[page](theme, PLAIN)
    assert unseen(shown) == set()
    shiboken6.delete(shown)


@pytest.mark.usefixtures("marker")
def test_home_says_nothing_that_no_translator_saw(window: MainWindow, presenter: Presenter) -> None:
    for face in every_face().values():
        window.show_view(presenter.home(face, NOW))
        assert unseen(window) == set()
