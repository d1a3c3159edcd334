"""The models card: what this PC can answer with, how each model is, and what is still on its way here."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui.cards.frame import Card
from desktop.ui.labels import Name, Pill, Prose
from desktop.ui.meters import Bar
from desktop.ui.theme import Theme, Type
from desktop.ui.tokens import SPACE_M, SPACE_S, SPACE_XS
from desktop.ui.views import ModelView


class ModelRow(QWidget):
    """One model: name and state in a line, how much of it is here if that is not all, the facts below."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = Name()
        self.state = Pill()
        self.bar = Bar(theme)
        self.detail = Prose(role=Type.CAPTION, ink="muted")
        line = QHBoxLayout()
        line.setSpacing(SPACE_S)
        line.addWidget(self.name, 1)
        line.addWidget(self.state)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_XS + 2)
        column.addLayout(line)
        column.addWidget(self.bar)
        column.addWidget(self.detail)

    def show_view(self, view: ModelView) -> None:
        self.name.say(view.name)
        self.state.say(view.state, view.tone)
        self.detail.say(view.detail)
        self.bar.setVisible(view.done is not None)
        if view.done is not None:
            self.bar.show_share(view.done, view.tone)
            self.bar.setAccessibleName(view.spoken)


class ModelsCard(Card):
    """A row a model; rows are made once and reused."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Models"), parent)
        self._theme = theme
        self.rows: list[ModelRow] = []
        self.empty = Prose(ink="muted")
        self._column = QVBoxLayout()
        self._column.setSpacing(SPACE_M)
        self.body.addLayout(self._column)
        self.body.addWidget(self.empty)
        self.body.addStretch(1)

    def show_views(self, views: tuple[ModelView, ...], empty: str) -> None:
        while len(self.rows) < len(views):
            self.rows.append(ModelRow(self._theme))
            self._column.addWidget(self.rows[-1])
        for at, row in enumerate(self.rows):
            row.setVisible(at < len(views))
            if at < len(views):
                row.show_view(views[at])
        self.empty.say("" if views else empty)
