"""The words of the first run: what Nightjar does and costs, connecting, a test, a model, and when to share. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from desktop.agent.state import Mode, Snapshot
from desktop.models.fit import Badge
from desktop.models.ranking import Ranked
from desktop.system.watch.self_test import Finding
from desktop.ui.agent_words import AgentWords
from desktop.ui.figures import Formats, speed
from desktop.ui.first_run_steps import STEPS, Step
from desktop.ui.library_presenter import LibraryPresenter
from desktop.ui.library_views import QuestionView, RowView
from desktop.ui.presenters import Presenter
from desktop.ui.views import EnrolmentView, Tone, Translate


@dataclass(frozen=True, slots=True)
class FirstRunFacts:
    """What the owner chose, and what was found out. `trying` is what the self-test waits for: `away` or `back`.

    `found` is None until the catalogue was read.
    """

    step: Step = Step.WELCOME
    trying: str = ""
    tried: Finding | None = None
    found: tuple[Ranked, ...] | None = None
    search_problem: str = ""
    asked_for: frozenset[str] = field(default_factory=frozenset)
    mode: Mode = Mode.IDLE
    at_login: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """One thing to know: a few words, and a sentence or two."""

    head: str
    text: str


@dataclass(frozen=True, slots=True)
class FirstRunView:
    """One step. What is empty or None has no place on it; `where` tells a screen reader how far it is."""

    step: Step
    at: int
    steps: int
    where: str
    title: str
    points: tuple[Point, ...] = ()
    enrolment: EnrolmentView | None = None
    told: str = ""
    told_tone: Tone = Tone.CALM
    test_button: str = ""
    can_test: bool = False
    rows: tuple[RowView, ...] = ()
    rows_empty: str = ""
    mode: Mode | None = None
    mode_means: str = ""
    at_login: bool = False
    problem: str = ""
    back: str = ""
    skip: str = ""
    forward: str = ""
    can_go_on: bool = True


class FirstRunPresenter:
    """Makes a `FirstRunView` from facts."""

    def __init__(self, translate: Translate, formats: Formats) -> None:
        self._translate = translate
        self._formats = formats
        self._agent = AgentWords(translate, formats)
        self._home = Presenter(translate, formats)
        self._library = LibraryPresenter(translate, formats)

    def tr(self, text: str, disambiguation: str = "", n: int = -1) -> str:
        """Named and shaped as `lupdate` wants it: the context is this class."""
        return self._translate("FirstRunPresenter", text, disambiguation, n)

    def page(self, facts: FirstRunFacts, snapshot: Snapshot | None, now: float) -> FirstRunView:
        match facts.step:
            case Step.WELCOME:
                return self._welcome(facts)
            case Step.CONNECT:
                return self._connect(facts, snapshot, now)
            case Step.TEST:
                return self._test(facts, snapshot)
            case Step.MODEL:
                return self._model(facts, snapshot, now)
        return self._share(facts)

    def _view(self, facts: FirstRunFacts, title: str, **parts: object) -> FirstRunView:
        at = STEPS.index(facts.step)
        where = self.tr("Step %1 of %2").replace("%1", str(at + 1)).replace("%2", str(len(STEPS)))
        given: dict[str, object] = {
            "back": self.tr("Back") if at else "",
            "forward": self.tr("Continue"),
            "problem": self._agent.said(facts.problem),
        }
        return FirstRunView(facts.step, at, len(STEPS), where, title, **(given | parts))  # type: ignore[arg-type]

    # --- the steps -------------------------------------------------------------------------------------------------

    def _welcome(self, facts: FirstRunFacts) -> FirstRunView:
        return self._view(
            facts,
            self.tr("Lend this PC’s idle time, and earn with it"),
            points=(
                Point(
                    self.tr("What it does"),
                    self.tr(
                        "While you do not use this PC, it answers questions that people send to a language model. "
                        "When you come back, it stops at once, and its memory is yours again within 3 seconds."
                    ),
                ),
                Point(
                    self.tr("What it costs"),
                    self.tr(
                        "Electricity: a PC that computes draws more than one that rests. You say when it may, and how "
                        "much; earnings of each day are shown."
                    ),
                ),
                Point(
                    self.tr("What stays private"),
                    self.tr(
                        "Strangers’ questions are worked on in memory and never written to the disk. They can reach "
                        "neither your files nor your network, as far as this system can keep them away."
                    ),
                ),
                Point(
                    self.tr("What you get"),
                    self.tr("70 % of what each answer costs. It can be taken back for 3 days if checks of it fail."),
                ),
            ),
            told=self.tr("Nothing is shared before the last of these five steps."),
            skip=self.tr("Look around first"),
        )

    def _connect(self, facts: FirstRunFacts, snapshot: Snapshot | None, now: float) -> FirstRunView:
        enrolled = snapshot is not None and snapshot.enrolment.kind == "enrolled"
        told = ""
        if snapshot is None:
            told = self.tr("Starting…")
        elif enrolled:
            where = urlsplit(snapshot.enrolment.relay).netloc or snapshot.enrolment.relay
            told = self.tr("This PC is connected to %1.").replace("%1", where)
        return self._view(
            facts,
            self.tr("Connect this PC"),
            enrolment=None if snapshot is None else self._home.enrolment(snapshot, now),
            told=told,
            told_tone=Tone.GOOD if enrolled else Tone.CALM,
            skip="" if enrolled else self.tr("Look around first"),
            can_go_on=enrolled,
        )

    def _test(self, facts: FirstRunFacts, snapshot: Snapshot | None) -> FirstRunView:
        told, tone = self._tried(facts)
        points = [
            Point(
                self.tr("Does it notice you?"),
                self.tr(
                    "Nightjar must see when you are away and when you are back. The test takes ten seconds: leave "
                    "mouse and keyboard alone, then move the mouse."
                ),
            )
        ]
        measured = self._measured(snapshot)
        if measured:
            points.append(Point(self.tr("How fast is it?"), measured))
        return self._view(
            facts,
            self.tr("A short test"),
            points=tuple(points),
            told=told,
            told_tone=tone,
            test_button=self.tr("Try again") if facts.tried is not None else self.tr("Begin the test"),
            can_test=not facts.trying,
            forward=self.tr("Continue") if facts.tried is not None else self.tr("Continue without it"),
            can_go_on=not facts.trying,
        )

    def _tried(self, facts: FirstRunFacts) -> tuple[str, Tone]:
        if facts.trying == "away":
            return self.tr("Hands off for ten seconds…"), Tone.ATTENTION
        if facts.trying == "back":
            return self.tr("Now move the mouse."), Tone.ATTENTION
        if facts.tried is None:
            return "", Tone.CALM
        if facts.tried.ok:
            return self.tr("It noticed that you were away, and that you came back."), Tone.GOOD
        return (
            self.tr("It did not notice you. When idle counts you as present then; Diagnostics can tell more."),
            Tone.BAD,
        )

    def _measured(self, snapshot: Snapshot | None) -> str:
        """What the agent measured at a model's first load; nothing until it has."""
        measured = [each for each in snapshot.models if each.decode_tps > 0] if snapshot is not None else []
        if not measured:
            return ""
        text = self.tr("%1 writes %2 tokens a second here; a token is about three quarters of a word.")
        best = max(measured, key=lambda each: each.decode_tps)
        return text.replace("%1", best.name).replace("%2", speed(best.decode_tps, self._formats))

    def _model(self, facts: FirstRunFacts, snapshot: Snapshot | None, now: float) -> FirstRunView:
        queue = snapshot.downloads if snapshot is not None else ()
        coming = {each.name for each in queue}
        here = {each.name for each in snapshot.models} if snapshot is not None else set()
        best = recommended(facts.found or ())
        rows = [self._library.download(each, now) for each in queue]
        if best is not None and best.entry.id not in coming:
            rows.insert(0, self._library.candidate(best, here, facts.asked_for, None))
        chosen = bool(queue) or (best is not None and best.entry.id in here | facts.asked_for)
        return self._view(
            facts,
            self.tr("A model for this PC"),
            points=(self._best(),) if best is not None else (),
            rows=tuple(rows),
            rows_empty=self._no_model(facts),
            problem=self._agent.said(facts.problem or facts.search_problem),
            forward=self.tr("Continue") if chosen else self.tr("Continue with the small one"),
        )

    def _best(self) -> Point:
        return Point(
            self.tr("The best for this PC"),
            self.tr(
                "It fits this PC’s memory, and earns most for what the network asks for now. There are more, "
                "and your own files can be used too: all of that is on the page Models, at any time."
            ),
        )

    def giving_up(self, name: str, snapshot: Snapshot | None) -> QuestionView | None:
        """What is asked before a download is given up; None if it is not under way any more."""
        queue = snapshot.downloads if snapshot is not None else ()
        return next((self._library.cancellation(each) for each in queue if each.name == name), None)

    def _no_model(self, facts: FirstRunFacts) -> str:
        if facts.search_problem:
            return self.tr("The small model that comes with Nightjar is used until you choose another.")
        if facts.found is None:
            return self.tr("Looking at what the network wants…")
        return self.tr(
            "The relay recommends no model for this PC at the moment. The small one that comes with Nightjar is used."
        )

    def _share(self, facts: FirstRunFacts) -> FirstRunView:
        means = {
            Mode.OFF: self.tr("Nothing is shared until you switch it on, here or in the tray."),
            Mode.IDLE: self.tr("After five minutes without you; never beside games, films, calls or work of yours."),
            Mode.ALWAYS: self.tr("Also while you use this PC. It may feel slower then."),
        }
        return self._view(
            facts,
            self.tr("When may this PC share?"),
            mode=facts.mode,
            mode_means=means[facts.mode],
            at_login=facts.at_login,
            forward=self.tr("Finish") if facts.mode is Mode.OFF else self.tr("Start sharing"),
        )


def recommended(found: tuple[Ranked, ...]) -> Ranked | None:
    """The first that can be had and fits; those that come with Nightjar earn nothing."""
    fitting = (each for each in found if each.entry.url and each.badge in {Badge.ROOMY, Badge.TIGHT})
    return next(fitting, None)
