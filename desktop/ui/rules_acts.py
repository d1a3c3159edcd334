"""What the Sharing rules page does: the owner's wishes become commands; what came of them is what the agent says then.

A wish is shown until the agent's rules say the same, or until it has had time enough: then the rules win.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer

from desktop.agent.commands import Command, SetRules
from desktop.agent.sharing.schedule import Schedule, schedule_text
from desktop.agent.state import Snapshot
from desktop.ui.pages.rules import RulesPage
from desktop.ui.rules_presenter import RulesFacts, RulesPresenter, open_wishes, program_name, programs, ready

_REST_MS = 250
"""A change waits for the hand to rest: a number is stepped through, a week is painted in strokes."""

_PATIENCE_MS = 1_500
"""How long the agent has to say that a wish came true. It takes milliseconds, unless it refuses."""

_WHOLE = frozenset({"keep_memory_mib", "keep_disk_mib"})
"""Rules that are whole numbers."""


class RulesActs(QObject):
    """`post` gives a command to the agent and returns at once."""

    def __init__(
        self,
        page: RulesPage,
        post: Callable[[Command], None],
        presenter: RulesPresenter,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(page)
        self.page, self._post, self._presenter, self._clock = page, post, presenter, clock
        self._facts = RulesFacts()
        self._snapshot: Snapshot | None = None
        self._sent: dict[str, object] = {}
        self._seen = False
        self._rest = QTimer(self, interval=_REST_MS, singleShot=True)
        self._rest.timeout.connect(self.send)
        self._patience = QTimer(self, interval=_PATIENCE_MS, singleShot=True)
        self._patience.timeout.connect(self._give_up)
        page.wished.connect(self._wish)
        page.painted.connect(lambda slots: self._wish("schedule", schedule_text(Schedule(slots))))
        page.program_added.connect(self._add_program)
        page.program_removed.connect(self._remove_program)
        page.defaults_asked.connect(self._go_back)

    def show(self, snapshot: Snapshot | None) -> None:
        """The newest snapshot, while the page is seen."""
        self._snapshot, self._seen = snapshot, True
        if snapshot is None:
            self._forget(self._facts.wishes)
        else:
            self._forget(set(self._sent) - set(open_wishes(snapshot.rules, self._sent)))
            if self._unsent(snapshot):
                self._rest.start()  # The other half of a pair was set elsewhere.
        self._refresh()

    def hide(self) -> None:
        """What the hand has set goes to the agent now; what cannot hold is dropped."""
        self.send()
        self._seen = False
        self._forget(self._facts.wishes)
        self._facts = RulesFacts()

    def close(self) -> None:
        """Nothing of it takes long."""
        self.hide()

    @property
    def ticking(self) -> bool:
        """The mark of now moves through the week, and reasons count down."""
        return self._snapshot is not None

    def _refresh(self) -> None:
        if self._seen:
            self.page.show_view(self._presenter.page(self._facts, self._snapshot, self._clock()))

    # --- wishes ----------------------------------------------------------------------------------------------------

    def _wish(self, rule: str, value: object) -> None:
        if rule in _WHOLE and isinstance(value, float):
            value = round(value)
        self._facts = RulesFacts({**self._facts.wishes, rule: value})
        self._rest.start()
        self._refresh()

    def send(self) -> None:
        """Those wishes that hold together; the others wait for their other half."""
        self._rest.stop()
        if self._snapshot is None:
            return
        new = self._unsent(self._snapshot)
        # What is on its way already may not be what the rules say next: its opposite is news, too.
        news = {**open_wishes(self._snapshot.rules, new), **{rule: new[rule] for rule in new if rule in self._sent}}
        self._forget(set(new) - set(news))
        if news:
            self._sent |= news
            self._patience.start()
            self._post(SetRules(news))
        self._refresh()

    def _unsent(self, snapshot: Snapshot) -> dict[str, object]:
        can_go = ready(snapshot.rules, self._facts.wishes)
        return {rule: wish for rule, wish in can_go.items() if rule not in self._sent or self._sent[rule] != wish}

    def _forget(self, rules: Iterable[str]) -> None:
        gone = set(rules)
        self._sent = {rule: wish for rule, wish in self._sent.items() if rule not in gone}
        wishes = {rule: wish for rule, wish in self._facts.wishes.items() if rule not in gone}
        self._facts = replace(self._facts, wishes=wishes)
        if not self._sent:
            self._patience.stop()

    def _give_up(self) -> None:
        self._forget(tuple(self._sent))
        self._facts = replace(self._facts, refused=True)
        self._refresh()

    def _go_back(self, rules: tuple[str, ...]) -> None:
        self._forget(rules)
        self._facts = replace(self._facts, known_program="", refused=False)
        self._post(SetRules(dict.fromkeys(rules)))
        self._refresh()

    # --- programs --------------------------------------------------------------------------------------------------

    def _add_program(self, typed: str) -> None:
        name = program_name(typed)
        if not name or self._snapshot is None:
            return
        known = programs(self._snapshot.rules, self._facts.wishes)
        if name.casefold() in {each.casefold() for each in known}:
            self._facts = replace(self._facts, known_program=name)
            self._refresh()
        else:
            self._wish("exclusive_apps", [*known, name])

    def _remove_program(self, name: str) -> None:
        if self._snapshot is not None:
            known = programs(self._snapshot.rules, self._facts.wishes)
            self._wish("exclusive_apps", [each for each in known if each != name])
