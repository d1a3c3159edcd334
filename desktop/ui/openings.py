"""The pages of the window besides Home: each with what it does, made when its owner first goes there."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication

from desktop.system.paths import Paths
from desktop.ui.activity_acts import ActivityActs
from desktop.ui.activity_presenter import ActivityPresenter
from desktop.ui.background import Runs
from desktop.ui.earnings_acts import Books, EarningsActs
from desktop.ui.earnings_presenter import EarningsPresenter
from desktop.ui.figures import Formats
from desktop.ui.library_acts import LibraryActs
from desktop.ui.library_operations import LibraryOperations
from desktop.ui.library_presenter import LibraryPresenter
from desktop.ui.pages.activity import ActivityPage
from desktop.ui.pages.earnings import EarningsPage
from desktop.ui.pages.models import ModelsPage
from desktop.ui.places import Opening, Place, Screen
from desktop.ui.theme import Theme


def openings_of(theme: Theme, paths: Paths, background: Runs, formats: Formats) -> Sequence[Opening]:
    """`paths` are those of the agent that runs, `background` is where long acts go."""
    translate = QCoreApplication.translate

    def models() -> Screen:
        presenter = LibraryPresenter(translate, formats)
        return LibraryActs(ModelsPage(theme), LibraryOperations(paths), background, presenter)

    def earnings() -> Screen:
        return EarningsActs(EarningsPage(theme), Books(paths), background, EarningsPresenter(translate, formats))

    def activity() -> Screen:
        return ActivityActs(ActivityPage(), Books(paths), background, ActivityPresenter(translate, formats))

    return (
        Opening(Place.MODELS, models),
        Opening(Place.EARNINGS, earnings),
        Opening(Place.ACTIVITY, activity),
    )
