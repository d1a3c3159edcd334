"""The Sharing rules page: why this PC shares or does not, and everything its owner can say about that."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui.cards.frame import Card
from desktop.ui.cards.rules import FieldsCard, ProgramsCard, RulesCard, WeekCard
from desktop.ui.labels import Prose
from desktop.ui.meters import Badge
from desktop.ui.rules_presenter import AWAY, BATTERY, HEAT, OTHERS, PROGRAMS, SCHEDULE
from desktop.ui.rules_views import RulesView, WhyView
from desktop.ui.theme import Theme, Type
from desktop.ui.tokens import SPACE_L, SPACE_XS


class RulesPage(QWidget):
    """Only shows and asks. `wished` carries a rule and a value, `painted` the open half hours of the week,
    `defaults_asked` the rules of a card; `program_added` and `program_removed` a name.
    """

    wished = Signal(str, object)
    painted = Signal(object)
    program_added = Signal(str)
    program_removed = Signal(str)
    defaults_asked = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.why = _WhyCard(theme)
        self.away = FieldsCard(theme, self.tr("When you are away"))
        self.week = WeekCard(theme, self.tr("Schedule"))
        self.battery = FieldsCard(theme, self.tr("Battery"))
        self.heat = FieldsCard(theme, self.tr("Heat"))
        self.others = FieldsCard(theme, self.tr("Other programs"))
        self.programs = ProgramsCard(theme, self.tr("Programs that want the whole PC"))
        self._cards: dict[RulesCard, tuple[str, ...]] = {
            self.away: AWAY,
            self.week: SCHEDULE,
            self.battery: BATTERY,
            self.heat: HEAT,
            self.others: OTHERS,
            self.programs: PROGRAMS,
        }
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_L)
        for card in (self.why, *self._cards):
            column.addWidget(card)
        column.addStretch(1)
        self._connect()

    def _connect(self) -> None:
        for card, rules in self._cards.items():
            card.wished.connect(self.wished)
            card.defaults_asked.connect(lambda rules=rules: self.defaults_asked.emit(rules))
        self.week.painted.connect(self.painted)
        self.programs.added.connect(self.program_added)
        self.programs.removed.connect(self.program_removed)

    def show_view(self, view: RulesView) -> None:
        self.why.show_view(view.why, view.refused)
        for fields, shown in (
            (self.away, view.away),
            (self.battery, view.battery),
            (self.heat, view.heat),
            (self.others, view.others),
        ):
            if shown is not None:
                fields.show_view(shown)
        if view.week is not None:
            self.week.show_view(view.week)
        if view.programs is not None:
            self.programs.show_view(view.programs)
        for card in self._cards:
            card.setVisible(view.week is not None)


class _WhyCard(Card):
    """The sentence of the state with its countdown, and what else is in the way."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.badge = Badge(theme)
        self.headline, self.detail = Prose(role=Type.HEADLINE), Prose(ink="muted")
        self.others_title = Prose(role=Type.CAPTION, ink="muted")
        self.others: list[Prose] = []
        self.refused = Prose(ink="bad")
        self._words = QVBoxLayout()
        self._words.setSpacing(SPACE_XS)
        for widget in (self.headline, self.detail):
            self._words.addWidget(widget)
        self._words.addSpacing(SPACE_XS)
        self._words.addWidget(self.others_title)
        row = QHBoxLayout()
        row.setSpacing(SPACE_L)
        row.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(self._words, 1)
        self.body.addLayout(row)
        self.body.addWidget(self.refused)

    def show_view(self, view: WhyView, refused: str) -> None:
        self.badge.show_sign(view.shape, view.tone)
        self.headline.say(view.headline)
        self.detail.say(view.detail)
        self.others_title.say(view.others_title)
        while len(self.others) < len(view.others):
            self.others.append(Prose())
            self._words.addWidget(self.others[-1])
        for at, line in enumerate(self.others):
            line.say(view.others[at] if at < len(view.others) else "")
        self.refused.say(refused)
        self.setAccessibleName(view.headline)
        self.setAccessibleDescription(view.detail)
