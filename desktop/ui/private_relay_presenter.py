"""The words of the private relay's card. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from desktop.agent.state import Snapshot
from desktop.ui.agent_words import AgentWords
from desktop.ui.figures import Formats
from desktop.ui.library_views import QuestionView
from desktop.ui.private_relay import RelayState
from desktop.ui.views import Tone, Translate

_SHOWN = 10, 4
"""Letters of a key at its beginning and its end: enough to tell one from another."""


@dataclass(frozen=True, slots=True)
class PrivateRelayFacts:
    """`copied`: what the clipboard was given last. `problem` is of the last act; the relay's own is in `state`."""

    installed: bool = False
    state: RelayState = field(default_factory=RelayState)
    copied: Literal["", "endpoint", "key"] = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PrivateRelayView:
    """A text that is empty hides its place. Without `can_run` only `told` is there."""

    told: str
    can_run: bool
    runs: bool
    can_choose: bool
    word: str
    tone: Tone
    endpoint: str
    key: str
    copy_endpoint: str
    copy_key: str
    connected: str
    connect: str
    problem: str


class PrivateRelayPresenter:
    """Makes a `PrivateRelayView` from facts."""

    def __init__(self, translate: Translate, formats: Formats) -> None:
        self._translate = translate
        self._agent = AgentWords(translate, formats)

    def tr(self, text: str, disambiguation: str = "", n: int = -1) -> str:
        """Named and shaped as `lupdate` wants it: the context is this class."""
        return self._translate("PrivateRelayPresenter", text, disambiguation, n)

    def card(self, facts: PrivateRelayFacts, snapshot: Snapshot | None) -> PrivateRelayView:
        state, running = facts.state, facts.state.kind == "running"
        word, tone = self._word(state)
        node = running and snapshot is not None and _is_node_of(snapshot, state)
        return PrivateRelayView(
            told=self._told(installed=facts.installed),
            can_run=facts.installed,
            runs=state.kind in {"starting", "running"},
            can_choose=state.kind != "stopping",
            word=word,
            tone=tone,
            endpoint=state.endpoint,
            key=_hidden(state.key),
            copy_endpoint=self.tr("Copied") if facts.copied == "endpoint" else self.tr("Copy"),
            copy_key=self.tr("Copied") if facts.copied == "key" else self.tr("Copy"),
            connected=self.tr("This PC is its node, and answers what it is asked.") if node else "",
            connect=self.tr("Connect this PC to it…") if running and snapshot is not None and not node else "",
            problem=self._agent.said(facts.problem or state.problem),
        )

    def _told(self, *, installed: bool) -> str:
        if installed:
            return self.tr(
                "A relay of your own, for programs on this PC that speak OpenAI's format. It runs as long as Nightjar "
                "does; nobody but this computer reaches it."
            )
        return self.tr(
            "The relay is a program of its own, which is not on this PC. On Debian and Ubuntu it comes with the "
            "package nightjar-relay; once that is installed, it can be started here."
        )

    def _word(self, state: RelayState) -> tuple[str, Tone]:
        match state.kind:
            case "starting":
                return self.tr("Starting…"), Tone.CALM
            case "running":
                return self.tr("Running"), Tone.GOOD
            case "stopping":
                return self.tr("Finishing its calls…"), Tone.CALM
            case "failed":
                return self.tr("Not running"), Tone.BAD
        return "", Tone.CALM

    def question(self, snapshot: Snapshot) -> QuestionView:
        """Before this PC becomes its node."""
        said = [
            self.tr("Programs that call it are answered by the models of this PC, whenever your rules let it share.")
        ]
        if snapshot.enrolment.kind == "enrolled":
            said.append(self.tr("This PC ceases to share at %1.").replace("%1", snapshot.enrolment.relay))
        return QuestionView(self.tr("Connect this PC to its own relay?"), "\n\n".join(said), self.tr("Connect"))


def _is_node_of(snapshot: Snapshot, state: RelayState) -> bool:
    return snapshot.enrolment.kind == "enrolled" and snapshot.enrolment.relay == state.origin


def _hidden(key: str) -> str:
    """The middle of a secret stays in the clipboard: whoever looks over a shoulder reads too."""
    begin, end = _SHOWN
    return f"{key[:begin]}…{key[-end:]}" if key else ""
