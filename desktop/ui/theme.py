"""How Nightjar looks: dresses the application in one of our two palettes, as the desktop's colour scheme asks.

The palettes are ours because no desktop gives them reliably. Sizes of type are multiples of the desktop's own font
size: who set it large gets Nightjar large.
"""

from __future__ import annotations

import enum

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from desktop.ui.colour_scheme import ColourScheme
from desktop.ui.style_sheet import style_sheet
from desktop.ui.tokens import DARK, LIGHT, Colours


class Type(enum.Enum):
    """The type scale: size as a multiple of the desktop's font, and weight."""

    CAPTION = (0.92, QFont.Weight.Normal)
    BODY = (1.0, QFont.Weight.Normal)
    STRONG = (1.0, QFont.Weight.DemiBold)
    TITLE = (1.2, QFont.Weight.DemiBold)
    HEADLINE = (1.6, QFont.Weight.DemiBold)
    FIGURE = (2.0, QFont.Weight.DemiBold)
    CODE = (1.9, QFont.Weight.DemiBold)


class Theme(QObject):
    """The palette of the moment. `changed` comes after the application was dressed anew."""

    changed = Signal()

    def __init__(self, application: QApplication, *, scheme: Qt.ColorScheme = Qt.ColorScheme.Unknown) -> None:
        """With `scheme` the desktop is not asked (pictures, tests)."""
        super().__init__(application)
        self._application = application
        self._fixed = scheme
        self._desktop = ColourScheme(application.palette(), self)
        self.colours = LIGHT
        application.setStyle("Fusion")
        self._dress()
        self._desktop.changed.connect(self._dress)

    def choose(self, scheme: Qt.ColorScheme) -> None:
        """Light or dark, whatever the desktop is; Unknown follows the desktop again."""
        if scheme is not self._fixed:
            self._fixed = scheme
            self._dress()

    def _dress(self) -> None:
        unknown = self._fixed is Qt.ColorScheme.Unknown
        dark = self._desktop.dark if unknown else self._fixed is Qt.ColorScheme.Dark
        self.colours = DARK if dark else LIGHT
        self._application.setPalette(_palette(self.colours))
        self._application.setStyleSheet(style_sheet(self.colours))
        self.changed.emit()


def font(role: Type) -> QFont:
    """The application's font in one step of the scale."""
    size, weight = role.value
    made = QFont(QApplication.font())
    made.setPointSizeF(made.pointSizeF() * size)
    made.setWeight(weight)
    if role is Type.CODE:
        made.setFamilies(["ui-monospace", "Cascadia Mono", "SF Mono", "Ubuntu Mono", "DejaVu Sans Mono", "monospace"])
        made.setStyleHint(QFont.StyleHint.Monospace)
        made.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 108)
    return made


def restyle(widget: QWidget, name: str, value: str) -> None:
    """Sets a property that the style sheet looks at, and has it looked at again."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def _palette(colours: Colours) -> QPalette:
    role = QPalette.ColorRole
    made = QPalette(QColor(colours.page))
    for which, colour in (
        (role.Window, colours.page),
        (role.WindowText, colours.text),
        (role.Base, colours.field),
        (role.AlternateBase, colours.card),
        (role.Text, colours.text),
        (role.PlaceholderText, colours.muted),
        (role.Button, colours.card),
        (role.ButtonText, colours.text),
        (role.BrightText, colours.text),
        (role.ToolTipBase, colours.card),
        (role.ToolTipText, colours.text),
        (role.Highlight, colours.accent),
        (role.HighlightedText, colours.on_accent),
        (role.Link, colours.accent),
        (role.LinkVisited, colours.accent),
        (role.Accent, colours.accent),
    ):
        made.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, which, QColor(colours.muted))
    return made
