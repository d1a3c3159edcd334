"""Every state of the first run."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from desktop.agent.state import Mode, Snapshot
from desktop.system.watch.self_test import Finding
from desktop.ui.examples import NOW, RELAY, not_enrolled, waiting_for_approval
from desktop.ui.faces import DOWNLOADING
from desktop.ui.figures import Formats
from desktop.ui.first_run_presenter import FirstRunFacts, FirstRunPresenter
from desktop.ui.first_run_steps import Step
from desktop.ui.page_faces.fixed import RELAY_SILENT, Make, active
from desktop.ui.page_faces.models import FOUND
from desktop.ui.pages.first_run import FirstRunPage
from desktop.ui.theme import Theme

_NOTICED = Finding("hands off", "test", ok=True, says="")

_CHOSEN = tuple(each for each in FOUND if each.entry.url)


def _first_run(told: FirstRunFacts, snapshot: Snapshot | None = None) -> Make:
    def make(theme: Theme, formats: Formats) -> QWidget:
        page = FirstRunPage(theme)
        shown = snapshot if snapshot is not None else not_enrolled()
        page.show_view(FirstRunPresenter(QCoreApplication.translate, formats).page(told, shown, NOW))
        return page

    return make


FACES: dict[str, Make] = {
    "first-run-welcome": _first_run(FirstRunFacts()),
    "first-run-connect": _first_run(FirstRunFacts(Step.CONNECT)),
    "first-run-connect-problem": _first_run(
        FirstRunFacts(Step.CONNECT), not_enrolled(f"Enrolment at {RELAY} failed: nobody approved it in time.")
    ),
    "first-run-waiting": _first_run(FirstRunFacts(Step.CONNECT), waiting_for_approval()),
    "first-run-connected": _first_run(FirstRunFacts(Step.CONNECT), active()),
    "first-run-test": _first_run(FirstRunFacts(Step.TEST), active()),
    "first-run-test-away": _first_run(FirstRunFacts(Step.TEST, trying="away"), active()),
    "first-run-test-good": _first_run(FirstRunFacts(Step.TEST, tried=_NOTICED), active()),
    "first-run-test-bad": _first_run(FirstRunFacts(Step.TEST, tried=replace(_NOTICED, ok=False)), active()),
    "first-run-model-looking": _first_run(FirstRunFacts(Step.MODEL), active()),
    "first-run-model": _first_run(FirstRunFacts(Step.MODEL, found=_CHOSEN), active()),
    "first-run-model-coming": _first_run(
        FirstRunFacts(Step.MODEL, found=_CHOSEN), replace(active(), downloads=(DOWNLOADING,))
    ),
    "first-run-model-none": _first_run(FirstRunFacts(Step.MODEL, found=()), active()),
    "first-run-model-silent": _first_run(FirstRunFacts(Step.MODEL, search_problem=RELAY_SILENT), active()),
    "first-run-share": _first_run(FirstRunFacts(Step.SHARE), active()),
    "first-run-share-off": _first_run(
        FirstRunFacts(
            Step.SHARE,
            mode=Mode.OFF,
            problem="Start at login cannot be changed: /home/maria/.config/autostart: permission denied.",
        ),
        active(),
    ),
}
