"""The state card: the sign, the sentence, the mode switch and the pause."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.agent.state import Mode
from desktop.ui.buttons import Button
from desktop.ui.cards.frame import Card
from desktop.ui.labels import Prose
from desktop.ui.meters import Badge
from desktop.ui.mode_switch import ModeSwitch
from desktop.ui.pauses import Pause, PauseMenu
from desktop.ui.theme import Theme, Type
from desktop.ui.tokens import SPACE_L, SPACE_M, SPACE_XS
from desktop.ui.views import StateView


class StateCard(Card):
    """What is going on, in one sentence, and the two things an owner wants to do about it."""

    mode_chosen = Signal(Mode)
    pause_chosen = Signal(Pause)
    program_asked = Signal()
    resume_chosen = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.badge = Badge(theme)
        self.headline = Prose(role=Type.HEADLINE)
        self.detail = Prose(ink="muted")
        self.modes = ModeSwitch(theme)
        self.pause = Button(self.tr("Pause…"))
        self.resume = Button(self.tr("Resume now"), "primary")
        self._pauses = PauseMenu(self)
        self.pause.setMenu(self._pauses)
        self.body.setSpacing(SPACE_L)
        self.body.addLayout(self._sentence())
        self.body.addLayout(self._controls())
        self.modes.chosen.connect(self.mode_chosen)
        self._pauses.chosen.connect(self.pause_chosen)
        self._pauses.program_asked.connect(self.program_asked)
        self.resume.clicked.connect(self.resume_chosen)

    def _sentence(self) -> QHBoxLayout:
        words = QVBoxLayout()
        words.setSpacing(SPACE_XS)
        words.addStretch(1)
        words.addWidget(self.headline)
        words.addWidget(self.detail)
        words.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(SPACE_L)
        row.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        return row

    def _controls(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE_M)
        row.addWidget(self.modes)
        row.addStretch(1)
        row.addWidget(self.pause)
        row.addWidget(self.resume)
        return row

    def show_view(self, view: StateView) -> None:
        self.badge.show_sign(view.shape, view.tone)
        self.headline.say(view.headline)
        self.detail.say(view.detail)
        self.modes.show_mode(view.mode)
        self.pause.setVisible(view.can_pause)
        self.resume.setVisible(view.can_resume)
        self.setAccessibleName(view.headline)
        self.setAccessibleDescription(view.detail)
