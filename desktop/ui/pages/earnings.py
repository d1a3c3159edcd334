"""The Earnings page: sums, a chart by day with its table behind, each model's part, and why it is not more."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFileDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui.buttons import Button
from desktop.ui.cards.frame import Card
from desktop.ui.cards.problem import ProblemCard
from desktop.ui.charts import ColumnChart
from desktop.ui.earnings_presenter import SPANS, EarningsPageView, ShareView, SumView
from desktop.ui.labels import Name, Prose, Text
from desktop.ui.meters import Bar
from desktop.ui.table import Table
from desktop.ui.theme import Theme, Type
from desktop.ui.tokens import SPACE_L, SPACE_M, SPACE_S, SPACE_XS
from desktop.ui.views import Tone


class EarningsPage(QWidget):
    """`days_chosen` carries how many days the chart is to show, `file_chosen` where to write the sheet."""

    days_chosen = Signal(int)
    file_chosen = Signal(Path)
    again_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.problem = ProblemCard(self.tr("Try again"))
        self.empty = Card()
        self.empty_text = Prose(ink="muted")
        self.sums = _SumsCard(self.tr("Earned"))
        self.days = _DaysCard(theme, self.tr("By day"))
        self.models = _ModelsCard(theme, self.tr("By model"))
        self.reasons = _ReasonsCard(self.tr("Why not more?"))
        self.empty.body.addWidget(self.empty_text)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_L)
        for card in (self.problem, self.empty, self.sums, self.days, self.models, self.reasons):
            column.addWidget(card)
        column.addStretch(1)
        self.problem.again.clicked.connect(self.again_asked)
        self.days.chosen.connect(self.days_chosen)
        self.days.save.clicked.connect(self._choose_file)

    def show_view(self, view: EarningsPageView) -> None:
        self.problem.show_problem(view.problem, busy=view.busy)
        self.empty_text.say(view.empty)
        self.empty.setVisible(bool(view.empty))
        self.sums.show_views(view.sums, view.pending, view.as_of)
        self.sums.setVisible(bool(view.sums))
        self.days.show_view(view)
        self.days.setVisible(bool(view.sums))
        self.models.show_views(view.models)
        self.models.setVisible(bool(view.models))
        self.reasons.show_sentences(view.reasons)
        self.reasons.setVisible(bool(view.reasons))

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Save earnings"), str(Path.home() / "nightjar-earnings.csv"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(self.tr("Tables (*.csv)"))
        dialog.setDefaultSuffix("csv")
        dialog.fileSelected.connect(lambda path: self.file_chosen.emit(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


class _SumsCard(Card):
    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.sums: list[tuple[Text, Text, Text]] = []
        self.pending = Prose(role=Type.CAPTION)
        self.as_of = Prose(role=Type.CAPTION, ink="muted")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(SPACE_L)
        self._grid.setVerticalSpacing(SPACE_XS)
        self.body.addLayout(self._grid)
        self.body.addSpacing(SPACE_S)
        self.body.addWidget(self.pending)
        self.body.addWidget(self.as_of)

    def show_views(self, views: tuple[SumView, ...], pending: str, as_of: str) -> None:
        while len(self.sums) < len(views):
            self._add()
        for (name, amount, detail), view in zip(self.sums, views, strict=False):
            name.setText(view.name)
            amount.setText(view.amount)
            amount.setToolTip(view.exact)
            amount.setAccessibleName(f"{view.name}: {view.exact or view.amount}")
            detail.setText(view.detail)
        self.pending.say(pending)
        self.as_of.say(as_of)

    def _add(self) -> None:
        at = len(self.sums)
        labels = Text("", Type.CAPTION, ink="muted"), Text("", Type.HEADLINE), Text("", Type.CAPTION, ink="muted")
        for row, label in enumerate(labels):
            self._grid.addWidget(label, row, at)
        self._grid.setColumnStretch(at, 1)
        self.sums.append(labels)


class _DaysCard(Card):
    """The chart, the spans it can show, and the table behind it."""

    chosen = Signal(int)

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__(title)
        self._has_chart, self._as_table = False, False
        self.chart = ColumnChart(theme)
        self.table = Table(self.tr("Earnings by day and model"))
        self.empty = Prose(ink="muted")
        self.saved = Prose(role=Type.CAPTION)
        self.as_table = Button(self.tr("Show as table"), "quiet")
        self.save = Button(self.tr("Save as CSV…"))
        self._group = QButtonGroup(self)
        self.spans = {days: self._span(days) for days in SPANS}
        for button in (self.as_table, self.save):
            button.setProperty("small", "true")
        foot = QHBoxLayout()
        foot.setSpacing(SPACE_S)
        foot.addWidget(self.save)
        foot.addWidget(self.as_table)
        foot.addStretch(1)
        for widget in (self.empty, self.chart, self.table):
            self.body.addWidget(widget)
        self.body.addLayout(foot)
        self.body.addWidget(self.saved)
        self.as_table.clicked.connect(lambda: self.show_table(not self._as_table))

    def _span(self, days: int) -> Button:
        button = Button(self.tr("%Ln days", "", days).replace("%Ln", str(days)), "quiet")
        button.setCheckable(True)
        button.setProperty("small", "true")
        button.clicked.connect(lambda: self.chosen.emit(days))
        self.heading.addWidget(button)
        self._group.addButton(button)
        return button

    def show_view(self, view: EarningsPageView) -> None:
        self.empty.say(view.chart_empty)
        self._has_chart = view.chart is not None
        if view.chart is not None:
            self.chart.show_view(view.chart)
        if view.table is not None:
            self.table.show_view(view.table)
        for days, button in self.spans.items():
            button.setChecked(days == view.days)
            button.setVisible(self._has_chart)
        self.save.setVisible(view.can_save)
        self.as_table.setVisible(self._has_chart)
        self.saved.say(view.saved)
        self._switch()

    def show_table(self, table: bool) -> None:  # noqa: FBT001 - a switch's position
        """The table in place of the chart, or the chart again."""
        self._as_table = table
        self._switch()

    def _switch(self) -> None:
        table = self._as_table
        self.as_table.setText(self.tr("Show as chart") if table else self.tr("Show as table"))
        self.chart.setVisible(self._has_chart and not table)
        self.table.setVisible(self._has_chart and table)


class _ModelsCard(Card):
    """A line a model, with its share of all as a bar."""

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__(title)
        self._theme = theme
        self.rows: list[_ShareRow] = []
        self._column = QVBoxLayout()
        self._column.setSpacing(SPACE_M)
        self.body.addLayout(self._column)

    def show_views(self, views: tuple[ShareView, ...]) -> None:
        while len(self.rows) < len(views):
            self.rows.append(_ShareRow(self._theme))
            self._column.addWidget(self.rows[-1])
        for at, row in enumerate(self.rows):
            row.setVisible(at < len(views))
            if at < len(views):
                row.show_view(views[at])


class _ShareRow(QWidget):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.name, self.detail, self.amount = Name(), Text("", Type.CAPTION, ink="muted"), Text("", Type.STRONG)
        self.bar = Bar(theme)
        line = QHBoxLayout()
        line.setSpacing(SPACE_M)
        line.addWidget(self.name, 1)
        line.addWidget(self.detail)
        line.addWidget(self.amount)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_XS + 2)
        column.addLayout(line)
        column.addWidget(self.bar)

    def show_view(self, view: ShareView) -> None:
        self.name.say(view.name)
        self.detail.setText(view.detail)
        self.amount.setText(view.amount)
        self.bar.show_share(view.share, Tone.GOOD)
        self.bar.setAccessibleName(f"{view.name}: {view.amount}")


class _ReasonsCard(Card):
    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.lines: list[Prose] = []

    def show_sentences(self, sentences: tuple[str, ...]) -> None:
        while len(self.lines) < len(sentences):
            self.lines.append(Prose())
            self.body.addWidget(self.lines[-1])
        for at, line in enumerate(self.lines):
            line.say(sentences[at] if at < len(sentences) else "")
