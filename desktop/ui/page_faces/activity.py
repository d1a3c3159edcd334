"""Every state of the Activity page."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from desktop.agent.relay_view import AnswerTold
from desktop.agent.state import Snapshot
from desktop.ui.activity_presenter import ActivityFacts, ActivityPresenter
from desktop.ui.examples import LONG_NAME, MODEL, NOW, not_enrolled, snapshot
from desktop.ui.figures import Formats
from desktop.ui.page_faces.earnings import REASONS
from desktop.ui.page_faces.fixed import RELAY_SILENT, Make, active
from desktop.ui.pages.activity import ActivityPage
from desktop.ui.theme import Theme

_ENDS = {3: "cancelled", 11: "failed"}


def answers(count: int = 50) -> tuple[AnswerTold, ...]:
    """One every seven minutes, the newest first; two did not end well."""
    return tuple(
        AnswerTold(
            number=count - ago,
            at_ms=round((NOW - 60 - ago * 420) * 1000),
            model=LONG_NAME if ago == 5 else MODEL.name,
            prompt_tokens=212 + 97 * (ago % 7) ** 2,
            completion_tokens=1 if ago == 3 else 240 + 31 * (ago % 5),
            duration_ms=6_900 + 230 * (ago % 9),
            first_ms=420,
            earned=0 if ago == 11 else 81_400 + 9_100 * (ago % 7),
            state=_ENDS.get(ago, "completed"),
        )
        for ago in range(count)
    )


def _activity(told: ActivityFacts, snapshot: Snapshot | None = None) -> Make:
    def make(_theme: Theme, formats: Formats) -> QWidget:
        page = ActivityPage()
        presenter = ActivityPresenter(QCoreApplication.translate, formats)
        page.show_view(presenter.page(told, snapshot if snapshot is not None else active(), NOW))
        return page

    return make


FACES: dict[str, Make] = {
    "activity": _activity(ActivityFacts(answers(), more=True)),
    "activity-few": _activity(ActivityFacts(answers(3)), snapshot()),
    "activity-nothing": _activity(ActivityFacts((), REASONS)),
    "activity-asking": _activity(ActivityFacts(asking=True)),
    "activity-more": _activity(ActivityFacts(answers(), more=True, asking=True)),
    "activity-not-enrolled": _activity(ActivityFacts(), not_enrolled()),
    "activity-error": _activity(ActivityFacts(problem=RELAY_SILENT)),
    "activity-stale": _activity(ActivityFacts(answers(9), problem=RELAY_SILENT)),
}
