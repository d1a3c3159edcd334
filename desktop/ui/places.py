"""Where the owner can go in the window, and what a page promises the frame around it.

Only places that work are given to the frame: one that is not built has no row, no key and no name.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtWidgets import QWidget

from desktop.agent.state import Snapshot


class Place(enum.Enum):
    """In the order of the sidebar. The value is what a command line or a test calls it."""

    HOME = "home"
    MODELS = "models"
    EARNINGS = "earnings"
    ACTIVITY = "activity"
    RULES = "rules"
    SETTINGS = "settings"
    DIAGNOSTICS = "diagnostics"


class Screen(Protocol):
    """A page and what it does. Built the first time it is opened; what is not seen hears and does nothing."""

    @property
    def page(self) -> QWidget:
        """Shown under the title, in a column that scrolls. It paints no ground and keeps no margin of its own."""

    @property
    def ticking(self) -> bool:
        """Whether what is shown changes by the clock alone: `show` is then called every second."""

    def show(self, snapshot: Snapshot | None, /) -> None:
        """The page is seen, and this is the newest word; None while the agent starts or after it has died."""

    def hide(self) -> None:
        """The page is not seen any more, until the next `show`: no timer runs and nothing is asked meanwhile."""

    def close(self) -> None:
        """Nightjar ends: what is under way is let go."""


@dataclass(frozen=True, slots=True)
class Opening:
    """One row of the sidebar. `open` is called once, on Qt's thread, when the owner goes there."""

    place: Place
    open: Callable[[], Screen]
