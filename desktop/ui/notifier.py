"""Tells the owner what is worth it, and takes back what is no longer so: between the agent's word and a voice."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from desktop.agent.state import Snapshot
from desktop.system.notifications import Notification
from desktop.ui.notice_book import NoticeBook
from desktop.ui.notice_presenter import NoticePresenter
from desktop.ui.notices import GOOD, news, over, settled
from desktop.ui.places import Place
from desktop.ui.voices import Voice


class Notifier(QObject):
    """`place_wished` carries where the owner wants to go, and a token with which the window may come to the front.

    `looked_at`: whether the owner has the window before them, where all of it shows already.
    """

    place_wished = Signal(Place, str)

    def __init__(
        self,
        voice: Voice,
        book: NoticeBook,
        presenter: NoticePresenter,
        *,
        clock: Callable[[], float],
        looked_at: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._voice, self._book, self._presenter = voice, book, presenter
        self._clock, self._looked_at = clock, looked_at
        self._before: Snapshot | None = None
        self._places: dict[str, Place] = {}
        voice.pressed.connect(self._pressed)

    def hear(self, snapshot: Snapshot) -> None:
        """What holds when Nightjar starts is no news."""
        if not settled(snapshot):
            return
        before, self._before = self._before, snapshot
        if before is not None:
            self._take_back(before, snapshot)
            self._tell(before, snapshot)

    def close(self) -> None:
        self._voice.close()

    def _tell(self, before: Snapshot, now: Snapshot) -> None:
        at = self._clock()
        for notice in news(before, now):
            if self._book.take(notice, at, passes=notice.kind in GOOD) and not self._looked_at():
                view = self._presenter.notice(notice, now)
                self._places[notice.key] = view.place
                self._voice.say(notice.key, Notification(view.title, view.body, view.act))

    def _take_back(self, before: Snapshot, now: Snapshot) -> None:
        for notice in over(before, now):
            self._book.end(notice, self._clock())
            if self._places.pop(notice.key, None) is not None:
                self._voice.take_back(notice.key)

    def _pressed(self, key: str, token: str) -> None:
        self.place_wished.emit(self._places.get(key, Place.HOME), token)
