"""The words of the Earnings page: sums, a column a day, each model's part, and what stands in the way of more. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from desktop.agent.relay_view import EarningsTold, ReasonTold
from desktop.agent.state import Snapshot
from desktop.ui.agent_words import AgentWords
from desktop.ui.chart_views import ChartView, ColumnView, TableView
from desktop.ui.figures import NANO, Formats, dollars, exact_dollars
from desktop.ui.relay_facts import RelayFacts
from desktop.ui.views import Translate

SPANS = (7, 30, 90)
"""Days that a chart can show."""


@dataclass(frozen=True, slots=True)
class EarningsFacts(RelayFacts):
    """What the relay told last. `days` is what the chart shows."""

    told: EarningsTold | None = None
    reasons: tuple[ReasonTold, ...] = ()
    days: int = 30
    saved: str = ""


@dataclass(frozen=True, slots=True)
class SumView:
    """One sum: the name of its time, the amount, and a word below."""

    name: str
    amount: str
    detail: str = ""
    exact: str = ""


@dataclass(frozen=True, slots=True)
class ShareView:
    """What one model brought, and its share of all, 0 to 1."""

    name: str
    amount: str
    detail: str
    share: float


@dataclass(frozen=True, slots=True)
class EarningsPageView:
    """`empty` stands in place of everything else but the problem."""

    sums: tuple[SumView, ...]
    pending: str
    chart: ChartView | None
    chart_empty: str
    table: TableView | None
    models: tuple[ShareView, ...]
    reasons: tuple[str, ...]
    empty: str
    problem: str
    saved: str
    as_of: str
    days: int
    can_save: bool
    busy: bool


class EarningsPresenter:
    """Makes an `EarningsPageView` from facts."""

    def __init__(self, translate: Translate, formats: Formats) -> None:
        self._translate = translate
        self._formats = formats
        self._agent = AgentWords(translate, formats)

    def tr(self, text: str, disambiguation: str = "", n: int = -1) -> str:
        """Named and shaped as `lupdate` wants it: the context is this class."""
        return self._translate("EarningsPresenter", text, disambiguation, n)

    def page(self, facts: EarningsFacts, snapshot: Snapshot | None, now: float) -> EarningsPageView:
        told = facts.told
        earned = told is not None and bool(told.days)
        return EarningsPageView(
            sums=self.sums(told) if told else (),
            pending=self.pending(told) if told else "",
            chart=self.chart(told, facts.days) if told and earned else None,
            chart_empty="" if earned or told is None else self._nothing_yet(told, facts.days),
            table=self.table(told) if told and earned else None,
            models=self.models(told) if told else (),
            reasons=tuple(self._agent.said(each.sentence) for each in facts.reasons if each.hinders),
            empty=self._empty(facts, snapshot),
            problem=self._agent.said(facts.problem),
            saved=facts.saved,
            as_of=self._as_of(told, now) if told else "",
            days=facts.days,
            can_save=earned,
            busy=facts.asking,
        )

    def _empty(self, facts: EarningsFacts, snapshot: Snapshot | None) -> str:
        if facts.told is not None:
            return ""
        if snapshot is not None and snapshot.enrolment.kind != "enrolled":
            return self.tr("What this PC earns shows here once it is connected to a relay. You can do that on Home.")
        if facts.problem:
            return ""
        return self.tr("Asking the relay…") if snapshot else self.tr("Earnings show here while Nightjar is at work.")

    def _nothing_yet(self, told: EarningsTold, days: int) -> str:
        if told.lifetime == 0:
            return self.tr("Nothing earned yet. The first answer that this PC gives shows here within seconds.")
        return self.tr("Nothing earned in the last %Ln days.", "", days)

    def _as_of(self, told: EarningsTold, now: float) -> str:
        moment = self._formats.moment(told.at_ms / 1000, now)
        return self.tr("As the relay's books said at %1. Days are those of UTC.").replace("%1", moment)

    # --- sums ------------------------------------------------------------------------------------------------------

    def sums(self, told: EarningsTold) -> tuple[SumView, ...]:
        return (
            self._sum(self.tr("Last hour"), told.hour),
            self._sum(self.tr("Today"), told.today, self._answers(told.answers_today)),
            self._sum(self.tr("7 days"), told.week),
            self._sum(self.tr("30 days"), told.month),
            self._sum(self.tr("Lifetime"), told.lifetime),
        )

    def _sum(self, name: str, nano: int, detail: str = "") -> SumView:
        rounded, exact = dollars(nano, self._formats), exact_dollars(nano, self._formats)
        return SumView(name, rounded, detail, "" if exact == rounded else exact)

    def _answers(self, count: int) -> str:
        return self.tr("1 answer") if count == 1 else self.tr("%Ln answers", "", count)

    def pending(self, told: EarningsTold) -> str:
        """Why not all of it is the owner's yet."""
        if not told.pending:
            return ""
        text = self.tr("%1 of it is pending: it is held until checks of the answers are done, and can be taken back.")
        return text.replace("%1", dollars(told.pending, self._formats))

    # --- days ------------------------------------------------------------------------------------------------------

    def chart(self, told: EarningsTold, days: int) -> ChartView:
        """Days without earnings have a place too: the last is the day at which the relay answered."""
        amounts: dict[str, int] = defaultdict(int)
        answers: dict[str, int] = defaultdict(int)
        for each in told.days:
            amounts[each.day] += each.earned
            answers[each.day] += each.answers
        last = datetime.fromtimestamp(told.at_ms / 1000, UTC).date()
        shown = [last - timedelta(days=ago) for ago in range(days - 1, -1, -1)]
        columns = tuple(self._column(day, amounts[str(day)], answers[str(day)]) for day in shown)
        scale = _round_up(max((amounts[str(day)] for day in shown), default=0))
        total = sum(amounts[str(day)] for day in shown)
        summary = self.tr("%1 in %Ln days", "", days).replace("%1", dollars(total, self._formats))
        return ChartView(columns, float(scale), self._scale(scale), summary)

    def _column(self, day: date, nano: int, answers: int) -> ColumnView:
        label = self._formats.day(day)
        amount = dollars(nano, self._formats)
        return ColumnView(label, float(max(nano, 0)), f"{label}: {amount} · {self._answers(answers)}")

    def _scale(self, nano: int) -> str:
        rounded = dollars(nano, self._formats)
        return rounded if nano % (NANO // 100) == 0 else exact_dollars(nano, self._formats)

    def table(self, told: EarningsTold) -> TableView:
        """Newest day first."""
        rows = tuple(
            (
                self._formats.day(date.fromisoformat(each.day)),
                each.model,
                str(each.answers),
                exact_dollars(each.earned, self._formats),
            )
            for each in sorted(told.days, key=lambda each: (each.day, each.earned), reverse=True)
        )
        head = (self.tr("Day"), self.tr("Model"), self.tr("Answers"), self.tr("Earned"))
        return TableView(head, rows, frozenset({2, 3}))

    def models(self, told: EarningsTold) -> tuple[ShareView, ...]:
        """Best first."""
        all_of_it = sum(max(each.earned, 0) for each in told.models)
        return tuple(
            ShareView(
                each.model,
                dollars(each.earned, self._formats),
                self._answers(each.answers),
                max(each.earned, 0) / all_of_it if all_of_it else 0.0,
            )
            for each in sorted(told.models, key=lambda each: each.earned, reverse=True)
        )

    def saved(self, path: str) -> str:
        return self.tr("Saved as %1.").replace("%1", path)


def _round_up(nano: int) -> int:
    """The next 1, 2 or 5 with zeros: what the chart's upper line stands for."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor >= nano:
                return step * factor
        step *= 10
