"""The first run: one step at a time, in place of the other pages. Only shows and asks."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeySequence, QPainter, QPaintEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from desktop.agent.state import Mode
from desktop.ui.buttons import Button
from desktop.ui.cards.enrolment import EnrolmentCard
from desktop.ui.cards.frame import Card
from desktop.ui.cards.library import RowsCard
from desktop.ui.fields import Check
from desktop.ui.first_run_presenter import FirstRunView, Point
from desktop.ui.first_run_steps import Step
from desktop.ui.labels import Prose, Text
from desktop.ui.mode_switch import ModeSwitch
from desktop.ui.theme import Theme, Type, restyle
from desktop.ui.tokens import SPACE_L, SPACE_M, SPACE_S, SPACE_XS
from desktop.ui.views import Tone

_DOT, _GAP = 8, 8


class FirstRunPage(QWidget):
    """`asked` is of a model's row, as on the page Models; `relay_given` carries an address."""

    back_asked = Signal()
    forward_asked = Signal()
    skip_asked = Signal()
    test_asked = Signal()
    relay_given = Signal(str)
    enrolment_cancelled = Signal()
    private_asked = Signal()
    asked = Signal(object, str)
    mode_chosen = Signal(Mode)
    login_wished = Signal(bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._begun: tuple[Step, bool] | None = None
        self.dots, self.where = _Dots(theme), Text("", Type.CAPTION, ink="muted")
        self.title = Prose(role=Type.HEADLINE)
        self.points = _PointsCard()
        self.enrolment = EnrolmentCard()
        self.rows = RowsCard(theme, "")
        self.share = _ShareCard(theme)
        self.told, self.problem = Prose(role=Type.STRONG), Prose(ink="bad")
        self.test = Button("")
        self.back, self.skip, self.forward = Button(""), Button("", "quiet"), Button("", "primary")
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(SPACE_M)
        head.addWidget(self.dots)
        head.addWidget(self.where)
        head.addStretch(1)
        test = QHBoxLayout()
        test.setSpacing(SPACE_M)
        test.addWidget(self.test)
        test.addWidget(self.told, 1)
        test.addStretch()
        foot = QHBoxLayout()
        foot.setSpacing(SPACE_S)
        foot.addWidget(self.back)
        foot.addWidget(self.skip)
        foot.addStretch(1)
        foot.addWidget(self.forward)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_L)
        column.addLayout(head)
        for widget in (self.title, self.points, self.enrolment, self.rows, self.share):
            column.addWidget(widget)
        column.addLayout(test)
        column.addWidget(self.problem)
        column.addLayout(foot)

    def _connect(self) -> None:
        self.back.clicked.connect(self.back_asked)
        self.skip.clicked.connect(self.skip_asked)
        self.forward.clicked.connect(self.forward_asked)
        self.test.clicked.connect(self.test_asked)
        self.enrolment.relay_given.connect(self.relay_given)
        self.enrolment.cancelled.connect(self.enrolment_cancelled)
        self.enrolment.private_asked.connect(self.private_asked)
        self.rows.asked.connect(self.asked)
        self.share.mode.chosen.connect(self.mode_chosen)
        self.share.login.clicked.connect(self.login_wished)
        QShortcut(QKeySequence(Qt.Key.Key_Escape), self, self._escape)

    def _escape(self) -> None:
        if self.back.isVisible():
            self.back_asked.emit()

    def show_view(self, view: FirstRunView) -> None:
        self.dots.show_step(view.at, view.steps)
        self.where.setText(view.where)
        self.title.say(view.title)
        self.points.show_points(view.points)
        self.enrolment.setVisible(view.enrolment is not None)
        if view.enrolment is not None:
            self.enrolment.show_view(view.enrolment)
        self.rows.setVisible(bool(view.rows or view.rows_empty))
        self.rows.show_rows(view.rows, view.rows_empty)
        self.share.setVisible(view.mode is not None)
        self.share.show_view(view)
        self.test.setText(view.test_button)
        self.test.setVisible(bool(view.test_button))
        self.test.setEnabled(view.can_test)
        self.told.say(view.told)
        restyle(self.told, "ink", "bad" if view.told_tone is Tone.BAD else "text")
        self.problem.say(view.problem)
        for button, text in ((self.back, view.back), (self.skip, view.skip), (self.forward, view.forward)):
            button.setText(text)
            button.setVisible(bool(text))
        self.forward.setEnabled(view.can_go_on)
        self._begin(view)

    def _begin(self, view: FirstRunView) -> None:
        """A new step has the focus where its owner goes on, and its title is read out."""
        asks = view.enrolment is not None and not view.can_go_on
        if (view.step, asks) == self._begun:
            return
        self._begun = view.step, asks
        self.setAccessibleName(f"{view.where}: {view.title}")
        first = self.enrolment.address if asks else self.forward
        first.setFocus(Qt.FocusReason.OtherFocusReason)


class _Dots(QWidget):
    """How far it is, for the eye: the words beside it say the same."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown = (0, 0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_step(self, at: int, steps: int) -> None:
        if (at, steps) != self._shown:
            self._shown = (at, steps)
            self.updateGeometry()
            self.update()

    @override
    def sizeHint(self) -> QSize:
        steps = self._shown[1]
        return QSize(steps * _DOT + max(0, steps - 1) * _GAP, _DOT)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        at, steps = self._shown
        colours = self._theme.colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        rtl = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        for step in range(steps):
            painter.setBrush(QColor(colours.accent if step <= at else colours.edge))
            place = steps - 1 - step if rtl else step
            painter.drawEllipse(QRectF(place * (_DOT + _GAP), 0, _DOT, _DOT))
        painter.end()


class _PointsCard(Card):
    """What there is to know, one thing below the other."""

    def __init__(self) -> None:
        super().__init__()
        self.points: list[tuple[Prose, Prose]] = []
        self.body.setSpacing(SPACE_M)

    def show_points(self, points: tuple[Point, ...]) -> None:
        self.setVisible(bool(points))
        while len(self.points) < len(points):
            pair = Prose(role=Type.STRONG), Prose(ink="muted")
            column = QVBoxLayout()
            column.setSpacing(SPACE_XS)
            for widget in pair:
                column.addWidget(widget)
            self.body.addLayout(column)
            self.points.append(pair)
        for at, (head, text) in enumerate(self.points):
            head.say(points[at].head if at < len(points) else "")
            text.say(points[at].text if at < len(points) else "")


class _ShareCard(Card):
    """When to share, and whether to start with the login: asked once, and never assumed."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.mode = ModeSwitch(theme)
        self.means = Prose(ink="muted")
        self.login = Check(theme, self.tr("Start Nightjar when I log in"))
        self.hint = Prose(self.tr("Both can be changed at any time."), role=Type.CAPTION, ink="muted")
        self.body.setSpacing(SPACE_M)
        row = QHBoxLayout()
        row.addWidget(self.mode)
        row.addStretch(1)
        self.body.addLayout(row)
        for widget in (self.means, self.login, self.hint):
            self.body.addWidget(widget)

    def show_view(self, view: FirstRunView) -> None:
        self.mode.show_mode(view.mode)
        self.means.say(view.mode_means)
        self.login.setChecked(view.at_login)
