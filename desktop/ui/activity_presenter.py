"""The words of the Activity page: the answers this PC gave, and when it began and ceased to share. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.agent.relay_view import AnswerTold, ReasonTold
from desktop.agent.sheets import writing_speed
from desktop.agent.state import Snapshot, Switch
from desktop.ui.agent_words import AgentWords, sentence, unopened
from desktop.ui.chart_views import TableView
from desktop.ui.figures import Formats, counted, exact_dollars, speed
from desktop.ui.relay_facts import RelayFacts
from desktop.ui.views import Translate

PAGE = 50
"""Answers that are asked for at first, and again with each wish for more."""

_AT_ONCE_S = 0.1
"""What nobody notices."""

MOST = 1_000
"""Answers that are shown; a sheet is better for more."""


@dataclass(frozen=True, slots=True)
class ActivityFacts(RelayFacts):
    """What the relay told last. `wanted` is how many answers are to be shown.

    `answers` is None until the relay has told any number of them; `more`: it knows of older ones.
    """

    answers: tuple[AnswerTold, ...] | None = None
    reasons: tuple[ReasonTold, ...] = ()
    more: bool = False
    wanted: int = PAGE


@dataclass(frozen=True, slots=True)
class ActivityView:
    """`empty` stands in place of the answers, with `reasons` why there are none; `older` says where the oldest are."""

    answers: TableView | None
    empty: str
    reasons: tuple[str, ...]
    can_show_more: bool
    older: str
    switches: TableView | None
    switches_empty: str
    problem: str
    busy: bool


class ActivityPresenter:
    """Makes an `ActivityView` from facts."""

    def __init__(self, translate: Translate, formats: Formats) -> None:
        self._translate = translate
        self._formats = formats
        self._agent = AgentWords(translate, formats)

    def tr(self, text: str, disambiguation: str = "", n: int = -1) -> str:
        """Named and shaped as `lupdate` wants it: the context is this class."""
        return self._translate("ActivityPresenter", text, disambiguation, n)

    def page(self, facts: ActivityFacts, snapshot: Snapshot | None, now: float) -> ActivityView:
        answers = facts.answers or ()
        switches = snapshot.switches if snapshot is not None else ()
        nothing = facts.answers is not None and not answers
        return ActivityView(
            answers=self.answers(answers, now) if answers else None,
            empty=self._empty(facts, snapshot),
            reasons=tuple(self._agent.said(each.sentence) for each in facts.reasons if each.hinders) if nothing else (),
            can_show_more=facts.more and len(answers) < MOST,
            older=self._older() if facts.more and len(answers) >= MOST else "",
            switches=self.switches(switches, now) if switches else None,
            switches_empty=self._no_switches(snapshot),
            problem=self._agent.said(facts.problem),
            busy=facts.asking,
        )

    def _empty(self, facts: ActivityFacts, snapshot: Snapshot | None) -> str:
        if facts.answers:
            return ""
        if snapshot is not None and snapshot.enrolment.kind != "enrolled":
            return self.tr("The answers of this PC show here once it is connected to a relay. You can do that on Home.")
        if facts.answers is not None:
            return self.tr("No answers yet. The first one that this PC gives shows here within a minute.")
        if facts.problem:
            return ""
        return self.tr("Asking the relay…") if snapshot else self.tr("Answers show here while Nightjar is at work.")

    def _older(self) -> str:
        text = self.tr("Older answers are best read as a sheet: type “%1” in a terminal.")
        command = "nightjar activity --limit 100000 --csv answers.csv"
        return text.replace("%1", command.replace(" ", "\N{NO-BREAK SPACE}"))

    # --- answers ---------------------------------------------------------------------------------------------------

    def answers(self, answers: tuple[AnswerTold, ...], now: float) -> TableView:
        """Newest first, as they come. How a call ended is told only where some did not end well."""
        head = [self.tr("When"), self.tr("Model"), self.tr("Tokens in + out"), self.tr("Tokens/s"), self.tr("Earned")]
        rows = [self._answer(each, now) for each in answers]
        numbers = {2, 3, 4}
        if any(each.state != "completed" for each in answers):
            head.append(self.tr("Ended"))
            rows = [(*row, self._ended(each)) for row, each in zip(rows, answers, strict=True)]
        return TableView(tuple(head), tuple(rows), frozenset(numbers), wide=1)

    def _answer(self, answer: AnswerTold, now: float) -> tuple[str, ...]:
        pace = writing_speed(answer)
        read, written = (counted(count, self._formats) for count in (answer.prompt_tokens, answer.completion_tokens))
        return (
            self._formats.moment(answer.at_ms / 1000, now),
            answer.model,
            f"{read} + {written}",
            "–" if pace is None else speed(pace, self._formats),
            exact_dollars(answer.earned, self._formats),
        )

    def _ended(self, answer: AnswerTold) -> str:
        ends = {
            "completed": "",
            "failed": self.tr("failed"),
            "cancelled": self.tr("caller left"),
            "expired": self.tr("too late"),
        }
        return ends.get(answer.state, answer.state)

    # --- switches --------------------------------------------------------------------------------------------------

    def switches(self, switches: tuple[Switch, ...], now: float) -> TableView:
        """Newest first."""
        rows = tuple(
            (
                self._formats.moment(each.at, now),
                self.tr("Sharing") if each.sharing else self.tr("Not sharing"),
                self._why(each),
            )
            for each in reversed(switches)
        )
        return TableView((self.tr("When"), self.tr("From then on"), self.tr("Why")), rows)

    def _why(self, switch: Switch) -> str:
        why = sentence(self._agent.said(unopened(switch.sentence)))
        if switch.freed_s is None:
            return why
        if switch.freed_s < _AT_ONCE_S:
            freed = self.tr("The model's memory was free again at once.")
        else:
            freed = self.tr("The model's memory was free again after %1 s.")
        return f"{why} {freed.replace('%1', speed(switch.freed_s, self._formats))}"

    def _no_switches(self, snapshot: Snapshot | None) -> str:
        if snapshot is None:
            return self.tr("This shows here while Nightjar is at work.")
        return (
            "" if snapshot.switches else self.tr("Nothing yet. When this PC begins or ceases to share, it shows here.")
        )
