"""What the Settings page does: looks when it is opened, and changes what its owner clicks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from desktop.agent import kept
from desktop.agent.commands import Command, Forget
from desktop.agent.state import Snapshot
from desktop.errors import DesktopError, FolderUnusable
from desktop.models.store import Store, Usage
from desktop.system.autostart import AtLogin, autostart
from desktop.system.paths import Paths
from desktop.system.program import version
from desktop.ui.appearance import Appearance
from desktop.ui.background import Runs
from desktop.ui.folders import open_folder
from desktop.ui.notice_book import NoticeBook
from desktop.ui.notices import Wish
from desktop.ui.page_acts import PageActs
from desktop.ui.pages.settings import SettingsPage
from desktop.ui.preferences import Language, Look
from desktop.ui.private_relay_acts import PrivateRelayActs
from desktop.ui.question import ask
from desktop.ui.settings_presenter import Folders, SettingsFacts, SettingsPresenter

_LOOK_MS = 1_500
"""How often sizes are looked at while the page is seen."""


class Keeps(Protocol):
    """`Housekeeping`, or a test's. All block and raise DesktopError."""

    @property
    def folders(self) -> Folders: ...
    def at_login(self) -> AtLogin: ...
    def start_at_login(self, wanted: bool, /) -> AtLogin: ...  # noqa: FBT001 - the very word of the switch
    def usage(self) -> Usage: ...
    def traces(self) -> int: ...
    def forget(self) -> int: ...


class Housekeeping:
    """What the page looks at and changes, for a thread that is not Qt's."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    @property
    def folders(self) -> Folders:
        return Folders(str(self._paths.data), str(self._paths.settings), str(self._paths.logs))

    def at_login(self) -> AtLogin:
        return autostart().state()

    def start_at_login(self, wanted: bool, /) -> AtLogin:  # noqa: FBT001 - as in the port
        entry = autostart()
        return entry.turn_on() if wanted else entry.turn_off()

    def usage(self) -> Usage:
        return Store(self._paths.data).usage()

    def traces(self) -> int:
        return sum(kept.size_of(path) for path in kept.traces(self._paths) if path.exists())

    def forget(self) -> int:
        """Bytes that are free again. Raises FolderUnusable where something cannot go."""
        size = self.traces()
        for file in kept.remove(kept.traces(self._paths)):
            raise FolderUnusable(file.parent, "permission denied")
        return size


class SettingsActs(PageActs[SettingsFacts]):
    """`post` gives a command to the agent and returns at once."""

    def __init__(
        self,
        page: SettingsPage,
        keeps: Keeps,
        background: Runs,
        presenter: SettingsPresenter,
        *,
        appearance: Appearance,
        notices: NoticeBook,
        post: Callable[[Command], None],
        private_relay: PrivateRelayActs | None = None,
        open_folder: Callable[[Path], None] = open_folder,
    ) -> None:
        preferences = appearance.preferences
        facts = SettingsFacts(
            looks=appearance.look,
            language=preferences.chosen.language,
            tells=notices.wish,
            version=version(),
            folders=keeps.folders,
        )
        super().__init__(page, facts, background, every_ms=_LOOK_MS)
        self.page, self._keeps, self._presenter = page, keeps, presenter
        self._appearance, self._preferences, self._notices = appearance, preferences, notices
        self._post, self._private_relay, self._open_folder = post, private_relay, open_folder
        page.start_wished.connect(self._start)
        page.look_chosen.connect(self._dress)
        page.language_chosen.connect(self._speak)
        page.notices_chosen.connect(self._tell)
        page.folder_asked.connect(self._open)
        page.forget_asked.connect(self._ask_to_forget)

    @override
    def show(self, snapshot: Snapshot | None, /) -> None:
        super().show(snapshot)
        if self._private_relay is not None:
            self._private_relay.show(snapshot)

    @override
    def hide(self) -> None:
        super().hide()
        if self._private_relay is not None:
            self._private_relay.hide()

    @override
    def _opened(self) -> None:
        self._know(forgotten=None)
        self._look()
        self._background.run(self._keeps.at_login, self._login_known, self._login_refused)

    @override
    def _draw(self) -> None:
        self.page.show_view(self._presenter.page(self._facts, self._snapshot))

    @override
    def _look(self) -> None:
        self._background.run(
            self._keeps.usage,
            lambda usage: self._know(usage=usage, usage_problem=""),
            lambda error: self._know(usage_problem=error.line()),
        )
        self._background.run(
            self._keeps.traces,
            lambda size: self._know(traces=size),
            lambda error: self._know(forget_problem=error.line()),
        )

    # --- start at login --------------------------------------------------------------------------------------------

    def _start(self, wanted: bool) -> None:  # noqa: FBT001 - a Qt slot
        self._background.run(
            lambda: self._keeps.start_at_login(wanted),
            self._login_known,
            self._login_refused,
        )

    def _login_known(self, at_login: AtLogin) -> None:
        self._know(at_login=at_login, login_problem="")

    def _login_refused(self, error: DesktopError) -> None:
        """The switch goes back to how things are."""
        self._know(login_problem=error.line())

    # --- the rest --------------------------------------------------------------------------------------------------

    def _dress(self, look: str) -> None:
        try:
            self._appearance.choose(Look(look))
            problem = ""
        except DesktopError as error:
            problem = error.line()
        self._know(looks=look, look_problem=problem)

    def _speak(self, language: str) -> None:
        try:
            self._preferences.keep(replace(self._preferences.chosen, language=Language(language)))
            problem = ""
        except DesktopError as error:
            problem = error.line()
        self._know(language=language, language_problem=problem)

    def _tell(self, wish: str) -> None:
        try:
            self._notices.choose(Wish(wish))
            problem = ""
        except DesktopError as error:
            problem = error.line()
        self._know(tells=wish, tell_problem=problem)

    def _open(self) -> None:
        if self._facts.usage is not None:
            self._open_folder(self._facts.usage.folder)

    def _ask_to_forget(self) -> None:
        if self._facts.traces:
            ask(self._presenter.question(self._facts.traces), self.page, self._forget)

    def _forget(self) -> None:
        self._post(Forget())
        self._background.run(
            self._keeps.forget,
            lambda size: self._know(forgotten=size, traces=0, forget_problem=""),
            self._not_forgotten,
        )

    def _not_forgotten(self, error: DesktopError) -> None:
        """Some of it may be gone."""
        self._know(forgotten=None, forget_problem=error.line())
        self._look()
