"""What the private relay's card does: starts and stops it, copies, and makes this PC its node."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QGuiApplication
from typing_extensions import override

from desktop.agent.commands import Command
from desktop.ui.background import Runs
from desktop.ui.cards.private_relay import PrivateRelayCard
from desktop.ui.page_acts import PageActs
from desktop.ui.private_relay import PrivateRelay, RelayState
from desktop.ui.private_relay_presenter import PrivateRelayFacts, PrivateRelayPresenter
from desktop.ui.question import ask

_LOOK_MS = 5_000


def _to_clipboard(text: str) -> None:
    QGuiApplication.clipboard().setText(text)


class PrivateRelayActs(PageActs[PrivateRelayFacts]):
    """A part of the Settings page. The relay's state comes from another thread at any time."""

    def __init__(
        self,
        card: PrivateRelayCard,
        relay: PrivateRelay,
        background: Runs,
        presenter: PrivateRelayPresenter,
        *,
        post: Callable[[Command], None],
        copy: Callable[[str], None] = _to_clipboard,
    ) -> None:
        super().__init__(card, PrivateRelayFacts(), background, every_ms=_LOOK_MS)
        self._card, self._relay = card, relay
        self._presenter, self._post, self._copy = presenter, post, copy
        card.wished.connect(self._switch)
        card.endpoint_wanted.connect(lambda: self._copied("endpoint", self._facts.state.endpoint))
        card.key_wanted.connect(lambda: self._copied("key", self._facts.state.key))
        card.connect_asked.connect(self._ask_to_connect)
        relay.subscribe(lambda state: background.post(lambda: self._changed(state)))

    @override
    def _opened(self) -> None:
        self._know(copied="", problem="")
        self._look()

    @override
    def _look(self) -> None:
        """Its package may be installed meanwhile."""
        self._know(installed=self._relay.installed())

    @override
    def _draw(self) -> None:
        self._card.show_view(self._presenter.card(self._facts, self._snapshot))

    def _changed(self, state: RelayState) -> None:
        self._know(state=state, copied="")

    def _switch(self, wanted: bool) -> None:  # noqa: FBT001 - a Qt slot
        self._know(problem="")
        if wanted:
            self._relay.start()
        else:
            self._relay.stop()

    def _copied(self, what: str, text: str) -> None:
        self._copy(text)
        self._know(copied=what)

    def _ask_to_connect(self) -> None:
        if self._snapshot is not None:
            ask(self._presenter.question(self._snapshot), self._card, self._connect)

    def _connect(self) -> None:
        self._know(problem="")
        self._background.run(self._relay.invitation, self._post, lambda error: self._know(problem=error.line()))
