"""The words of the Diagnostics page: what the self-test found, the log, and the report for whoever helps. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from desktop.system.crashes import Fault
from desktop.system.watch.self_test import Finding
from desktop.ui.agent_words import AgentWords, unopened
from desktop.ui.figures import Formats
from desktop.ui.views import Tone, Translate

LOG_LINES = 200
"""Of the log, that are shown."""


@dataclass(frozen=True, slots=True)
class DiagnosticsFacts:
    """`findings` is None until the first self-test has ended, at `tested_at`, `report` until one was asked for.

    `saved` is where the report was written last; `untested` why the last self-test came to nothing, `problem` why any
    other act did.
    """

    findings: tuple[Finding, ...] | None = None
    tested_at: float | None = None
    testing: bool = False
    log: tuple[str, ...] = ()
    folder: str = ""
    report: str | None = None
    reporting: bool = False
    saved: str = ""
    untested: str = ""
    problem: str = ""
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class FindingView:
    """One line: a word for its verdict, what was looked at, and what was found there."""

    verdict: str
    tone: Tone
    concern: str
    says: str
    source: str


@dataclass(frozen=True, slots=True)
class DiagnosticsView:
    """`log_empty` and `report` stand where there is nothing else to show; an empty text hides its place.

    `can_try`: the problem is that of the self-test, which may be run again.
    """

    fault: str
    fault_trace: str
    headline: str
    as_of: str
    tone: Tone
    findings: tuple[FindingView, ...]
    testing: bool
    log: str
    log_empty: str
    folder: str
    report: str
    report_told: str
    reporting: bool
    problem: str
    can_try: bool


class DiagnosticsPresenter:
    """Makes a `DiagnosticsView` from facts."""

    def __init__(self, translate: Translate, formats: Formats) -> None:
        self._translate = translate
        self._formats = formats
        self._agent = AgentWords(translate, formats)

    def tr(self, text: str, disambiguation: str = "", n: int = -1) -> str:
        """Named and shaped as `lupdate` wants it: the context is this class."""
        return self._translate("DiagnosticsPresenter", text, disambiguation, n)

    def page(self, facts: DiagnosticsFacts, now: float) -> DiagnosticsView:
        findings = facts.findings or ()
        wrong = sum(each.ok is False for each in findings)
        return DiagnosticsView(
            fault=self._fault(facts.fault, now) if facts.fault is not None else "",
            fault_trace=facts.fault.trace if facts.fault is not None else "",
            headline=self._headline(facts, wrong),
            as_of=self._as_of(facts.tested_at, now),
            tone=Tone.BAD if wrong else Tone.GOOD if findings else Tone.CALM,
            findings=tuple(self._finding(each) for each in _worst_first(findings)),
            testing=facts.testing,
            log="\n".join(facts.log),
            log_empty="" if facts.log else self.tr("Nothing has been written yet."),
            folder=facts.folder,
            report=facts.report or "",
            report_told=self._told(facts),
            reporting=facts.reporting,
            problem=self._agent.said(facts.problem or facts.untested),
            can_try=not facts.problem,
        )

    def _fault(self, fault: Fault, now: float) -> str:
        text = self.tr("Nightjar met a fault at %1 that it did not expect. The report has it too.")
        return text.replace("%1", self._formats.moment(fault.at, now))

    def _headline(self, facts: DiagnosticsFacts, wrong: int) -> str:
        if facts.findings is None:
            return self.tr("Looking at everything once…") if facts.testing else ""
        if wrong == 0:
            return self.tr("Everything works.")
        return self.tr("One thing does not work.") if wrong == 1 else self.tr("%Ln things do not work.", "", wrong)

    def _as_of(self, tested_at: float | None, now: float) -> str:
        if tested_at is None:
            return ""
        return self.tr("As it was found at %1.").replace("%1", self._formats.moment(tested_at, now))

    def _finding(self, found: Finding) -> FindingView:
        verdict, tone = {
            True: (self.tr("Works"), Tone.GOOD),
            False: (self.tr("Does not work"), Tone.BAD),
            None: (self.tr("Not here"), Tone.CALM),
        }[found.ok]
        concern, says = self._part(found.concern), self._part(found.says)
        return FindingView(verdict, tone, concern, says, self._agent.said(found.source))

    def _part(self, text: str) -> str:
        """Findings are parts of lines in a terminal; on a page each stands alone."""
        said = self._agent.said(unopened(text))
        return said[:1].upper() + said[1:]

    def _told(self, facts: DiagnosticsFacts) -> str:
        if facts.saved:
            return self.tr("Saved as %1.").replace("%1", facts.saved)
        if facts.report is not None:
            return self.tr(
                "This is all of it. Nothing is sent by itself: save or copy it, and give it to whom you trust."
            )
        return self.tr(
            "Hardware, self-test and log, for whoever helps you. Your name, this PC's name, addresses and keys are "
            "left out. You see it before it goes anywhere."
        )


def _worst_first(findings: Sequence[Finding]) -> list[Finding]:
    order = {False: 0, True: 1, None: 2}
    return sorted(findings, key=lambda each: order[each.ok])
