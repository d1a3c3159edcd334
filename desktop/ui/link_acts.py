"""What a `nightjar://` link does: at most it opens a page or a question. Nothing is connected without a click."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMessageBox

from desktop.agent.commands import Command, Enrol, SetMode
from desktop.agent.state import Mode, Snapshot
from desktop.ui.link_presenter import LinkPresenter
from desktop.ui.links import EnrolLink, Fault, Link, ModelLink, PageLink, parse_link
from desktop.ui.pages.models import ModelsPage
from desktop.ui.places import Place
from desktop.ui.question import ask, tell
from desktop.ui.window import MainWindow


class LinkActs(QObject):
    """A link waits for the agent's first word. While a question is open others are dropped: one that took its place
    would be answered by a click that was meant for the first.
    """

    def __init__(self, window: MainWindow, presenter: LinkPresenter, *, post: Callable[[Command], None]) -> None:
        super().__init__(window)
        self._window, self._presenter, self._post = window, presenter, post
        self._snapshot: Snapshot | None = None
        self._waiting: Link | None = None
        self.box: QMessageBox | None = None

    def hear(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        link, self._waiting = self._waiting, None
        if link is not None:
            self._follow(link, snapshot)

    def raised(self, text: str, token: str) -> None:
        """A second start: with a link, or only to bring the window to the front."""
        self._window.raise_up(token)
        if text:
            self.open(text)

    def open(self, text: str) -> None:
        link = parse_link(text)
        if self._snapshot is None:
            self._waiting = link
        elif self.box is None:
            self._follow(link, self._snapshot)

    def _follow(self, link: Link, snapshot: Snapshot) -> None:
        match link:
            case EnrolLink():
                self._ask_to_enrol(link, snapshot)
            case ModelLink():
                self._propose(link)
            case PageLink():
                self._go(link.place)
            case Fault():
                self._tell(self._presenter.refusal(link))

    def _go(self, place: Place) -> None:
        self._window.show_place(place)
        if self._window.is_alone and place is not Place.HOME:
            self._tell(self._presenter.later())

    def _propose(self, link: ModelLink) -> None:
        self._go(Place.MODELS)
        page = self._window.page
        if isinstance(page, ModelsPage):
            page.propose(link.id)

    def _ask_to_enrol(self, link: EnrolLink, snapshot: Snapshot) -> None:
        self._window.raise_up()
        there = snapshot.enrolment
        if there.kind == "enrolled" and there.relay == link.relay:
            self._tell(self._presenter.known(link))
            return
        question = self._presenter.enrolment(link, snapshot)
        self._opened(ask(question, self._window, lambda: self._enrol(link)))

    def _enrol(self, link: EnrolLink) -> None:
        """During the first run nothing is shared before its last step."""
        if self._window.is_alone:
            self._post(SetMode(Mode.OFF))
        self._post(Enrol(link.relay, link.token))
        self._window.show_place(Place.HOME)

    def _tell(self, sentence: str) -> None:
        self._window.raise_up()
        self._opened(tell(sentence, self._window))

    def _opened(self, box: QMessageBox) -> None:
        self.box = box
        box.finished.connect(self._closed)

    def _closed(self) -> None:
        self.box = None
