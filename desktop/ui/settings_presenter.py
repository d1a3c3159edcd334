"""The words of the Settings page: start at login, colours, the relay, the models' folder, what is kept. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from desktop.agent.state import Snapshot
from desktop.models.store import Usage
from desktop.system.autostart import AtLogin
from desktop.ui.agent_words import AgentWords
from desktop.ui.figures import Formats, data
from desktop.ui.library_views import QuestionView
from desktop.ui.preferences import LANGUAGES
from desktop.ui.views import Translate


@dataclass(frozen=True, slots=True)
class Folders:
    """Where things are kept."""

    data: str
    settings: str
    logs: str


@dataclass(frozen=True, slots=True)
class SettingsFacts:
    """What was found at the last look. `traces` are the bytes of logs and history; None until they were counted.

    The problems are of the last act of each card.
    """

    at_login: AtLogin | None = None
    login_problem: str = ""
    looks: str = "system"
    look_problem: str = ""
    language: str = "system"
    language_problem: str = ""
    tells: str = "all"
    tell_problem: str = ""
    usage: Usage | None = None
    usage_problem: str = ""
    traces: int | None = None
    forgotten: int | None = None
    forget_problem: str = ""
    version: str = ""
    folders: Folders | None = None


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """One of a few: each with its word and what it is called."""

    options: tuple[tuple[str, str], ...]
    chosen: str
    told: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SettingsView:
    """A text that is empty hides its place. `can_start` is false while it is not known how things are."""

    starts: bool
    can_start: bool
    start_told: str
    start_problem: str
    looks: ChoiceView
    languages: ChoiceView
    notices: ChoiceView
    relay: str
    relay_detail: str
    models: str
    models_folder: str
    models_problem: str
    kept: tuple[str, ...]
    forget: str
    can_forget: bool
    forgotten: str
    forget_problem: str
    about: tuple[tuple[str, str], ...]


class SettingsPresenter:
    """Makes a `SettingsView` from facts."""

    def __init__(self, translate: Translate, formats: Formats) -> None:
        self._translate = translate
        self._formats = formats
        self._agent = AgentWords(translate, formats)

    def tr(self, text: str, disambiguation: str = "", n: int = -1) -> str:
        """Named and shaped as `lupdate` wants it: the context is this class."""
        return self._translate("SettingsPresenter", text, disambiguation, n)

    def page(self, facts: SettingsFacts, snapshot: Snapshot | None) -> SettingsView:
        at_login = facts.at_login
        relay, relay_detail = self._relay(snapshot)
        return SettingsView(
            starts=at_login is not None and at_login.on,
            can_start=at_login is not None,
            start_told=self._start_told(at_login),
            start_problem=self._agent.said(facts.login_problem),
            looks=self._looks(facts),
            languages=self._languages(facts),
            notices=self._notices(facts),
            relay=relay,
            relay_detail=relay_detail,
            models=self._models(facts.usage),
            models_folder=str(facts.usage.folder) if facts.usage is not None else "",
            models_problem=self._agent.said(facts.usage_problem),
            kept=self._kept(),
            forget=self._forget(facts.traces),
            can_forget=bool(facts.traces),
            forgotten=self._forgotten(facts.forgotten),
            forget_problem=self._agent.said(facts.forget_problem),
            about=self._about(facts),
        )

    def _looks(self, facts: SettingsFacts) -> ChoiceView:
        options = (
            ("system", self.tr("As the desktop")),
            ("light", self.tr("Light")),
            ("dark", self.tr("Dark")),
        )
        return ChoiceView(options, facts.looks, problem=self._agent.said(facts.look_problem))

    def _languages(self, facts: SettingsFacts) -> ChoiceView:
        options = (("system", self.tr("As the system")), *LANGUAGES.items())
        told = self.tr("A change shows once Nightjar is started again. Commands in a terminal stay English.")
        return ChoiceView(options, facts.language, told, self._agent.said(facts.language_problem))

    def _notices(self, facts: SettingsFacts) -> ChoiceView:
        options = (
            ("all", self.tr("All")),
            ("problems", self.tr("Only problems")),
            ("nothing", self.tr("None")),
        )
        told = self.tr(
            "Told are the first earnings, a model that has arrived, and what needs you: a download that stopped, a "
            "full disk, a relay that no longer knows this PC. Never that it shares or waits."
        )
        return ChoiceView(options, facts.tells, told, self._agent.said(facts.tell_problem))

    def _start_told(self, at_login: AtLogin | None) -> str:
        if at_login is None:
            return ""
        if at_login.blocked:
            return self._agent.said(at_login.blocked)
        if at_login.on:
            return self.tr("It starts in the tray, and opens no window. Written in %1.").replace("%1", at_login.place)
        return self.tr("Nightjar shares only while it runs.")

    def _relay(self, snapshot: Snapshot | None) -> tuple[str, str]:
        if snapshot is None:
            return self.tr("The relay shows here while Nightjar is at work."), ""
        enrolment = snapshot.enrolment
        if enrolment.kind != "enrolled":
            return self.tr("This PC is not connected to a relay."), self.tr("You can do that on Home.")
        where = urlsplit(enrolment.relay).netloc or enrolment.relay
        detail = self.tr("It knows this PC as %1. To share at another one: nightjar enroll --relay URL")
        return where, detail.replace("%1", enrolment.node_id)

    def _models(self, usage: Usage | None) -> str:
        if usage is None:
            return ""
        text = self.tr("%1 of models, %2 free on this disk.")
        used = data(usage.models + usage.unfinished, self._formats)
        return text.replace("%1", used).replace("%2", data(usage.free, self._formats))

    def _kept(self) -> tuple[str, ...]:
        return (
            self.tr(
                "Strangers' questions and answers are worked on in this PC's memory. They are never written to its "
                "disk, and Nightjar has no way to show them."
            ),
            self.tr(
                "Whatever a model is told, its process can reach neither your files nor the network, as far as this "
                "system allows; Diagnostics says how far that is."
            ),
            self.tr("Earnings can be taken back for 3 days if checks of the answers fail. The electricity is yours."),
            self.tr("Kept are a log without any such text, and when this PC shared and why it did not."),
        )

    def _forget(self, traces: int | None) -> str:
        if traces is None:
            return ""
        if traces == 0:
            return self.tr("There is no log and no history just now.")
        return self.tr("Log and history: %1.").replace("%1", data(traces, self._formats))

    def _forgotten(self, size: int | None) -> str:
        return "" if size is None else self.tr("Removed; %1 are free again.").replace("%1", data(size, self._formats))

    def question(self, traces: int) -> QuestionView:
        """Before log and history go."""
        return QuestionView(
            self.tr("Remove log and history?"),
            self.tr(
                "%1 of log, and the times at which this PC shared or did not, are removed for good. Models, settings, "
                "earnings and the connection to the relay stay."
            ).replace("%1", data(traces, self._formats)),
            self.tr("Remove"),
        )

    def _about(self, facts: SettingsFacts) -> tuple[tuple[str, str], ...]:
        folders = facts.folders
        if folders is None:
            return ()
        return (
            (self.tr("Version"), facts.version),
            (self.tr("Licence"), "Apache-2.0"),
            (self.tr("Data"), folders.data),
            (self.tr("Settings"), folders.settings),
            (self.tr("Logs"), folders.logs),
            (self.tr("Remove everything"), self.tr("In a terminal, once Nightjar has ended: nightjar purge --all")),
        )
