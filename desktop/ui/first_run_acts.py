"""What the first run does: each step's own work, and the order that nothing is shared before the last of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from desktop.agent.commands import CancelEnrolment, Command, Enrol, SetMode
from desktop.agent.self_test import Phase, hands_off
from desktop.agent.state import Mode, Snapshot
from desktop.errors import DesktopError
from desktop.system.autostart import autostart
from desktop.system.paths import Paths
from desktop.system.watch.self_test import Finding
from desktop.ui.background import Runs
from desktop.ui.first_run_presenter import FirstRunFacts, FirstRunPresenter
from desktop.ui.first_run_steps import STEPS, Progress, Step
from desktop.ui.library_facts import CatalogueSeen
from desktop.ui.library_operations import LibraryOperations
from desktop.ui.library_views import Wanted
from desktop.ui.pages.first_run import FirstRunPage
from desktop.ui.question import ask


class Helps(Protocol):
    """`Help`, or a test's. All block and raise DesktopError."""

    def hands_off(self, say: Callable[[Phase], None], /) -> Finding: ...
    def search(self, speeds: dict[str, float], /) -> CatalogueSeen: ...
    def download(self, name: str, /) -> None: ...
    def pause(self, name: str, /) -> None: ...
    def resume(self, name: str, /) -> None: ...
    def give_up(self, name: str, /) -> None: ...
    def start_at_login(self) -> None: ...


