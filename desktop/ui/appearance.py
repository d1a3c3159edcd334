"""Light, dark, or as the desktop is, as the owner chose."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from PySide6.QtCore import Qt

from desktop.ui.preferences import Look, Preferences
from desktop.ui.theme import Theme

_SCHEMES: Final = {
    Look.SYSTEM: Qt.ColorScheme.Unknown,
    Look.LIGHT: Qt.ColorScheme.Light,
    Look.DARK: Qt.ColorScheme.Dark,
}


class Appearance:
    """Dresses the theme as was chosen last, and again when the choice changes."""

    def __init__(self, theme: Theme, preferences: Preferences) -> None:
        self._theme, self.preferences = theme, preferences
        theme.choose(_SCHEMES[self.look])

    @property
    def look(self) -> Look:
        return self.preferences.chosen.look

    def choose(self, look: Look) -> None:
        """Holds at once. Raises CommandRefused if it cannot be kept; then it holds until the end of this run."""
        self._theme.choose(_SCHEMES[look])
        self.preferences.keep(replace(self.preferences.chosen, look=look))
