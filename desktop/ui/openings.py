"""The pages of the window besides Home: each with what it does, made when its owner first goes there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QCoreApplication

from desktop.agent.commands import Command
from desktop.agent.situation import week_minute
from desktop.system.paths import Paths
from desktop.ui.activity_acts import ActivityActs
from desktop.ui.activity_presenter import ActivityPresenter
from desktop.ui.appearance import Appearance
from desktop.ui.background import Runs
from desktop.ui.diagnostics_acts import DiagnosticsActs, Upkeep
from desktop.ui.diagnostics_presenter import DiagnosticsPresenter
from desktop.ui.earnings_acts import Books, EarningsActs
from desktop.ui.earnings_presenter import EarningsPresenter
from desktop.ui.figures import Formats
from desktop.ui.library_acts import LibraryActs
from desktop.ui.library_operations import LibraryOperations
from desktop.ui.library_presenter import LibraryPresenter
from desktop.ui.notice_book import NoticeBook
from desktop.ui.pages.activity import ActivityPage
from desktop.ui.pages.diagnostics import DiagnosticsPage
from desktop.ui.pages.earnings import EarningsPage
from desktop.ui.pages.models import ModelsPage
from desktop.ui.pages.rules import RulesPage
from desktop.ui.pages.settings import SettingsPage
from desktop.ui.places import Opening, Place, Screen
from desktop.ui.private_relay import PrivateRelay
from desktop.ui.private_relay_acts import PrivateRelayActs
from desktop.ui.private_relay_presenter import PrivateRelayPresenter
from desktop.ui.rules_acts import RulesActs
from desktop.ui.rules_presenter import RulesPresenter
from desktop.ui.settings_acts import Housekeeping, SettingsActs
from desktop.ui.settings_presenter import SettingsPresenter
from desktop.ui.theme import Theme


def openings_of(
    theme: Theme,
    paths: Paths,
    background: Runs,
    formats: Formats,
    *,
    appearance: Appearance,
    notices: NoticeBook,
    post: Callable[[Command], None],
    private_relay: PrivateRelay | None = None,
) -> Sequence[Opening]:
    """`paths` are those of the agent that runs, `post` is how it is told; `background` is where long acts go."""
    translate = QCoreApplication.translate

    def models() -> Screen:
        presenter = LibraryPresenter(translate, formats)
        return LibraryActs(ModelsPage(theme), LibraryOperations(paths), background, presenter)

    def earnings() -> Screen:
        return EarningsActs(EarningsPage(theme), Books(paths), background, EarningsPresenter(translate, formats))

    def activity() -> Screen:
        return ActivityActs(ActivityPage(), Books(paths), background, ActivityPresenter(translate, formats))

    def rules() -> Screen:
        return RulesActs(RulesPage(theme), post, RulesPresenter(translate, formats, week_minute))

    def settings() -> Screen:
        page = SettingsPage(theme)
        beside = None
        if private_relay is not None:
            words = PrivateRelayPresenter(translate, formats)
            beside = PrivateRelayActs(page.private_relay, private_relay, background, words, post=post)
        return SettingsActs(
            page,
            Housekeeping(paths),
            background,
            SettingsPresenter(translate, formats),
            appearance=appearance,
            notices=notices,
            post=post,
            private_relay=beside,
        )

    def diagnostics() -> Screen:
        return DiagnosticsActs(DiagnosticsPage(), Upkeep(paths), background, DiagnosticsPresenter(translate, formats))

    return (
        Opening(Place.MODELS, models),
        Opening(Place.EARNINGS, earnings),
        Opening(Place.ACTIVITY, activity),
        Opening(Place.RULES, rules),
        Opening(Place.SETTINGS, settings),
        Opening(Place.DIAGNOSTICS, diagnostics),
    )