class Help:
    """What is done for the first run, for a thread that is not Qt's."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._library = LibraryOperations(paths)

    def hands_off(self, say: Callable[[Phase], None], /) -> Finding:
        return asyncio.run(hands_off(self._paths, say))

    def search(self, speeds: dict[str, float], /) -> CatalogueSeen:
        return self._library.search("", speeds, anew=True)

    def download(self, name: str, /) -> None:
        self._library.download(name)

    def pause(self, name: str, /) -> None:
        self._library.pause(name)

    def resume(self, name: str, /) -> None:
        self._library.resume(name)

    def give_up(self, name: str, /) -> None:
        self._library.give_up(name)

    def start_at_login(self) -> None:
        autostart().turn_on()


class FirstRunActs(QObject):
    """A `Screen`. `finished` comes after the last step, or when the owner wants to look around first.

    `settings_asked` comes after it, where what they want is a private relay, which is set up there.
    """

    finished = Signal()
    settings_asked = Signal()

    def __init__(
        self,
        page: FirstRunPage,
        helps: Helps,
        background: Runs,
        presenter: FirstRunPresenter,
        *,
        progress: Progress,
        post: Callable[[Command], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(page)
        self.page, self._helps, self._background, self._presenter = page, helps, background, presenter
        self._progress, self._post, self._clock = progress, post, clock
        self._facts = FirstRunFacts(step=progress.step or Step.WELCOME)
        self._snapshot: Snapshot | None = None
        self._seen = self._searching = False
        page.back_asked.connect(lambda: self._go(-1))
        page.forward_asked.connect(self._forward)
        page.skip_asked.connect(self._leave)
        page.test_asked.connect(self._try)
        page.relay_given.connect(self._enrol)
        page.enrolment_cancelled.connect(lambda: post(CancelEnrolment()))
        page.private_asked.connect(self._to_settings)
        page.asked.connect(self._act)
        page.mode_chosen.connect(lambda mode: self._know(mode=mode))
        page.login_wished.connect(lambda wished: self._know(at_login=wished))

    # --- Screen ----------------------------------------------------------------------------------------------------

    def show(self, snapshot: Snapshot | None) -> None:
        """The newest snapshot, while it is seen."""
        self._snapshot, self._seen = snapshot, True
        self._search()
        self._refresh()

    def hide(self) -> None:
        self._seen = False

    def close(self) -> None:
        """Where it was is kept already."""
        self.hide()

    @property
    def ticking(self) -> bool:
        """Whether a code's end, or a download's next try, is counted down."""
        snapshot = self._snapshot
        if snapshot is None:
            return False
        return snapshot.enrolment.kind == "waiting" or any(each.retry_at for each in snapshot.downloads)

    def _refresh(self) -> None:
        if self._seen:
            self.page.show_view(self._presenter.page(self._facts, self._snapshot, self._clock()))

    def _know(self, **changed: object) -> None:
        self._facts = replace(self._facts, **changed)  # type: ignore[arg-type]
        self._refresh()

    # --- from step to step -----------------------------------------------------------------------------------------

    def _go(self, by: int) -> None:
        at = STEPS.index(self._facts.step) + by
        if 0 <= at < len(STEPS):
            self._progress.keep(STEPS[at])
            self._know(step=STEPS[at], problem="")
            self._search()

    def _forward(self) -> None:
        if self._facts.step is STEPS[-1]:
            self._begin_sharing()
        else:
            self._go(1)

    def _leave(self) -> None:
        """Everything can be done on the pages, too. What was silenced stays so, in plain sight on Home."""
        self._progress.keep(Step.DONE)
        self.finished.emit()

    def _to_settings(self) -> None:
        self._leave()
        self.settings_asked.emit()

    def _begin_sharing(self) -> None:
        if self._facts.at_login:
            self._background.run(self._helps.start_at_login, lambda _none: self._share(), self._refused)
        else:
            self._share()

    def _refused(self, error: DesktopError) -> None:
        """The owner sees why, and can go on without it."""
        self._know(problem=error.line(), at_login=False)

    def _share(self) -> None:
        self._post(SetMode(self._facts.mode))
        self._leave()

    # --- the steps' own work ---------------------------------------------------------------------------------------

    def _enrol(self, relay: str) -> None:
        """Off first: the moment a relay knows this PC it would be offered to callers."""
        self._post(SetMode(Mode.OFF))
        self._post(Enrol(relay))

    def _try(self) -> None:
        if self._facts.trying:
            return
        self._know(trying="away", problem="")

        def say(phase: Phase) -> None:
            self._background.post(lambda: self._waits_for(phase))

        self._background.run(
            lambda: self._helps.hands_off(say),
            lambda found: self._know(trying="", tried=found),
            lambda error: self._know(trying="", problem=error.line()),
        )

    def _waits_for(self, phase: Phase) -> None:
        if self._facts.trying:
            self._know(trying=phase)

    def _search(self) -> None:
        """Once the step is reached: before, there is no relay to ask."""
        snapshot = self._snapshot
        if self._facts.step is not Step.MODEL or self._searching or self._facts.found is not None or snapshot is None:
            return
        self._searching = True
        speeds = {each.name: each.decode_tps for each in snapshot.models if each.decode_tps > 0}
        self._background.run(
            lambda: self._helps.search(speeds),
            lambda seen: self._know(found=seen.found, search_problem=""),
            self._not_found,
        )

    def _not_found(self, error: DesktopError) -> None:
        """Asked again when the step is entered again."""
        self._searching = False
        self._know(search_problem=error.line())

    def _act(self, wanted: Wanted, name: str) -> None:
        if wanted is not Wanted.CANCEL:
            self._do(wanted, name)
        elif (question := self._presenter.giving_up(name, self._snapshot)) is not None:
            ask(question, self.page, lambda: self._do(wanted, name))

    def _do(self, wanted: Wanted, name: str) -> None:
        acts = {
            Wanted.DOWNLOAD: self._helps.download,
            Wanted.PAUSE: self._helps.pause,
            Wanted.RESUME: self._helps.resume,
            Wanted.CANCEL: self._helps.give_up,
        }
        act = acts[wanted]
        asked_for = self._facts.asked_for
        after = asked_for | {name} if wanted is Wanted.DOWNLOAD else asked_for - {name}
        changed = asked_for if wanted in {Wanted.PAUSE, Wanted.RESUME} else after
        self._background.run(
            lambda: act(name),
            lambda _none: self._know(asked_for=changed, problem=""),
            lambda error: self._know(problem=error.line()),
        )
