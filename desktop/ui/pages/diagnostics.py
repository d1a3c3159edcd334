"""The Diagnostics page: the self-test, the log, and the report that can be read before it is given to anybody."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.ui.buttons import Button
from desktop.ui.cards.frame import Card
from desktop.ui.cards.problem import ProblemCard
from desktop.ui.diagnostics_presenter import DiagnosticsView, FindingView
from desktop.ui.labels import Pill, Prose, Text
from desktop.ui.theme import Type
from desktop.ui.tokens import SPACE_L, SPACE_M, SPACE_S, SPACE_XS

REPORT_NAME = "nightjar-report.txt"
_LINES_SEEN = 12


class DiagnosticsPage(QWidget):
    """Only shows and asks. `file_chosen` carries where the report is to be written."""

    test_asked = Signal()
    report_asked = Signal()
    file_chosen = Signal(Path)
    copied = Signal(str)
    folder_asked = Signal()
    fault_dropped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.problem = ProblemCard(self.tr("Try again"))
        self.fault = _FaultCard(self.tr("Last fault"))
        self.test = _TestCard(self.tr("Self-test"))
        self.report = _ReportCard(self.tr("Report"))
        self.log = _LogCard(self.tr("Log"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_L)
        for card in (self.problem, self.fault, self.test, self.report, self.log):
            column.addWidget(card)
        column.addStretch(1)
        self.fault.drop.clicked.connect(self.fault_dropped)
        self.fault.copy.clicked.connect(lambda: self.copied.emit(self.fault.text.toPlainText()))
        self.problem.again.clicked.connect(self.test_asked)
        self.test.again.clicked.connect(self.test_asked)
        self.report.make.clicked.connect(self.report_asked)
        self.report.save.clicked.connect(self._choose_file)
        self.report.copy.clicked.connect(lambda: self.copied.emit(self.report.text.toPlainText()))
        self.log.copy.clicked.connect(lambda: self.copied.emit(self.log.text.toPlainText()))
        self.log.open.clicked.connect(self.folder_asked)

    def show_view(self, view: DiagnosticsView) -> None:
        self.problem.show_problem(view.problem, busy=view.testing, can_try=view.can_try)
        self.fault.show_view(view)
        self.test.show_view(view)
        self.report.show_view(view)
        self.log.show_view(view)

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Save the report"), str(Path.home() / REPORT_NAME))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("txt")
        dialog.fileSelected.connect(lambda path: self.file_chosen.emit(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


class _TestCard(Card):
    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.headline = Prose(role=Type.TITLE)
        self.as_of = Prose(role=Type.CAPTION, ink="muted")
        self.again = Button(self.tr("Run again"))
        self.rows: list[_Row] = []
        row = QHBoxLayout()
        row.setSpacing(SPACE_M)
        words = QVBoxLayout()
        words.setSpacing(SPACE_XS)
        words.addWidget(self.headline)
        words.addWidget(self.as_of)
        row.addLayout(words, 1)
        row.addWidget(self.again)
        self.body.addLayout(row)
        self._list = QVBoxLayout()
        self._list.setSpacing(SPACE_M)
        self.body.addLayout(self._list)

    def show_view(self, view: DiagnosticsView) -> None:
        self.headline.say(view.headline)
        self.as_of.say(view.as_of)
        self.again.setEnabled(not view.testing)
        self.again.setText(self.tr("Looking…") if view.testing else self.tr("Run again"))
        while len(self.rows) < len(view.findings):
            self.rows.append(_Row())
            self._list.addWidget(self.rows[-1])
        for at, each in enumerate(self.rows):
            each.setVisible(at < len(view.findings))
            if at < len(view.findings):
                each.show_view(view.findings[at])


class _Row(QWidget):
    """What was looked at and what was found, with a pill for those who only skim."""

    def __init__(self) -> None:
        super().__init__()
        self.verdict, self.concern = Pill(), Text("", Type.STRONG)
        self.says, self.source = Prose(), Prose(role=Type.CAPTION, ink="muted")
        head = QHBoxLayout()
        head.setSpacing(SPACE_S)
        head.addWidget(self.concern)
        head.addWidget(self.verdict)
        head.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_XS)
        column.addLayout(head)
        column.addWidget(self.says)
        column.addWidget(self.source)

    def show_view(self, view: FindingView) -> None:
        self.verdict.say(view.verdict, view.tone)
        self.concern.setText(view.concern)
        self.says.say(view.says)
        self.source.say(view.source)
        self.setAccessibleName(f"{view.concern}: {view.verdict}. {view.says}")


class _Reading(QPlainTextEdit):
    """Text to be read and copied, never written: a dozen lines high at most, each as long as it is."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))

    def show_text(self, text: str, *, end: bool) -> None:
        """`end`: the newest is last, and stays in sight for whoever has not scrolled away from it."""
        if text == self.toPlainText():
            return
        bar = self.verticalScrollBar()
        follows = end and bar.value() >= bar.maximum()
        before = bar.value()
        self.setPlainText(text)
        lines = min(text.count("\n") + 1, _LINES_SEEN)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * (lines + 1) + 2 * SPACE_M)
        bar.setValue(bar.maximum() if follows else before)


def _copies(what: str, word: str) -> Button:
    """One of several on the page: a reader hears which."""
    button = Button(word)
    button.setAccessibleName(f"{word}: {what}")
    return button


class _FaultCard(Card):
    """Hidden while there is none."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.told, self.text = Prose(role=Type.STRONG), _Reading(title)
        self.copy, self.drop = _copies(title, self.tr("Copy")), Button(self.tr("Forget it"))
        self.body.addWidget(self.told)
        self.body.addWidget(self.text)
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        for button in (self.copy, self.drop):
            row.addWidget(button)
        row.addStretch(1)
        self.body.addLayout(row)

    def show_view(self, view: DiagnosticsView) -> None:
        self.setVisible(bool(view.fault))
        self.told.say(view.fault)
        self.text.show_text(view.fault_trace, end=True)


class _ReportCard(Card):
    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.told = Prose()
        self.text = _Reading(title)
        self.make = Button(self.tr("Make a report"))
        self.save, self.copy = Button(self.tr("Save as…"), "primary"), _copies(title, self.tr("Copy"))
        self.body.addWidget(self.told)
        self.body.addWidget(self.text)
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        for button in (self.save, self.copy, self.make):
            row.addWidget(button)
        row.addStretch(1)
        self.body.addLayout(row)

    def show_view(self, view: DiagnosticsView) -> None:
        self.told.say(view.report_told)
        self.text.show_text(view.report, end=False)
        for widget in (self.text, self.save, self.copy):
            widget.setVisible(bool(view.report))
        self.make.setEnabled(not view.reporting)
        made = self.tr("Make it anew") if view.report else self.tr("Make a report")
        self.make.setText(self.tr("Collecting…") if view.reporting else made)


class _LogCard(Card):
    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.text = _Reading(title)
        self.empty = Prose(ink="muted")
        self.folder = Prose(role=Type.CAPTION, ink="muted")
        self.copy, self.open = _copies(title, self.tr("Copy")), Button(self.tr("Open the folder"))
        self.body.addWidget(self.empty)
        self.body.addWidget(self.text)
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        for button in (self.copy, self.open):
            row.addWidget(button)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addWidget(self.folder)

    def show_view(self, view: DiagnosticsView) -> None:
        self.empty.say(view.log_empty)
        self.text.show_text(view.log, end=True)
        self.text.setVisible(bool(view.log))
        self.copy.setVisible(bool(view.log))
        self.folder.say(view.folder)
