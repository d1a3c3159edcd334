"""Every state of the Earnings page."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from desktop.agent.relay_view import EarnedDay, EarnedModel, EarningsTold, ReasonTold
from desktop.ui.earnings_presenter import EarningsFacts, EarningsPresenter
from desktop.ui.examples import MODEL, NOW
from desktop.ui.faces import every_face
from desktop.ui.figures import Formats
from desktop.ui.page_faces.fixed import RELAY_SILENT, Make
from desktop.ui.pages.earnings import EarningsPage
from desktop.ui.theme import Theme


def earned(days: int = 30) -> EarningsTold:
    """A month of two models, with days off."""
    told = []
    for ago in range(days):
        day = datetime.fromtimestamp(NOW - ago * 86_400, UTC).date().isoformat()
        if ago % 9 != 5:
            amount = int(180_000_000 + 130_000_000 * math.sin(ago * 0.9) + 5_100_000 * (days - ago))
            told.append(EarnedDay(day=day, model=MODEL.name, answers=88 + ago, earned=amount))
        if ago % 4 == 1:
            told.append(EarnedDay(day=day, model="gemma-3-4b-it-q4_k_m", answers=31, earned=61_000_000))
    by_model: dict[str, list[EarnedDay]] = {}
    for each in told:
        by_model.setdefault(each.model, []).append(each)
    models = [_of_model(name, each) for name, each in by_model.items()]
    return EarningsTold(
        at_ms=round(NOW * 1000),
        hour=21_400_000,
        today=312_451_800,
        week=2_180_700_000,
        month=sum(model.earned for model in models),
        lifetime=41_020_000_000,
        pending=702_000_000,
        answers_today=128,
        days=told,
        models=models,
    )


def _of_model(name: str, days: list[EarnedDay]) -> EarnedModel:
    answers, amount = sum(day.answers for day in days), sum(day.earned for day in days)
    return EarnedModel(model=name, answers=answers, earned=amount, prompt_tokens=0, completion_tokens=0)


def nothing_earned() -> EarningsTold:
    return EarningsTold(
        at_ms=round(NOW * 1000),
        hour=0,
        today=0,
        week=0,
        month=0,
        lifetime=0,
        pending=0,
        answers_today=0,
        days=[],
        models=[],
    )


REASONS = (
    ReasonTold(
        code="cheaper_elsewhere",
        sentence=f"This PC answered 3 of 41 calls for {MODEL.name} in the last 24 hours; "
        "2 other PCs can answer for less.",
        model=MODEL.name,
    ),
    ReasonTold(
        code="no_demand",
        sentence="Nobody asked for gemma-3-4b-it-q4_k_m in the last 24 hours. Another model may be wanted more.",
        model="gemma-3-4b-it-q4_k_m",
    ),
)


def _earnings(
    facts: EarningsFacts, face: str = "ready", *, table: bool = False, pointed: int | None = None, saved: str = ""
) -> Make:
    def make(theme: Theme, formats: Formats) -> QWidget:
        page = EarningsPage(theme)
        presenter = EarningsPresenter(QCoreApplication.translate, formats)
        told = replace(facts, saved=presenter.saved(saved)) if saved else facts
        page.show_view(presenter.page(told, every_face()[face], NOW))
        page.days.show_table(table)
        page.days.chart.point(pointed)
        return page

    return make


FACES: dict[str, Make] = {
    "earnings": _earnings(EarningsFacts(earned(), REASONS)),
    "earnings-pointed": _earnings(EarningsFacts(earned(), REASONS), pointed=21),
    "earnings-week": _earnings(EarningsFacts(earned(), days=7)),
    "earnings-table": _earnings(EarningsFacts(earned()), table=True, saved="/home/maria/nightjar-earnings.csv"),
    "earnings-nothing": _earnings(EarningsFacts(nothing_earned(), REASONS[:1])),
    "earnings-asking": _earnings(EarningsFacts(asking=True)),
    "earnings-not-enrolled": _earnings(EarningsFacts(), "not-enrolled"),
    "earnings-error": _earnings(EarningsFacts(problem=RELAY_SILENT)),
    "earnings-stale": _earnings(EarningsFacts(earned(), problem=RELAY_SILENT)),
}
